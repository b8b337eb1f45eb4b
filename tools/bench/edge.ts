/**
 * `deno task bench edge`: what the edge weighs. It is built, then started afresh for every round: how long until it
 * listens, until it has answered its first picture, how long a picture takes then, and its memory at rest and at work.
 */
import { join } from "node:path";
import { type FlagList, UsageError, wholeNumber } from "../../train/runs/flags.ts";
import { buildEdge, type BuiltEdge, describe, TARGETS } from "../build_edge.ts";
import { readPart } from "../files/named_parts.ts";
import { HostedEdge } from "../edge/hosted.ts";
import type { IsolateMemory } from "../edge/isolate.ts";
import { median } from "../median.ts";
import { makePicture } from "./photos.ts";

const FLAGS: FlagList = {
  rounds: { kind: "text", help: "fresh processes (5)" },
  target: { kind: "text", help: `one of ${TARGETS.join(", ")} (deno)` },
  requests: { kind: "text", help: "pictures each of them answers after the first (100)" },
  help: { kind: "switch", help: "this" },
};

interface Round {
  readonly listening: number;
  readonly answered: number;
  readonly perPicture: number;
  /** Bytes of the process; of Node's nothing is known. */
  readonly atRest?: number;
  readonly atWork?: number;
  /** workerd's isolate after all pictures. */
  readonly isolate?: IsolateMemory;
  /** Milliseconds of processor time that a picture took workerd. */
  readonly processor?: number;
}

/**
 * What Cloudflare gives a Worker (developers.cloudflare.com/workers/platform/limits): a size, uncompressed, which until 2026
 * was 3 MB compressed on the free plan and 10 MB on the paid one; memory of an isolate; and processor time a request.
 */
const CLOUDFLARE = { size: 64 * 2 ** 20, memory: 128e6, processor: { free: 10, paid: 300_000 } };

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const flags = readPart("deno task bench edge: what the edge weighs.", FLAGS, args);
  if (!flags) return;
  const { text } = flags;
  const rounds = wholeNumber("rounds", text.rounds ?? "5");
  const requests = wholeNumber("requests", text.requests ?? "100");
  const target = TARGETS.find((name) => name === (text.target ?? "deno"));
  if (!target) throw new UsageError(`--target=${text.target} is none of ${TARGETS.join(", ")}.`);
  const parent = await Deno.makeTempDir();
  try {
    const built = await buildEdge(join(parent, "edge"), { target });
    console.log(describe(built));
    const picture = await makePicture(), done: Round[] = [];
    for (let round = 1; round <= rounds; round++) done.push(await measure(built, picture, requests));
    const line = (name: string, unit: string, of: (round: Round) => number | undefined) => {
      const values = done.map(of).filter((value) => value !== undefined);
      if (values.length === 0) return;
      const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(0));
      console.log(`  ${name.padEnd(40)} median ${median(values).toFixed(0)} ${unit} (${least} to ${most})`);
    };
    line("from its start until it listens", "ms", ({ listening }) => listening);
    line("until its first picture is answered", "ms", ({ answered }) => answered);
    line("a picture of 640x480 after that", "ms", ({ perPicture }) => perPicture);
    line("memory once the model is loaded", "MB", ({ atRest }) => atRest && atRest / 1e6);
    line(`most memory over ${requests} pictures`, "MB", ({ atWork }) => atWork && atWork / 1e6);
    line("the isolate's heap", "MB", ({ isolate }) => isolate && isolate.heap / 1e6);
    line("the isolate's buffers", "MB", ({ isolate }) => isolate && isolate.buffers / 1e6);
    line("onnxruntime's wasm in it", "MB", ({ isolate }) => isolate && isolate.shared / 1e6);
    line("processor time of a picture", "ms", ({ processor }) => processor);
    for (const told of target === "workerd" ? besideLimits(built, done) : []) console.log(told);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** What was measured beside what Cloudflare gives, a line each. */
function besideLimits({ bytes }: BuiltEdge, done: readonly Round[]): string[] {
  const { code, engine, codecs, model, compressed } = bytes, size = code + engine + codecs + model;
  const memory = Math.max(
    ...done.flatMap(({ isolate }) => isolate ? isolate.heap + isolate.buffers + isolate.shared : []),
  );
  const processor = median(done.flatMap(({ processor }) => processor ?? []));
  const { free, paid } = CLOUDFLARE.processor;
  const verdict = (isWithin: boolean) => isWithin ? "fits" : "does not fit";
  const megabytes = (count: number) => (count / 1e6).toFixed(1);
  return [
    "Cloudflare's limits, measured / given:",
    `  size of the Worker, both plans           ${megabytes(size)} / ${megabytes(CLOUDFLARE.size)} MB: ` +
    `${verdict(size <= CLOUDFLARE.size)} (compressed ${megabytes(compressed)})`,
    `  memory of the isolate, both plans        ${megabytes(memory)} / ${megabytes(CLOUDFLARE.memory)} MB: ` +
    verdict(memory <= CLOUDFLARE.memory),
    `  processor time of a picture, free plan   ${processor.toFixed(0)} / ${free} ms: ${
      verdict(processor <= free)
    }`,
    `  processor time of a picture, paid plan   ${processor.toFixed(0)} / ${paid} ms: ${
      verdict(processor <= paid)
    }`,
  ];
}

async function measure(
  built: BuiltEdge,
  picture: Uint8Array<ArrayBuffer>,
  requests: number,
): Promise<Round> {
  const start = performance.now(), edge = await HostedEdge.start(built);
  try {
    const listening = performance.now() - start;
    await edge.detect(picture);
    const answered = performance.now() - start, isMeasured = built.target !== "node";
    const memory = () => isMeasured ? edge.memory() : undefined;
    const atRest = await memory();
    const times: number[] = [], isWorkerd = built.target === "workerd";
    const before = isWorkerd ? await edge.processorTime() : 0;
    let atWork = atRest;
    for (let i = 0; i < requests; i++) {
      const sent = performance.now();
      await edge.detect(picture);
      times.push(performance.now() - sent);
      if (i % 10 === 0) atWork = Math.max(atWork ?? 0, await memory() ?? 0) || undefined;
    }
    const processor = isWorkerd ? (await edge.processorTime() - before) / requests : undefined;
    const isolate = isWorkerd ? await edge.isolate() : undefined; // last: the debugger takes time and memory of its own
    return { listening, answered, perPicture: median(times), atRest, atWork, isolate, processor };
  } finally {
    await edge.end();
  }
}
