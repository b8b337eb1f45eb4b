/** Ten thousand requests of every kind: each is answered as it should be, and resident memory stays flat. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp, { type Sharp } from "sharp";
import { Served } from "../served.ts";

/** Requests at one time. */
const CLIENTS = 4;
/** Part of the requests that warms the server up before its memory counts. */
const WARM_UP = 0.3;
/** Most that resident memory may grow from the warm-up's end to the last tenth, both as medians. */
export const MOST_GROWTH = 0.05;

interface Kind {
  readonly name: string;
  readonly status: number;
  readonly send: (url: string) => Promise<Response>;
}

/** What the server's memory did. */
export interface Soaked {
  readonly requests: number;
  /** Bytes, medians of the first tenth after the warm-up and of the last tenth. */
  readonly before: number;
  readonly after: number;
}

/**
 * Sends that many requests of every kind.
 * @throws {Error} naming the kind that was not answered as it should be
 */
export async function soakServer(
  served: Served,
  requests: number,
  say: (done: number, memory: number) => void = () => {},
): Promise<Soaked> {
  const kinds = await requestKinds();
  const samples: number[] = [];
  const every = Math.max(1, Math.floor(requests / 100));
  let number = 0;
  const work = async () => {
    while (number < requests) {
      const at = number++, { name, status, send } = kinds[at % kinds.length];
      const response = await send(served.url);
      const text = await response.text();
      if (response.status !== status) {
        throw new Error(`Request ${at}, ${name}: ${response.status} instead of ${status}: ${text}`);
      }
      if (at % every === 0) {
        const memory = await served.memory();
        samples.push(memory);
        say(at, memory);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, work));
  const warm = samples.slice(Math.floor(samples.length * WARM_UP));
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  return { requests, before: median(warm.slice(0, tenth)), after: median(warm.slice(-tenth)) };
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

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** @param args `--requests=10000`, `--model=folder` and `--engine=native|wasm` */
export async function soak(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { requests: { type: "string" }, model: { type: "string" }, engine: { type: "string" } },
  });
  const requests = Number(values.requests ?? 10_000);
  if (!Number.isInteger(requests) || requests < 100) {
    throw new Error(`--requests=${values.requests}: a whole number from 100 on is needed.`);
  }
  const model = values.model ?? fileURLToPath(new URL("../../web/model", import.meta.url));
  const served = await Served.start([`--model=${model}`, `--engine=${values.engine ?? "auto"}`, "--grace=0"]);
  try {
    const start = performance.now();
    const { before, after } = await soakServer(served, requests, (done, memory) => {
      if (done === 0) return;
      const left = (performance.now() - start) / done * (requests - done) / 1000;
      console.log(`${done} of ${requests} requests, ${megabytes(memory)}, ${left.toFixed(0)} s left`);
    });
    const growth = after / before - 1;
    const sentence =
      `Resident memory after the warm-up ${megabytes(before)}, at the end ${megabytes(after)}: ` +
      `${(100 * growth).toFixed(1)} %`;
    if (growth > MOST_GROWTH) throw new Error(`${sentence}; ${100 * MOST_GROWTH} % are allowed.`);
    console.log(`${sentence}, of ${100 * MOST_GROWTH} % allowed. All ${requests} requests were answered.`);
  } finally {
    await served.end();
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
