import { AuDetector } from "@emoco/web/detector";
import { BlazeFace } from "@emoco/web/face-finder";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { alignmentTransform, cropFace, fitSimilarity, toTensor, transformPoint } from "@emoco/web/image";
import * as ort from "onnxruntime-node";
import { compose, drawBackground, randomOf, readHeads } from "./compositions.ts";
const folder = new URL("../faces/", import.meta.url),
  modelFolder = new URL("../../web/model/", import.meta.url);
const heads = await readHeads(folder);
const lines = (await Deno.readTextFile(new URL("manifest.jsonl", folder))).trim().split("\n").map((l) =>
  JSON.parse(l)
);
const finder = await BlazeFace.load({
  model: await Deno.readFile(new URL("blazeface.onnx", modelFolder)),
  ort: ort as any,
});
const det = await AuDetector.load({
  model: await Deno.readFile(new URL("emoco.onnx", modelFolder)),
  card: await Deno.readFile(new URL("emoco.json", modelFolder)),
  finder,
  ort: ort as any,
});
const { card } = det, S = card.input.size;
const sizes = [80, 160, 280, 400], W = 640, H = 480;
const A = card.aus.length;
const mk = () => Array.from({ length: A }, () => ({ tp: 0, fp: 0, fn: 0 }));
const tallies: Record<string, ReturnType<typeof mk>> = {};
const count = (k: string, line: any, p: (i: number) => number) => {
  const t = tallies[k] ??= mk();
  card.aus.forEach(({ au, threshold }, i) => {
    const y = line.present[au];
    if (y == null) return;
    const d = p(i) >= threshold;
    if (d && y) t[i].tp++;
    else if (d) t[i].fp++;
    else if (y) t[i].fn++;
  });
};
const f1 = (k: string) => {
  const v = tallies[k].map(({ tp, fp, fn }) => 2 * tp / (2 * tp + fp + fn || 1));
  return v.reduce((a, b) => a + b) / A;
};
const off: Record<string, number[][]> = {};
const sims: number[][] = [];
const rows: any[] = [];
let missed = 0;
for (const size of sizes) {
  const random = randomOf(size);
  for (let h = 0; h < heads.length; h++) {
    const eyes = size / 2.3, head = heads[h], margin = Math.min(eyes * 1.6, H / 2);
    const at = [W, H].map((s) => margin + random() * (s - 2 * margin)) as [number, number];
    const turn = (random() * 2 - 1) * 15 - head.roll;
    const pic = compose(drawBackground(W, H, random), head, { eyes, turn, at });
    const crop = async (points: any) =>
      (await det.infer({
        data: toTensor(cropFace(pic.image, points, S, card.alignment.template), card.input),
        dims: [1, 3, S, S],
      })).probabilities.data;
    const truth = await crop(pic.points);
    const { faces } = await det.detect(pic.image);
    const err = (f: any) =>
      ALIGNMENT_POINTS.reduce(
        (s, n) =>
          s +
          Math.hypot(f.points[n][0] - (pic.points as any)[n][0], f.points[n][1] - (pic.points as any)[n][1]),
        0,
      ) / eyes / 4;
    const best = faces.filter((f) => err(f) < .35)[0];
    if (!best) {
      missed++;
      continue;
    }
    count("true", lines[h], (i) => truth[i]);
    count("path", lines[h], (i) => best.aus[i].probability);
    count("true" + size, lines[h], (i) => truth[i]);
    count("path" + size, lines[h], (i) => best.aus[i].probability);
    const T = alignmentTransform(pic.points, 1); // true crop frame
    for (const n of ALIGNMENT_POINTS) {
      const [x, y] = transformPoint(T, (best.points as any)[n]),
        [tx, ty] = transformPoint(T, (pic.points as any)[n]);
      (off[n] ??= []).push([x - tx, y - ty]);
    }
    // crop displacement: true frame -> path frame
    const P = alignmentTransform(best.points, 1);
    const to = ([[0, 0], [1, 0], [0, 1], [1, 1]] as const).map((c) => {
      const inv = ((t: any, [x, y]: any) => {
        const q = t.a * t.a + t.b * t.b, dx = x - t.x, dy = y - t.y;
        return [(t.a * dx + t.b * dy) / q, (t.a * dy - t.b * dx) / q] as const;
      })(T, c);
      return transformPoint(P, inv);
    });
    const D = fitSimilarity([[0, 0], [1, 0], [0, 1], [1, 1]], to);
    const [cx, cy] = transformPoint(D, [.5, .5]);
    sims.push([Math.hypot(D.a, D.b), Math.atan2(D.b, D.a) * 180 / Math.PI, cx - .5, cy - .5]);
    rows.push({
      size,
      h,
      pose: lines[h].pose,
      points: Object.fromEntries(
        ALIGNMENT_POINTS.map((n) => [n, transformPoint(T, (best.points as any)[n])]),
      ),
      true: Object.fromEntries(ALIGNMENT_POINTS.map((n) => [n, transformPoint(T, (pic.points as any)[n])])),
    });
  }
}
const stat = (v: number[]) => {
  const m = v.reduce((a, b) => a + b) / v.length;
  return `${m.toFixed(4)} sd ${Math.sqrt(v.reduce((a, b) => a + (b - m) ** 2, 0) / v.length).toFixed(4)}`;
};
for (const k of Object.keys(tallies)) console.log(k, (100 * f1(k)).toFixed(2));
console.log("missed", missed);
for (const n of ALIGNMENT_POINTS) {
  console.log(
    n,
    "dx",
    stat(off[n].map((o) => o[0])),
    "dy",
    stat(off[n].map((o) => o[1])),
  );
}
["scale", "angle", "x", "y"].forEach((n, i) => console.log("crop", n, stat(sims.map((s) => s[i]))));
await Deno.writeTextFile("/work/scratch/serving/rows.json", JSON.stringify(rows));
