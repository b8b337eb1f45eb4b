/**
 * `deno task bench serve`: the server beside the same in Python, in alternating rounds. Both look at a face twice: in the
 * whole picture, and in a close-up where it is seen too small or too large there.
 */
import { fileURLToPath } from "node:url";
import { fromHere } from "../../train/runs/from_here.ts";
import { type FlagList, wholeNumber } from "../../train/runs/flags.ts";
import { readPart } from "../files/named_parts.ts";
import { Served } from "../served.ts";
import { median } from "../median.ts";
import { makePhonePhoto, makePicture } from "./photos.ts";
import { pythonWithServer } from "./python.ts";

const FLAGS: FlagList = {
  rounds: { kind: "text", help: "alternating rounds (5)" },
  requests: { kind: "text", help: "requests a round and number of clients (64)" },
  photos: { kind: "text", help: "the same for photos of 12 megapixels (16)" },
  model: { kind: "text", help: "folder of emoco.onnx and emoco.json (the committed model)" },
  python: { kind: "text", help: "a Python with onnxruntime, OpenCV and FastAPI, instead of making one" },
  help: { kind: "switch", help: "this" },
};
const CLIENTS = [1, 4, 16];
const STAGES = ["decode", "find", "align", "run"] as const;

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

type Bytes = Uint8Array<ArrayBuffer>;

/** What is asked again and again. */
interface Load {
  /** As in the last lines. */
  readonly name: string;
  readonly what: string;
  readonly picture: Bytes;
  /** Requests a round and number of clients. */
  readonly requests: number;
}

/** A server, or several that share the requests. */
interface Contender {
  readonly name: string;
  readonly urls: readonly string[];
  readonly end: () => Promise<unknown>;
}

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const flags = readPart("deno task bench serve: the server beside Python's.", FLAGS, args);
  if (!flags) return;
  const { text } = flags;
  const count = (name: string, normal: number) => wholeNumber(name, text[name] ?? String(normal));
  const rounds = count("rounds", 5);
  const model = text.model ? fromHere(text.model) : path("../../web/model");
  const python = await pythonWithServer(text.python, console.log);
  const loads: Load[] = [
    {
      name: "serve",
      what: "a photo of 640x480",
      picture: await makePicture(),
      requests: count("requests", 64),
    },
    {
      name: "serve-phone",
      what: "a photo of 4000x3000",
      picture: await makePhonePhoto(),
      requests: count("photos", 16),
    },
  ];
  const contenders: Contender[] = [];
  try {
    for (const engine of ["native", "wasm"]) {
      const served = await Served.start([`--model=${model}`, `--engine=${engine}`, "--grace=0"]);
      contenders.push({ name: engine, urls: [served.url], end: () => served.end() });
    }
    contenders.push(await startPeer("python 2x1", python, model, 2, 1));
    contenders.push(await startPeer("python 1x2", python, model, 1, 2));
    const ratios: string[] = [];
    for (const load of loads) {
      // Wasm takes a second for a large photo, which no round of many clients needs to show again.
      const rivals = contenders.filter(({ name }) => load.name === "serve" || name !== "wasm");
      for (const { name, urls } of contenders) await checkFaces(name, urls, load.picture);
      await tellStages(contenders.slice(0, 3), load);
      for (const clients of CLIENTS) ratios.push(await compare(rivals, clients, rounds, load));
    }
    console.log(`\n${ratios.join("\n")}`);
  } finally {
    for (const contender of contenders) await contender.end();
  }
}

async function checkFaces(name: string, urls: readonly string[], picture: Bytes): Promise<void> {
  for (const { images: [{ faces }] } of await Promise.all(urls.map((url) => ask(url, picture)))) {
    if (faces.length !== 1) throw new Error(`${name} finds ${faces.length} faces in the picture, not one.`);
  }
}

/** Where the milliseconds of one request at a time go. */
async function tellStages(
  contenders: readonly Contender[],
  { what, picture, requests }: Load,
): Promise<void> {
  console.log(
    `\nms ${what} (${(picture.length / 1e6).toFixed(2)} MB), one at a time; all includes HTTP`,
  );
  for (const { name, urls: [url] } of contenders) {
    const timings: Record<typeof STAGES[number], number>[] = [], all: number[] = [];
    for (let i = 0; i < requests / 2; i++) {
      const sent = performance.now();
      timings.push((await ask(url, picture)).timings);
      all.push(performance.now() - sent);
    }
    const parts = STAGES.map((stage) =>
      `${stage} ${median(timings.map((spent) => spent[stage])).toFixed(1)}`
    );
    console.log(`  ${name.padEnd(11)} ${parts.join(", ")}, all ${median(all).toFixed(1)}`);
  }
}

/** Measures all contenders with so many clients; our native server against the better of the two peers. */
async function compare(
  contenders: readonly Contender[],
  clients: number,
  rounds: number,
  { name: load, what, picture, requests }: Load,
): Promise<string> {
  const speeds: number[][] = contenders.map(() => []), times: number[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = contenders.map((_, i) => round % 2 ? contenders.length - 1 - i : i);
    for (const i of order) {
      const { urls } = contenders[i], start = performance.now();
      let next = 0;
      await Promise.all(Array.from({ length: clients }, async () => {
        while (next < requests) {
          const url = urls[next++ % urls.length], sent = performance.now();
          await ask(url, picture);
          times[i].push(performance.now() - sent);
        }
      }));
      speeds[i].push(requests / (performance.now() - start) * 1000);
    }
  }
  console.log(`\n${what}, ${clients} client${clients > 1 ? "s" : ""}`);
  contenders.forEach(({ name }, i) => {
    const least = Math.min(...speeds[i]).toFixed(1), most = Math.max(...speeds[i]).toFixed(1);
    const p99 = times[i].toSorted((a, b) => a - b)[Math.ceil(times[i].length * 0.99) - 1];
    console.log(
      `  ${name.padEnd(11)} median ${median(speeds[i]).toFixed(1)} requests/s (${least} to ${most}), ` +
        `p99 ${p99.toFixed(0)} ms`,
    );
  });
  const peers = speeds.filter((_, i) => contenders[i].name.startsWith("python"));
  const perRound = speeds[0].map((speed, round) => speed / Math.max(...peers.map((peer) => peer[round])));
  return `RATIO ${load}-${clients} ${median(perRound).toFixed(2)}`;
}

async function ask(url: string, picture: Bytes) {
  const response = await fetch(`${url}/v1/detect`, {
    method: "POST",
    body: picture,
    headers: { "content-type": "image/jpeg" },
  });
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return await response.json() as {
    images: { faces: unknown[] }[];
    timings: Record<typeof STAGES[number], number>;
  };
}

async function startPeer(
  name: string,
  python: string,
  model: string,
  processes: number,
  threads: number,
): Promise<Contender> {
  const started = Array.from({ length: processes }, () => {
    const port = freePort();
    const process = new Deno.Command(python, {
      args: [
        path("../../tests/reference/serve_peer.py"),
        `--model=${model}`,
        `--finder=${path("../../web/model/blazeface.onnx")}`,
        `--port=${port}`,
        `--threads=${threads}`,
      ],
      stdout: "null",
    }).spawn();
    return { url: `http://127.0.0.1:${port}`, process };
  });
  const end = () =>
    Promise.all(started.map(async ({ process }) => {
      try {
        process.kill("SIGTERM");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended by itself
      }
      await process.status;
    }));
  try {
    for (const { url } of started) await untilOpen(name, url);
  } catch (error) {
    await end();
    throw error;
  }
  return { name, urls: started.map(({ url }) => url), end };
}

async function untilOpen(name: string, url: string): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    try {
      await (await fetch(`${url}/openapi.json`)).body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  throw new Error(`${name} does not answer within a minute; what it wrote stands above.`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
