/**
 * `deno task photos`: the pictures that EmoCo's committed readings are of, cut out of checkouts of the public
 * repositories that they are from, so that anybody can measure a model on the same faces.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromHere } from "../train/runs/from_here.ts";
import { type FlagList, type Flags, runProgram, UsageError } from "../train/runs/flags.ts";
import { Progress } from "./faces/progress.ts";
import { writeWhole } from "./faces/write_whole.ts";
import { claimNames } from "./files/claim.ts";
import { cutPictures, missingFrom, readReadings } from "./photos/cut.ts";
import { SOURCES } from "./photos/sources.ts";

const READINGS = fileURLToPath(new URL("./photos/readings.jsonl", import.meta.url));

const FLAGS: FlagList = {
  from: {
    kind: "text",
    help: `folder that holds checkouts of ${SOURCES.map(({ repository }) => repository).join(", ")}`,
  },
  out: {
    kind: "text",
    help: "folder of the pictures, for deno task evaluate --photos and deno task align --in",
  },
  readings: { kind: "text", help: "labels and where each picture is from (default: EmoCo's 540)" },
  partial: { kind: "switch", help: "cut what is there, and leave the rest out of the manifest" },
  help: { kind: "switch", help: "this text" },
};

/** Runs the program; errors are sentences. */
export async function main({ text, switches }: Flags): Promise<void> {
  if (!text.from || !text.out) {
    throw new UsageError("--from=folder of checkouts and --out=folder are both needed; see --help.");
  }
  const from = fromHere(text.from), out = fromHere(text.out);
  const all = readReadings(text.readings ? fromHere(text.readings) : READINGS);
  const { sentences, lost } = missingFrom(from, all);
  const kept = all.filter((reading) => !lost.has(reading));
  if (sentences.length > 0 && (!switches.has("partial") || kept.length === 0)) {
    throw new UsageError(
      [...sentences, "--partial cuts what is there; scores on fewer pictures compare with nothing published."]
        .join("\n"),
    );
  }
  for (const sentence of sentences) console.log(sentence);
  claimNames("--out", out, ["LICENCES.txt", "manifest.jsonl", ...kept.map(({ image }) => image)]);
  const progress = new Progress("pictures cut", kept.length);
  await cutPictures(from, out, kept, () => progress.step());
  progress.end();
  const used = SOURCES.filter((source) => kept.some(({ origin }) => origin.source === source));
  await writeWhole(
    join(out, "LICENCES.txt"),
    used.map(({ set, repository, licence }) => `${set} (https://github.com/${repository}): ${licence}\n`)
      .join("\n"),
  );
  await writeWhole(join(out, "manifest.jsonl"), kept.map(({ line }) => `${line}\n`).join("")); // last: all is there
  console.log(`${kept.length} pictures with their readings are in ${join(out, "manifest.jsonl")}.`);
  console.log(`Next: deno task evaluate --photos=${text.out}`);
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task photos: the pictures of EmoCo's readings, cut out of public repositories.",
    flags: FLAGS,
  }, main);
}
