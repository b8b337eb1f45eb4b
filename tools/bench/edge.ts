/**
 * `deno task bench edge`: what the edge weighs. It is built, then started afresh for every round: how long until it
 * listens, until it has answered its first picture, how long a picture takes then, and its memory at rest and at work.
 */
import { join } from "node:path";
import { type FlagList, readFlags, UsageError } from "../../train/runs/flags.ts";
import { buildEdge, describe } from "../build_edge.ts";
import { HostedEdge } from "../edge/hosted.ts";
import { median } from "../median.ts";
import { makePicture } from "./photos.ts";

const FLAGS: FlagList = {
  rounds: { kind: "text", help: "fresh processes (5)" },
  requests: { kind: "text", help: "pictures each of them answers after the first (100)" },
  help: { kind: "switch", help: "this" },
};

interface Round {
  readonly listening: number;
  readonly answered: number;
  readonly perPicture: number;
  readonly atRest: number;
  readonly atWork: number;
}

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const { text, switches } = readFlags(args, FLAGS, false);
  if (switches.has("help")) {
    return console.log("deno task bench edge --rounds=5 --requests=100: what the edge weighs.");
  }
  const [rounds, requests] = ([["rounds", 5], ["requests", 100]] as const).map(([name, normal]) => {
    const value = Number(text[name] ?? normal);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new UsageError(`--${name}=${text[name]}: a whole number from 1 on is needed.`);
  });
  const parent = await Deno.makeTempDir();
  try {
    const built = await buildEdge(join(parent, "edge"));
    console.log(describe(built));
    const picture = await makePicture(), done: Round[] = [];
    for (let round = 1; round <= rounds; round++) done.push(await measure(built.folder, picture, requests));
    const line = (name: string, unit: string, of: (round: Round) => number) => {
      const values = done.map(of);
      const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(0));
      console.log(`  ${name.padEnd(40)} median ${median(values).toFixed(0)} ${unit} (${least} to ${most})`);
    };
    line("from its start until it listens", "ms", ({ listening }) => listening);
    line("until its first picture is answered", "ms", ({ answered }) => answered);
    line("a picture of 640x480 after that", "ms", ({ perPicture }) => perPicture);
    line("memory once the model is loaded", "MB", ({ atRest }) => atRest / 1e6);
    line(`most memory over ${requests} pictures`, "MB", ({ atWork }) => atWork / 1e6);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function measure(
  folder: string,
  picture: Uint8Array<ArrayBuffer>,
  requests: number,
): Promise<Round> {
  const start = performance.now(), edge = await HostedEdge.start(folder);
  try {
    const listening = performance.now() - start;
    await edge.detect(picture);
    const answered = performance.now() - start, atRest = await edge.memory();
    const times: number[] = [];
    let atWork = atRest;
    for (let i = 0; i < requests; i++) {
      const sent = performance.now();
      await edge.detect(picture);
      times.push(performance.now() - sent);
      if (i % 10 === 0) atWork = Math.max(atWork, await edge.memory());
    }
    return { listening, answered, perPicture: median(times), atRest, atWork };
  } finally {
    await edge.end();
  }
}
