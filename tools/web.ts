/**
 * `deno task web`: builds the page and serves it on this machine, with the headers that a host should send.
 * @module
 */
import { Hono } from "hono";
import { serveStatic } from "hono/deno";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { wholeNumber } from "../train/runs/flags.ts";
import { runTool } from "./files/run_tool.ts";
import { buildWeb, HEADERS } from "./build_web.ts";

/** A web server for a built page; every file comes with the headers, hashed ones may be kept for ever. */
export function pageServer(folder: string, headers: Readonly<Record<string, string>> = HEADERS): Hono {
  const app = new Hono();
  app.use(async ({ header, req }, next) => {
    await next();
    for (const [name, value] of Object.entries(headers)) header(name, value);
    header(
      "Cache-Control",
      /-[0-9a-f]{10}\.|-[A-Z0-9]{8}\./.test(req.path) ? "max-age=31536000, immutable" : "no-cache",
    );
  });
  app.get("*", serveStatic({ root: folder }));
  return app;
}

const USAGE = `deno task web: builds the page and serves it on this machine
  --port=8080      where to listen; 0 takes a free port`;

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { port: { type: "string", default: "8080" } } });
  const port = wholeNumber("port", values.port, 0, 65535);
  const folder = fileURLToPath(new URL("../web/dist", import.meta.url));
  const app = pageServer(folder);
  let isBuilt = false;
  const onListen = ({ port }: Deno.NetAddr) =>
    console.log(`The page is on http://127.0.0.1:${port} (Ctrl-C ends it)`);
  // Listened first: a port that is taken is said at once, not after the build.
  const { promise: built, resolve: goOn } = Promise.withResolvers<void>();
  try {
    Deno.serve(
      { hostname: "127.0.0.1", port, onListen: (address) => built.then(() => onListen(address)) },
      async (request) => {
        if (!isBuilt) await built;
        return await app.fetch(request);
      },
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new Error(
      `Port ${port} of 127.0.0.1 is taken: --port=<number> takes another one, --port=0 a free one.`,
    );
  }
  console.log("Building the page…");
  await buildWeb(folder);
  isBuilt = true;
  goOn();
}

if (import.meta.main) await runTool(USAGE, main);
