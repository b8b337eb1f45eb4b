/**
 * `deno task bench input`: pictures to two views each, beside a PyTorch DataLoader with torchvision, in alternating
 * rounds: the same files, the same list of augmentations, the same number of workers.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { COMMITTED_FACES, readManifest } from "../../train/input/data.ts";
import { type FlagList, wholeNumber } from "../../train/runs/flags.ts";
import { readPart } from "../files/named_parts.ts";
import { Contender, type Round } from "./contender.ts";
import { pythonWithTorch } from "./python.ts";
import { median } from "../median.ts";

const FLAGS: FlagList = {
  rounds: { kind: "text", help: "alternating rounds (7)" },
  faces: { kind: "text", help: "pictures of 256 px that are made for it (1024)" },
  size: { kind: "text", help: "side of a view in pixels (224)" },
  workers: { kind: "text", help: "workers of either side (2)" },
  python: { kind: "text", help: "a Python with torch and torchvision, instead of making one" },
  help: { kind: "switch", help: "this" },
};

/** What both sides are asked for. */
export interface InputCase {
  /** Path of the manifest of the pictures. */
  manifest: string;
  size: number;
  batchSize: number;
  workers: number;
  /** Least share of a picture that a view shows. */
  least: number;
}

/** The paper's setting. */
const BATCH = 64, LEAST = 0.2, BATCHES = 8;
/** Between two rounds, so that the one does not run beside the other's last batches. */
const REST_MS = 3000;

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const flags = readPart("deno task bench input: pictures to views, beside PyTorch.", FLAGS, args);
  if (!flags) return;
  const { text } = flags;
  const count = (name: string, normal: number, least = 1) =>
    wholeNumber(name, text[name] ?? String(normal), least);
  const rounds = count("rounds", 7), faces = count("faces", 1024, BATCH);
  const size = count("size", 224, 16), workers = count("workers", 2);
  const python = await pythonWithTorch(text.python, console.log);
  const folder = await Deno.makeTempDir();
  const contenders: Contender[] = [];
  try {
    const manifest = await makePictures(folder, faces);
    console.log(
      `input: ${faces} JPEGs of 256 px, each decoded every time; two views of ${size} px as MoCo v2 draws them, ` +
        `batches of ${BATCH}, ${workers} workers`,
    );
    const start = async (name: string, command: string, given: string[]) => {
      const contender = new Contender(name, command, given);
      contenders.push(contender);
      console.log(`  ${name.padEnd(8)} ${(await contender.greeting()).engine}`);
    };
    const given: InputCase = { manifest, size, batchSize: BATCH, workers, least: LEAST };
    const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
    const permissions = ["read", "ffi", "env", "sys"].map((each) => `--allow-${each}`);
    await start("emoco", Deno.execPath(), [
      "run",
      "--quiet",
      ...permissions,
      path("./input_worker.ts"),
      JSON.stringify(given),
    ]);
    const options = { list: join(folder, "list.txt"), size, batch: BATCH, workers, least: LEAST };
    await start("pytorch", python, [
      path("../../tests/reference/input_bench.py"),
      ...Object.entries(options).flatMap(([key, value]) => [`--${key}`, `${value}`]),
    ]);
    console.log(`\n${await compare(contenders, rounds)}`);
  } finally {
    for (const contender of contenders) await contender.end();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Alternating rounds; gives back the line of the ratio. */
async function compare([ours, peer]: readonly Contender[], rounds: number): Promise<string> {
  const results: [Round, Round][] = [];
  const speed = ({ seconds }: Round) => BATCHES * BATCH / seconds;
  for (let round = 0; round < rounds; round++) {
    const measured = new Map<Contender, Round>();
    for (const contender of round % 2 === 0 ? [ours, peer] : [peer, ours]) {
      measured.set(contender, await contender.round(BATCHES));
      await new Promise((rested) => setTimeout(rested, REST_MS)); // its workers still make batches ahead
    }
    const [a, b] = [measured.get(ours)!, measured.get(peer)!];
    results.push([a, b]);
    console.log(
      `  round ${round + 1}  faces/s  ${ours.name} ${speed(a).toFixed(1)}   ${peer.name} ${
        speed(b).toFixed(1)
      }`,
    );
  }
  const ratios = results.map(([a, b]) => b.seconds / a.seconds);
  const cpu = median(results.map(([{ cpuSeconds }]) => cpuSeconds / (BATCHES * BATCH)));
  const peak = Math.max(...results.map(([{ peakBytes }]) => peakBytes)) / 2 ** 20;
  console.log(
    `  median faces/s: ${ours.name} ${median(results.map(([a]) => speed(a))).toFixed(1)}, ` +
      `${peer.name} ${median(results.map(([, b]) => speed(b))).toFixed(1)}; ${ours.name} takes ` +
      `${(1000 * cpu).toFixed(1)} ms of processor a face, peak memory ${peak.toFixed(0)} MB`,
  );
  console.log(`  ratios by round: ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`);
  return `RATIO input ${median(ratios).toFixed(2)}`;
}

/** The committed faces at 256 px, as `deno task manifest` writes aligned ones; a manifest and a plain list of them. */
async function makePictures(folder: string, count: number): Promise<string> {
  const sources = readManifest(join(COMMITTED_FACES, "manifest.jsonl"));
  const files = Array.from({ length: count }, (_, i) => join(folder, `${i}.jpg`));
  for (const [i, file] of files.entries()) {
    await sharp(sources[i % sources.length].image).resize(256, 256)
      .jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toFile(file);
  }
  const manifest = join(folder, "manifest.jsonl");
  const lines = files.map((image, i) =>
    JSON.stringify({ image, subject: `s${i}`, emotion: sources[i % sources.length].emotion }) + "\n"
  );
  Deno.writeTextFileSync(manifest, lines.join(""));
  Deno.writeTextFileSync(join(folder, "list.txt"), files.join("\n"));
  return manifest;
}
