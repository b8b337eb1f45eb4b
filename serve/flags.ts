/**
 * The command line of `deno task serve`.
 * @module
 */
import { parseArgs } from "node:util";
import type { Engine } from "./image_detector.ts";

/** How the server was asked to serve. */
export interface Flags {
  readonly port: number;
  readonly host: string;
  /** Folder with emoco.onnx and emoco.json, or a model file beside its emoco.json; the committed model unless given. */
  readonly model?: string;
  readonly engine: Engine | "auto";
  readonly token?: string;
  /** A file that holds the token, so that it stands in no list of processes. */
  readonly tokenFile?: string;
  readonly cors?: readonly string[];
  readonly queue: number;
  readonly workers: number;
  readonly ratePerMinute?: number;
  readonly deadlineMs: number;
  readonly graceMs: number;
}

/** A command line that cannot be understood; the message says what to type. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const OPTIONS = {
  port: "where to listen (8000; 0 takes a free one)",
  host: "address to listen on (127.0.0.1; 0.0.0.0 for every network, [::1] or ::1 for IPv6's own machine)",
  model: "folder with emoco.onnx and emoco.json, or a model file beside its emoco.json (the committed model)",
  engine: "native, wasm, or auto: native where it can be loaded (auto)",
  token:
    "what clients must send as Authorization: Bearer <token> (nothing); others see it in the list of processes",
  "token-file": "a file that holds the token; the environment may hold it as EMOCO_TOKEN",
  cors: "origins whose pages may ask, with commas between, or * (none)",
  queue: "requests that may wait before others are refused (64)",
  workers: "threads that work on pictures (one a processor, at most 8)",
  rate: "requests a minute of each client (unlimited)",
  deadline: "seconds from arrival to answer (30)",
  grace: "seconds between SIGTERM and the end of accepting requests (5)",
} as const;

/** What `--help` says. */
export const HELP = [
  "deno task serve: answers pictures with the action units of every face.",
  "",
  ...Object.entries(OPTIONS).map(([name, help]) => `  ${`--${name}=`.padEnd(15)}${help}`),
].join("\n");

/** Holds a token to what a header can carry (RFC 6750). @throws {UsageError} */
export function checkToken(token: string, where: string): string {
  if (/^[A-Za-z0-9._~+/-]+=*$/.test(token)) return token;
  throw new UsageError(
    `${where}: a token is made of letters, digits and . _ ~ + / - with = at its end only.`,
  );
}

/** Reads the command line; undefined when it asks for help. Throws a UsageError. */
export function readFlags(args: readonly string[], processors: number): Flags | undefined {
  const given: Record<string, string> = {};
  const { tokens } = parseArgs({
    args: args[0] === "--" ? args.slice(1) : [...args], // as npm passes options on
    options: Object.fromEntries(Object.keys(OPTIONS).map((name) => [name, { type: "string" as const }])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(`"${token.value}" stands alone; options are written --name=value.`);
    }
    if (token.kind !== "option") continue;
    if (token.name === "help") return undefined;
    if (!Object.hasOwn(OPTIONS, token.name)) {
      const names = Object.keys(OPTIONS).map((name) => `--${name}`).join(", ");
      throw new UsageError(`--${token.name} is no option. Options are: ${names}.`);
    }
    if (!token.value) throw new UsageError(`--${token.name} needs a value: --${token.name}=...`);
    given[token.name] = token.value;
  }
  const number = (name: keyof typeof OPTIONS, normal: number, least: number, most: number, whole = true) => {
    const value = given[name] === undefined ? normal : Number(given[name]);
    if (!(value >= least && value <= most) || whole && !Number.isInteger(value)) {
      const kind = whole ? "a whole number" : "a number";
      throw new UsageError(`--${name}=${given[name]}: it must be ${kind} from ${least} to ${most}.`);
    }
    return value;
  };
  const { model, engine = "auto", token, cors } = given;
  const host = (given.host ?? "127.0.0.1").replace(/^\[(.*)\]$/, "$1"); // as addresses of IPv6 are written in URLs
  if (engine !== "auto" && engine !== "native" && engine !== "wasm") {
    throw new UsageError(`--engine=${engine}: an engine is native, wasm or auto.`);
  }
  if (token !== undefined && given["token-file"] !== undefined) {
    throw new UsageError("--token and --token-file: one of them says what the token is.");
  }
  if (token !== undefined) checkToken(token, "--token");
  const origins = cors?.split(",");
  const wrong = origins?.find((origin) => origin !== "*" && URL.parse(origin)?.origin !== origin);
  if (wrong !== undefined) {
    throw new UsageError(
      `--cors: "${wrong}" is no origin; one is written https://example.org, or * for all.`,
    );
  }
  return {
    port: number("port", 8000, 0, 65535),
    host,
    model,
    engine,
    token,
    ...given["token-file"] !== undefined && { tokenFile: given["token-file"] },
    cors: origins,
    queue: number("queue", 64, 0, 10_000),
    workers: number("workers", Math.min(processors, 8), 1, 64),
    ratePerMinute: given.rate === undefined ? undefined : number("rate", 0, 1, 1_000_000),
    deadlineMs: number("deadline", 30, 0.1, 3600, false) * 1000,
    graceMs: number("grace", 5, 0, 3600, false) * 1000,
  };
}
