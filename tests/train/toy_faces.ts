/**
 * Small faces drawn for the tests of pretraining, and the pretraining program as its user runs it: in a process of its
 * own, in a folder of its own, with the permissions that the task names and no others.
 */
import { override } from "../../train/runs/settings.ts";
import { EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { type PretrainConfig, quick } from "../../train/config.ts";
import { holdBackSubjects, manifestPath, readManifest } from "../../train/input/data.ts";
import { train } from "../../train/pretraining/pretraining.ts";
import { randomStream } from "../../train/runs/random.ts";

/** A line of a manifest. */
export type Line = Record<string, unknown>;

/** Settings of a run that takes seconds. */
export const TINY = [
  "--backbone=resnet18",
  "--width=0.125",
  "--imageSize=32",
  "--batchSize=16",
  "--projectionSize=16",
  "--embeddingSize=8",
  "--epochs=2",
  "--logEvery=1",
  "--evaluateEvery=100",
];

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Draws `subjects` x 7 faces: a disc with a bar whose direction is the emotion, and its manifest. Returns the lines. */
export async function drawFaces(
  folder: string,
  subjects: number,
  { side = 40, labelled = true }: { side?: number; labelled?: boolean } = {},
): Promise<Line[]> {
  await Deno.mkdir(join(folder, "faces"), { recursive: true });
  const lines: Line[] = [];
  for (let subject = 0; subject < subjects; subject++) {
    for (const [e, emotion] of EMOTIONS.entries()) {
      const random = randomStream(subject, e);
      const image = `faces/${subject}-${emotion}.jpg`;
      await drawFace(random, e * Math.PI / 7, side).jpeg({ quality: 90 }).toFile(join(folder, image));
      lines.push({
        image,
        subject: `s${String(subject).padStart(2, "0")}`,
        emotion,
        ...(labelled
          ? { present: { 12: Number(emotion === "happy" || random() < 0.1), 4: Number(emotion === "anger") } }
          : {}),
      });
    }
  }
  await writeManifest(folder, lines);
  return lines;
}

/** One picture of `side` px, in the colours and at the place that `random` gives. */
export function drawFace(random: () => number, angle: number, side: number): ReturnType<typeof sharp> {
  const skin = [0, 1, 2].map(() => 60 + 140 * random());
  const cx = side * (0.4 + 0.2 * random()), cy = side * (0.4 + 0.2 * random());
  const pixels = new Uint8Array(side * side * 3);
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const onBar = Math.abs((x - cx) * Math.cos(angle) + (y - cy) * Math.sin(angle)) < side / 16;
      const onFace = Math.hypot(x - cx, y - cy) < side * 0.4;
      for (const tone of skin) pixels[i++] = onBar ? 20 : onFace ? tone : 0.5 * tone + 30 * random();
    }
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
}

/** Writes `manifest.jsonl`; a string is a line as it stands. */
export async function writeManifest(folder: string, lines: readonly (Line | string)[]): Promise<void> {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)) + "\n").join("");
  await Deno.writeTextFile(join(folder, "manifest.jsonl"), text);
}

/** What a process left. */
export interface Outcome {
  code: number;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** The command line of the program, for those who start it by other means than `startPretrain`. */
export function pretrainCommand(args: readonly string[]): string[] {
  return [
    "run",
    "--no-prompt",
    `--config=${join(ROOT, "deno.json")}`,
    ...PERMISSIONS,
    join(ROOT, "train/pretrain.ts"),
    ...args,
  ];
}

/** Starts `deno task pretrain` in `cwd`; `outcome` resolves when it has ended. */
export function startPretrain(
  cwd: string,
  args: readonly string[],
  env: { [name: string]: string } = {},
): { child: Deno.ChildProcess; outcome: Promise<Outcome> } {
  const child = new Deno.Command(Deno.execPath(), {
    args: pretrainCommand(args),
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { child, outcome: child.output().then(decode) };
}

/** Runs the program to its end. */
export function pretrain(cwd: string, ...args: string[]): Promise<Outcome> {
  return startPretrain(cwd, args).outcome;
}

/** A run in this process, as the program starts it but without its start-up time; returns what was printed. */
export async function trainHere(
  cwd: string,
  name: string,
  settings: Partial<PretrainConfig> = {},
  { resumes = false, eager = true, skipBroken = false, data = "faces" } = {},
): Promise<string> {
  const tiny = Object.fromEntries(TINY.map((setting) => setting.slice(2).split("=")));
  const config = {
    program: "pretrain",
    preset: "quick",
    data: join(cwd, data),
    skipBroken,
    ...override(quick, tiny),
    ...settings,
  };
  const folder = join(cwd, "runs", name);
  if (!resumes) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  }
  const manifest = manifestPath(config.data);
  const { kept, held } = holdBackSubjects(readManifest(manifest), config.heldBack, config.seed);
  const run = { name, folder, engine: "test", config, data: { manifest, kept, held }, resumes, eager };
  const write = Deno.stdout.writeSync;
  let printed = "";
  Deno.stdout.writeSync = (bytes) => {
    printed += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  try {
    await train(run);
  } finally {
    Deno.stdout.writeSync = write;
  }
  return printed;
}

/** The outcome of a finished process, as text. */
export function decode({ code, signal, stdout, stderr }: Deno.CommandOutput): Outcome {
  const text = new TextDecoder();
  // Deno itself may have to say that another process of the same tests holds its lock.
  const said = text.decode(stderr).replace(/^.*waiting for file lock.*\n/gm, "");
  return { code, signal, stdout: text.decode(stdout), stderr: said };
}

/** Lines of `metrics.jsonl` of a run under `cwd`, as they stand. */
export function metricLines(cwd: string, name: string): Record<string, unknown>[] {
  const text = Deno.readTextFileSync(join(cwd, "runs", name, "metrics.jsonl"));
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** The permissions that the task names. */
const PERMISSIONS: string[] = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json"))).tasks.pretrain
  .command
  .split(" ").filter((word: string) => word.startsWith("--allow-"));
