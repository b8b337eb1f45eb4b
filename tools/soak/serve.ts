/** Ten thousand requests of every kind: each is answered as it should be, and resident memory stays flat. */
import { fileURLToPath } from "node:url";
import sharp, { type Sharp } from "sharp";
import { type FlagList, wholeNumber } from "../../train/runs/flags.ts";
import { readPart } from "../files/named_parts.ts";
import { Served } from "../served.ts";
import { fromHere } from "../../train/runs/from_here.ts";
import { median } from "../median.ts";

const FLAGS: FlagList = {
  requests: { kind: "text", help: "requests after the warm-up (10000)" },
  model: { kind: "text", help: "folder of emoco.onnx and emoco.json (the committed model)" },
  engine: { kind: "text", help: "auto, native or wasm (auto)" },
  help: { kind: "switch", help: "this" },
};

/** Requests at one time. */
const CLIENTS = 4;
/**
 * Requests whose median memory counts as one measurement. Memory rises by a few per cent a window at first, while
 * code is compiled and heaps and arenas reach their size, and more slowly each time.
 */
const WINDOW = 250;
/** A server is warm once a measurement exceeds the one before by less than this. */
const SETTLED = 0.01;
/** Most measurements that a server may take to become warm; after that whatever it grows by counts. */
const MOST_WINDOWS = 10;
/**
 * Most that resident memory may grow from the warm-up's end to the end. The settings of the task `serve` keep it there:
 * glibc gives the buffers of pictures back at once instead of raising the size from which it does so to theirs
 * (MALLOC_MMAP_THRESHOLD_), does not spread the rest over an arena a thread (MALLOC_ARENA_MAX), and V8 collects what
 * is short-lived before much of it has piled up (--max-semi-space-size).
 */
export const MOST_GROWTH = 0.05;

interface Kind {
  readonly name: string;
  readonly status: number;
  readonly send: (url: string) => Promise<Response>;
}

/** What the server's memory did. */
export interface Soaked {
  /** Requests until it was warm. */
  readonly warmUp: number;
  /** Bytes: the settled measurement. */
  readonly before: number;
  /** Bytes: the last measurement. */
  readonly after: number;
}

/**
 * Repeats a measurement until it exceeds the one before by less than 1 %, or `most` times: what grows without end does
 * not settle, and what is measured after that says so.
 * @returns the greater of the last two measurements
 */
export async function untilSettled(measure: () => Promise<number>, most: number): Promise<number> {
  let last = await measure(), greater = last;
  for (let count = 1; count < most; count++) {
    const next = await measure(), hasSettled = next < last * (1 + SETTLED);
    greater = Math.max(last, next);
    last = next;
    if (hasSettled) break;
  }
  return greater;
}

/**
 * Sends requests of every kind until the server is warm, and then so many more.
 * @param say told every hundred requests how many were sent, how many of them after the warm-up, and the memory in bytes
 * @throws {Error} naming the kind that was not answered as it should be
 */
export async function soakServer(
  served: Served,
  requests: number,
  say: (sent: number, measured: number, memory: number) => void = () => {},
): Promise<Soaked> {
  const kinds = await requestKinds();
  let sent = 0, warmUp = Infinity;
  /** Sends so many; the median of the memory meanwhile. */
  const send = async (count: number) => {
    const end = sent + count, samples: number[] = [];
    const work = async () => {
      while (sent < end) {
        const at = sent++, { name, status, send } = kinds[at % kinds.length];
        const response = await send(served.url);
        const text = await response.text();
        if (response.status !== status) {
          throw new Error(`Request ${at}, ${name}: ${response.status} instead of ${status}: ${text}`);
        }
        if (at % 10 !== 0) continue;
        const memory = await served.memory();
        samples.push(memory);
        if (at % 100 === 0) say(at, Math.max(0, at - warmUp), memory);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, work));
    return median(samples);
  };
  const window = Math.min(requests, Math.max(WINDOW, Math.round(requests / 10)));
  const before = await untilSettled(() => send(window), MOST_WINDOWS);
  warmUp = sent;
  if (requests > window) await send(requests - window);
  return { warmUp, before, after: await send(window) };
}

async function requestKinds(): Promise<Kind[]> {
  const portrait = sharp(
    await Deno.readFile(new URL("../../tests/fixtures/astronaut.jpg", import.meta.url)),
  ).resize(256);
  const bytes = async (image: Sharp) => new Uint8Array(await image.toBuffer());
  const [jpeg, png, webp] = await Promise.all([
    bytes(portrait.clone().jpeg()),
    bytes(portrait.clone().png()),
    bytes(portrait.clone().webp()),
  ]);
  const post = (body: BodyInit, type: string, path = "/v1/detect") => (url: string) =>
    fetch(url + path, { method: "POST", body, headers: { "content-type": type } });
  const form = (url: string) => {
    const body = new FormData();
    for (const picture of [jpeg, png]) body.append("image", new File([picture], "image"));
    return fetch(`${url}/v1/detect`, { method: "POST", body });
  };
  const frames = new Uint8Array(jpeg.length * 2);
  frames.set(jpeg);
  frames.set(jpeg, jpeg.length);
  return [
    { name: "JPEG", status: 200, send: post(jpeg, "image/jpeg") },
    { name: "PNG", status: 200, send: post(png, "image/png") },
    { name: "WebP", status: 200, send: post(webp, "image/webp") },
    { name: "JPEG again", status: 200, send: post(jpeg, "image/jpeg") },
    { name: "form", status: 200, send: form },
    { name: "stream", status: 200, send: post(frames, "video/x-motion-jpeg", "/v1/stream") },
    { name: "cut-off JPEG", status: 422, send: post(jpeg.slice(0, jpeg.length >> 1), "image/jpeg") },
    { name: "text", status: 415, send: post("text", "image/jpeg") },
    { name: "JSON that is none", status: 400, send: post("{", "application/json", "/v2/models/any/infer") },
    { name: "health", status: 200, send: (url) => fetch(`${url}/v2/health/ready`) },
  ];
}

/** Runs the soak with the given command line. */
export async function soak(args: string[]): Promise<void> {
  const flags = readPart("deno task soak serve: very many requests of every kind.", FLAGS, args);
  if (!flags) return;
  const { text } = flags;
  const requests = wholeNumber("requests", text.requests ?? "10000", 100);
  const model = text.model
    ? fromHere(text.model)
    : fileURLToPath(new URL("../../web/model", import.meta.url));
  const served = await Served.start([`--model=${model}`, `--engine=${text.engine ?? "auto"}`, "--grace=0"]);
  try {
    const start = performance.now();
    const { warmUp, before, after } = await soakServer(served, requests, (sent, measured, memory) => {
      const left = (performance.now() - start) / sent * (requests - measured) / 1000;
      const done = measured > 0 ? `${measured} of ${requests} requests` : `${sent} requests to warm up`;
      if (sent > 0) console.log(`${done}, ${megabytes(memory)}, ${left.toFixed(0)} s left`);
    });
    const growth = after / before - 1;
    const sentence = `Resident memory after ${warmUp} requests to warm up ${megabytes(before)}, at the end ` +
      `${megabytes(after)}: ${(100 * growth).toFixed(1)} %`;
    if (growth > MOST_GROWTH) throw new Error(`${sentence}; ${100 * MOST_GROWTH} % are allowed.`);
    console.log(
      `${sentence}, of ${100 * MOST_GROWTH} % allowed. All ${warmUp + requests} requests were answered.`,
    );
  } finally {
    await served.end();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
