import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { quick } from "../../../train/config.ts";
import { type Face, holdBackSubjects, readManifest } from "../../../train/input/data.ts";
import { writePretrainReport } from "../../../train/pretraining/pretrain_report.ts";
import { barChart, escapeHtml, lineChart } from "../../../train/runs/svg_chart.ts";
import { drawFaces } from "../toy_faces.ts";

/** Every element that is opened is closed, in order. @throws with the first one that is not */
function assertNested(html: string): void {
  const open: string[] = [];
  for (const [, close, name, rest] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b([^>]*)>/g)) {
    if (/^(meta|img|br)$/.test(name) || rest.endsWith("/")) continue;
    if (close) assertEquals(open.pop(), name, `</${name}>`);
    else open.push(name);
  }
  assertEquals(open, []);
}

/** Points of every path of a chart. */
const paths = (svg: string) =>
  [...svg.matchAll(/<path d="([^"]*)"/g)].map(([, d]) =>
    [...d.matchAll(/([ML])([\d.-]+) ([\d.-]+)/g)].map(([, command, x, y]) => ({
      command,
      x: Number(x),
      y: Number(y),
    }))
  );

describe("lineChart", () => {
  const options = { xLabel: "step" };

  it("puts points where their numbers are: straight lines stay straight, higher is higher", () => {
    const [line] = paths(lineChart("t", [{ name: "a", points: [[0, 0], [50, 5], [100, 10]] }], options));
    assertEquals(line.map(({ command }) => command), ["M", "L", "L"]);
    assertEquals(line[1].x - line[0].x, line[2].x - line[1].x);
    assert(line[0].y > line[1].y && Math.abs(line[0].y - 2 * line[1].y + line[2].y) < 0.11);
  });

  it("interrupts a line where a number is missing, and never writes NaN", () => {
    const svg = lineChart("t", [{ name: "a", points: [[0, 1], [1, NaN], [2, 3], [3, 4]] }], options);
    assertEquals(paths(svg)[0].map(({ command }) => command), ["M", "M", "L"]);
    assertNotMatch(svg, /NaN|undefined|Infinity/);
    assertEquals(lineChart("t", [{ name: "a", points: [[0, NaN]] }], options), "");
    assertNotMatch(lineChart("t", [{ name: "a", points: [[7, 2]] }], options), /NaN|Infinity/);
  });

  it("thins a long line to means of neighbours, so that a long run draws quickly and keeps its course", () => {
    const points = Array.from({ length: 10_000 }, (_, i) => [i, i + (i % 2 ? 40 : -40)] as const);
    const svg = lineChart("t", [{ name: "a", points }], options);
    const [line] = paths(svg);
    assertEquals(line.length, 200);
    assert(svg.length < 10_000);
    const slopes = line.slice(1).map((point, i) => (point.y - line[i].y) / (point.x - line[i].x));
    assert(
      Math.max(...slopes) - Math.min(...slopes) < 0.2,
      "the means lie on the line that the noise was put on",
    );
  });

  it("has legends that do not run into each other, and a dashed level", () => {
    const series = ["contrastive, Eq. 5", "emotion, Eq. 2"].map((name, i) => ({
      name,
      points: [[0, i], [1, 2]] as const,
    }));
    const svg = lineChart("t", series, { ...options, level: { y: 1, name: "chance <" } });
    const legend = [...svg.matchAll(/<text x="(\d[\d.]*)" y="26"[^>]*>([^<]*)</g)].map(([, x, text]) => ({
      x: Number(x),
      text,
    }));
    assertEquals(legend.map(({ text }) => text), series.map(({ name }) => name));
    assert(legend[1].x - legend[0].x > 18 * 6);
    assertStringIncludes(svg, 'class="level"');
    assertStringIncludes(svg, "chance &#60;");
  });
});

describe("the numbers beside a chart's axes", () => {
  it("lie inside of it, the last one too", () => {
    const most = 7; // pixels that a digit of 11 takes
    for (const last of [100, 2500, 120_000]) {
      const svg = lineChart("t", [{ name: "a", points: [[0, 0], [last, 1]] }], { xLabel: "step" });
      const [, width] = /viewBox="0 0 (\d+)/.exec(svg)!.map(Number);
      const labels = [
        ...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+" text-anchor="(end|middle)"[^>]*>([\d.e+-]+)</g),
      ];
      assert(labels.length > 4, svg);
      for (const [, x, anchor, text] of labels) {
        const behind = anchor === "end" ? 0 : text.length * most / 2;
        assert(Number(x) + behind <= width, `${text} of ${last}`);
        assert(Number(x) + behind - text.length * most >= 0, `${text} of ${last}`);
      }
    }
  });
});

describe("barChart", () => {
  it("draws bars in proportion, and none for a measure that does not exist", () => {
    const svg = barChart("t", ["AU1", "AU2"], [{ name: "F1", values: [0.25, 1] }, {
      name: "AUC",
      values: [0.5, NaN],
    }]);
    const widths = [...svg.matchAll(/<rect x="170" y="[^"]+" width="([\d.]+)" height="8"/g)].map((
      [, width],
    ) => Number(width));
    assertEquals(widths.length, 3);
    assertEquals([widths[1] / widths[0], widths[2] / widths[0]], [2, 4]);
    assertNotMatch(svg, /NaN/);
  });
});

describe("escapeHtml", () => {
  it("makes text safe inside elements and attributes", () => {
    assertEquals(escapeHtml('<a href="x">&'), "&#60;a href=&#34;x&#34;&#62;&#38;");
  });
});

describe("the report of a pretraining run", () => {
  let folder: string, kept: Face[], held: Face[], html: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(folder, 6);
    ({ kept, held } = holdBackSubjects(readManifest(join(folder, "manifest.jsonl")), 0.3, 0));
    await Deno.writeTextFile(kept[0].image, "broken, and skipped by the run");
    const unit = {
      truePositives: 1,
      falsePositives: 1,
      trueNegatives: 1,
      falseNegatives: 1,
      positiveRate: 0.5,
      count: 4,
    };
    const step = (step: number) => ({
      type: "step",
      step,
      loss: 3,
      emotionLoss: 1.9,
      contrastiveLoss: 2 / step,
    });
    await writePretrainReport(folder, {
      name: "<mine>",
      engine: "engine & device",
      config: { ...quick, imageSize: 32 },
      steps: 40,
      metrics: [
        { type: "evaluation", step: 0, knnEmotionAccuracy: 0.2, probeF1: 0.3, probeAuc: null },
        step(10),
        step(20),
        { type: "evaluation", step: 20, knnEmotionAccuracy: 0.4, probeF1: 0.5, probeAuc: 0.6 },
      ],
      kept,
      probe: {
        knnEmotionAccuracy: 0.4,
        probeF1: 0.5,
        probeAuc: 0.6,
        // A data set may name units that this project has no name for.
        units: [{ ...unit, au: 12, f1: 0.5, auc: 0.6 }, { ...unit, au: 46, f1: 0.5, auc: NaN }],
        queries: held,
        neighbours: held.map(() => kept.slice(1, 21)),
      },
    });
    html = await Deno.readTextFile(join(folder, "report.html"));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("opens offline: one file without script, and without anything that is fetched", () => {
    assertNotMatch(html, /<script|<link|<iframe|@import|url\(|https?:\/\//i);
    for (const [, source] of html.matchAll(/\bsrc="([^"]{0,40})/g)) {
      assertMatch(source, /^data:image\/jpeg;base64,/);
    }
    assertNested(html.replace(/<!doctype html>/, "").replace(/<style>[^]*<\/style>/, ""));
    assertEquals([...html.matchAll(/<img [^>]*>/g)].every(([image]) => /alt="[^"]+"/.test(image)), true);
  });

  it("holds figures with what they were before training, curves, bars, faces and settings", () => {
    assertStringIncludes(
      html,
      "<b>40.0 %</b>emotion by nearest neighbours (chance 14.3 %; 20.0 % untrained)",
    );
    assertStringIncludes(html, `<b>20</b>of 40 steps of 64 faces, ${quick.epochs} epochs`);
    assertStringIncludes(html, "mean AUC of the same probe (chance 0.500)");
    for (const title of ["Losses", "On subjects held back from training", "Linear probe by action unit"]) {
      assertStringIncludes(html, `aria-label="${title}"`);
    }
    for (const words of ["&#60;mine&#62;", "engine &#38; device", "AU12 Lip corner puller", "AU46"]) {
      assertStringIncludes(html, words);
    }
    assertStringIncludes(html, "<td>backbone</td><td>resnet18</td><td>resnet50</td>");
    assertNotMatch(html, /undefined|NaN|\[object/);
  });

  it("shows each emotion once in what the encoder sees, with a query and a key, past broken pictures", () => {
    const seen = html.slice(html.indexOf("What the encoder sees"));
    const triples = [...seen.matchAll(/<div class="triple">.*?<\/div>/g)].map(([text]) => text);
    assertEquals(triples.map((text) => /<figcaption>([a-z]+)/.exec(text)![1]), [
      "neutral",
      "happy",
      "sad",
      "surprise",
      "fear",
      "disgust",
      "anger",
    ]);
    for (const text of triples) {
      assertEquals([...text.matchAll(/alt="(query|key)"/g)].map(([, what]) => what), ["query", "key"]);
    }
  });
});
