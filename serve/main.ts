/**
 * `deno task serve`: the API on a socket of this machine. The only file of the server that knows what it runs on.
 * @module
 */
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createApp, type LogEntry } from "./app.ts";
import { checkToken, type Flags, HELP, readFlags, UsageError } from "./flags.ts";
import type { ModelFiles } from "./image_detector.ts";
import { WorkerPool } from "./worker_pool.ts";

/** The committed model. */
const MODEL_FOLDER = fileURLToPath(new URL("../web/model", import.meta.url));
/** A model is two files, which change one after the other: it is read when both have been left alone for so long. */
const SETTLE_MS = 500;
/** Beyond its requests' deadline nothing keeps the server from ending. */
const LAST_MS = 5000;

/** Requests of a server that are not answered to their last byte; idle connections do not keep it from ending. */
const open = new WeakMap<Server, number>();

/** A model that cannot be read or loaded; the message is for whoever started the server. */
class StartError extends Error {
  override readonly name = "StartError";
}

function log(entry: LogEntry): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), ...entry }));
}

function modelPaths(path: string): { model: string; card: string } {
  return path.endsWith(".onnx")
    ? { model: path, card: join(dirname(path), "emoco.json") }
    : { model: join(path, "emoco.onnx"), card: join(path, "emoco.json") };
}

async function readModel(path: string): Promise<ModelFiles> {
  const paths = modelPaths(path);
  return { model: await read(paths.model), card: await read(paths.card) };
}

async function read(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new StartError(`${path} cannot be read: ${(error as Error).message}`);
    }
    throw new StartError(
      `There is no ${path}. A model is emoco.onnx and emoco.json: deno task export makes them, ` +
        "--model=<folder> says where they are.",
    );
  }
}

function readPackage(specifier: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(specifier));
}

async function openPool(path: string, { workers, engine }: Flags): Promise<WorkerPool> {
  const files = await readModel(path);
  try {
    return await WorkerPool.open(files, {
      workers,
      engine,
      threads: Math.max(1, Math.floor(navigator.hardwareConcurrency / workers)),
      finder: await read(join(MODEL_FOLDER, "blazeface.onnx")),
      report: (message) => log({ event: "worker", message }),
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`${path}: ${(error as Error).message}`);
  }
}

/** Loads the model anew when asked or when its files have changed; a bad one leaves the old one in place. */
function startReloading(pool: WorkerPool, path: string): void {
  const reload = async (why: string) => {
    try {
      const { name, version } = await pool.replaceModel(await readModel(path));
      log({ event: "reload", why, model: name, version });
    } catch (error) {
      const { name, version } = pool.card;
      log({ event: "reload-failed", why, message: (error as Error).message, serving: `${name} ${version}` });
    }
  };
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", () => void reload("SIGHUP"));
  void watch(path, () => reload("changed file")).catch((error) =>
    log({ event: "watch-failed", message: `Changed files go unnoticed, SIGHUP reloads: ${error.message}` })
  );
}

async function watch(path: string, changed: () => Promise<void>): Promise<void> {
  const { model, card } = modelPaths(path);
  const names = [basename(model), basename(card)];
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const { kind, paths } of Deno.watchFs(dirname(card), { recursive: false })) {
    if (kind === "access" || !paths.some((path) => names.includes(basename(path)))) continue;
    clearTimeout(timer);
    timer = setTimeout(() => void changed(), SETTLE_MS);
  }
}

/** A path from where the user stands: `deno task` runs in the project's folder and leaves the user's own in INIT_CWD. */
function fromHere(path: string): string {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const here = resolve(Deno.cwd()) === resolve(root) ? Deno.env.get("INIT_CWD") : undefined;
  return resolve(here ?? Deno.cwd(), path);
}

/** The token of the command line, of its file, or of the environment. */
async function readToken({ token, tokenFile }: Flags): Promise<string | undefined> {
  if (token !== undefined) return token;
  if (tokenFile === undefined) {
    const given = Deno.env.get("EMOCO_TOKEN");
    return given === undefined || given === "" ? undefined : checkToken(given, "EMOCO_TOKEN");
  }
  const path = fromHere(tokenFile);
  try {
    return checkToken((await Deno.readTextFile(path)).trim(), `--token-file=${tokenFile}`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new StartError(
      `--token-file=${path} cannot be read: ${(error as Error).message.split(" (os error")[0]}.`,
    );
  }
}

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, navigator.hardwareConcurrency);
  if (!flags) return console.log(HELP);
  const path = flags.model ? fromHere(flags.model) : MODEL_FOLDER, token = await readToken(flags);
  const pool = await openPool(path, flags);
  const { engine, decoder, note } = pool.greeting;
  const { name, version } = pool.card;
  log({ event: "open", model: name, version, engine, decoder, note, workers: flags.workers });
  startReloading(pool, path);

  const draining = new AbortController();
  const app = createApp(pool, {
    ...flags,
    token,
    log,
    draining: draining.signal,
    memory: () => Deno.memoryUsage().rss,
    reference: {
      script: await readPackage(import.meta.resolve("swagger-ui-dist/swagger-ui-bundle.js")),
      style: await readPackage(import.meta.resolve("swagger-ui-dist/swagger-ui.css")),
    },
  });
  const server = await listen(
    flags,
    (request, { incoming }) => app.fetch(request, { client: incoming.socket.remoteAddress }),
  );

  const stop = async (signal: Deno.Signal, graceMs: number) => {
    if (draining.signal.aborted) return;
    draining.abort(); // not ready from now on, but whatever still comes is answered
    log({ event: "draining", signal, graceMs });
    await new Promise((resolve) => setTimeout(resolve, graceMs));
    const lastMs = flags.deadlineMs + LAST_MS;
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), lastMs));
    const drained = await Promise.race([close(server).then(() => true), late]);
    pool.close();
    log({ event: "end", drained });
    Deno.exit(drained ? 0 : 1);
  };
  Deno.addSignalListener("SIGINT", () => void stop("SIGINT", 0));
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => void stop("SIGTERM", flags.graceMs));
  }
}

/**
 * Listens through node:http: with a body longer than its first read, `Deno.serve` (2.8.3 to 2.9.6) notices no client that
 * goes and closes every connection after its answer.
 */
function listen(
  { host, port }: Flags,
  answer: (request: Request, env: HttpBindings) => Response | Promise<Response>,
): Promise<Server> {
  const shown = host.includes(":") ? `[${host}]` : host;
  if (Deno.permissions.querySync({ name: "net", host: `${shown}:${port}` }).state !== "granted") {
    throw new StartError(
      `${host} is not among the addresses that this task may listen on: 127.0.0.1, localhost, 0.0.0.0, ::, ::1.`,
    );
  }
  const server = createServer(
    getRequestListener((request, env) => answer(request, env as HttpBindings), {
      overrideGlobalObjects: false,
    }),
  );
  // HTTP/1.0 knows no Host; whoever listens before the app puts one there.
  server.prependListener("request", ({ headers, httpVersion }: IncomingMessage) => {
    if (httpVersion === "1.0") headers.host ??= "localhost";
  });
  // Longer than clients and proxies keep a connection: a request must not meet the end of the one it is sent on.
  server.keepAliveTimeout = 75_000;
  open.set(server, 0);
  server.on("request", (_, response: ServerResponse) => {
    open.set(server, open.get(server)! + 1);
    response.on("close", () => open.set(server, open.get(server)! - 1));
  });
  return new Promise((resolve, reject) => {
    server.on("error", (error: Error & { code?: string }) => {
      reject(
        new StartError(
          error.code === "EADDRINUSE"
            ? `Port ${port} of ${host} is taken: --port=<number> takes another one.`
            : `${host}:${port} cannot be listened on: ${error.message}`,
        ),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      const bound = typeof address === "object" ? address?.port ?? port : port;
      log({
        event: "listening",
        url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
        port: bound,
      });
      resolve(server);
    });
  });
}

/** Takes no more requests, and resolves when those at hand are answered to their last byte. */
function close(server: Server): Promise<void> {
  server.close();
  return new Promise((resolve) => {
    const wait = () => open.get(server) ? setTimeout(wait, 20) : resolve(server.closeAllConnections());
    wait();
  });
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof StartError || error instanceof UsageError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}
