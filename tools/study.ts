/**
 * `deno task study`: the paper's evidence on faces that can be had. Each part pretrains what it compares on the
 * `pretrain` split, scores it on people nobody trained on, keeps every result, and draws them. Resumable run by run.
 */
import { COMMITTED_FACES, manifestPath, readManifest } from "../train/input/data.ts";
import { METHODS } from "../train/methods/index.ts";
import { fromHere } from "../train/runs/from_here.ts";
import {
  type FlagList,
  type Flags,
  runProgram,
  SHARED_FLAGS,
  UsageError,
  wholeNumber,
} from "../train/runs/flags.ts";
import { duration } from "../train/runs/progress.ts";
import { readPhotos } from "./photos/manifest.ts";
import { drawPart } from "./study/draw.ts";
import type { Part } from "./study/part.ts";
import { BY_DEFAULT, PARTS } from "./study/parts.ts";
import {
  claimResults,
  COMMITTED_RESULTS,
  openResults,
  readResults,
  resultsName,
  settingOf,
  type StudyResults,
  writeResults,
} from "./study/results.ts";
import type { Asked, StudyResult, StudyRun } from "./study/run.ts";
import { score } from "./study/score.ts";

const FLAGS: FlagList = {
  only: {
    kind: "text",
    help: `parts, with commas: ${PARTS.map(({ name }) => name).join(", ")} (default: ${
      BY_DEFAULT.join(",")
    })`,
  },
  epochs: { kind: "text", help: "epochs of every pretraining (default: 40)" },
  finetuneEpochs: { kind: "text", help: "epochs of every finetuning (default: 10)" },
  seeds: { kind: "text", help: "seeds of every part (default: its own number)" },
  data: {
    kind: "text",
    help:
      "folder with a manifest.jsonl and its splits, stills or clips (default: the faces that come with EmoCo)",
  },
  photos: { kind: "text", help: "folder of photographs: models are scored on them as well" },
  methods: { kind: "text", help: `rivals to compare, with commas: ${Object.keys(METHODS).join(", ")}` },
  out: {
    kind: "text",
    help: "folder of results and charts, such as runs/my-study (default: tools/study, README.md)",
  },
  draw: { kind: "switch", help: "only draw the results that there are" },
  plan: { kind: "switch", help: "only list the runs that are still open" },
  help: SHARED_FLAGS.help,
};

async function main({ text, switches, settings }: Flags): Promise<void> {
  const parts = chooseParts(text.only);
  const folder = text.out ? fromHere(text.out) : COMMITTED_RESULTS;
  if (switches.has("draw")) return drawAll(text.only ? parts : PARTS, folder, text.out ?? "tools/study");
  const asked = readAsked(text, settings);
  // Whatever is missing is better known before hours of training than after them.
  for (const part of parts) part.demand?.(asked);
  const photographs = asked.photos === undefined ? undefined : readPhotos(asked.photos).photos.length;
  const setting = settingOf(asked, photographs);
  const opened = parts.map((part) => {
    const name = resultsName(part.name, asked);
    return { part, name, results: openResults(folder, name, setting) };
  });
  if (!switches.has("plan")) { for (const { name } of opened) claimResults(folder, name); }
  for (const { part, name, results } of opened) {
    await part.prepare?.(asked);
    if (switches.has("plan")) listOpen(name, openRuns(part, asked, results.runs));
    else await runPart(part, name, results, asked, folder);
  }
}

/** Runs what is open of a part; results may bring further runs with them. */
async function runPart(
  part: Part,
  name: string,
  results: StudyResults,
  asked: Asked,
  folder: string,
): Promise<void> {
  const started = performance.now();
  for (let done = 0;; done++) {
    const open = openRuns(part, asked, results.runs);
    if (!open.length) break;
    const left = done
      ? `, ${duration((performance.now() - started) / done * open.length)} left of these`
      : "";
    console.log(`\n=== ${name}: ${open[0].name} (${open.length} open runs${left})`);
    results.runs.push(await score(open[0], asked, folder));
    writeResults(folder, name, results);
    drawPart(folder, name, part, results);
  }
  const lacks = drawPart(folder, name, part, results);
  for (const result of results.runs) console.log(lineOf(name, result));
  if (lacks) console.log(lacks);
}

function openRuns(part: Part, asked: Asked, done: readonly StudyResult[]): StudyRun[] {
  const names = new Set(done.map(({ name }) => name));
  return part.plan(asked, done).filter(({ name }) => !names.has(name));
}

function listOpen(name: string, runs: readonly StudyRun[]): void {
  console.log(`${name}: ${runs.length} open runs`);
  for (const run of runs) console.log(`  ${run.name}`);
}

/** One result in a line. */
function lineOf(part: string, { name, f1, auc, heldBackF1, photographs, silhouettes }: StudyResult): string {
  const percent = (value: number) => (100 * value).toFixed(1);
  const says = [
    f1 === null ? "" : `F1 ${percent(f1)}`,
    auc === null ? "" : `AUC ${percent(auc)}`,
    f1 === null && heldBackF1 !== null ? `held-back F1 ${percent(heldBackF1)}` : "",
    photographs ? `photographs AUC ${percent(photographs.all.auc)}` : "",
    ...(silhouettes ?? []).map((one) =>
      `${one.encoder}: ${one.byEmotion.toFixed(3)}, ${one.byUnit.toFixed(3)}`
    ),
  ];
  return `${part}  ${name.padEnd(36)} ${says.filter(Boolean).join("  ")}`;
}

function drawAll(parts: readonly Part[], folder: string, shown: string): void {
  let drawn = 0;
  for (const part of parts) {
    for (const clips of [false, true]) {
      const name = resultsName(part.name, { clips });
      const results = readResults(folder, name);
      if (!results) continue;
      drawn++;
      const lacks = drawPart(folder, name, part, results);
      for (const result of results.runs) console.log(lineOf(name, result));
      if (lacks) console.log(lacks);
    }
  }
  if (drawn) return;
  const names = parts.map(({ name }) => `${name}.json`).join(", ");
  throw new UsageError(`There is no ${names} in ${shown} to draw: start with deno task study.`);
}

/** @throws {UsageError} an unknown part */
function chooseParts(only: string | undefined): Part[] {
  const names = only?.split(",") ?? BY_DEFAULT;
  const unknown = names.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown === undefined) return PARTS.filter(({ name }) => names.includes(name));
  const known = PARTS.map(({ name, about }) => `${name} (${about})`).join(", ");
  throw new UsageError(`--only=${only}: "${unknown}" is no part; the parts are ${known}.`);
}

function readAsked(text: Record<string, string>, settings: Record<string, string>): Asked {
  const data = text.data ? fromHere(text.data) : COMMITTED_FACES;
  const taken = OWN.find((key) => Object.hasOwn(settings, key));
  if (taken) {
    throw new UsageError(`--${taken} is no setting of the whole study: its runs differ in it, or must not.`);
  }
  const epochs = wholeNumber("epochs", text.epochs ?? "40");
  const finetuneEpochs = wholeNumber("finetuneEpochs", text.finetuneEpochs ?? "10");
  const faces = readManifest(manifestPath(data)).filter(({ split }) => split === "pretrain");
  const clips = faces.length > 0 && faces.every(({ other }) => other.video !== undefined);
  return {
    data,
    epochs,
    finetuneEpochs,
    ...(text.seeds ? { seeds: wholeNumber("seeds", text.seeds) } : {}),
    settings: Object.entries(settings).map(([key, value]) => `--${key}=${value}`),
    ...(text.photos ? { photos: fromHere(text.photos) } : {}),
    clips,
    ...(text.methods ? { methods: text.methods.split(",") } : {}),
  };
}

/** Keys that each run has of its own, or that the random encoder, which is not pretrained, could not share. */
const OWN = [
  "method",
  "seed",
  "emotionWeight",
  "evaluateEvery",
  "baseLearningRate",
  "queues",
  "normalization",
  "losses",
  "backbone",
  "width",
  "stem",
  "imageSize",
];

if (import.meta.main) {
  await runProgram({
    summary: "deno task study: compare EmoCo with its rivals; stop and start it as you like.",
    flags: FLAGS,
    settings: "Settings of deno task pretrain, as --key=value, hold for every pretraining.",
  }, main);
}
