/**
 * `deno task web`: builds the page and serves it on this machine, with the headers that a host should send.
 * @module
 */
import { Hono } from "hono";
import { serveStatic } from "hono/deno";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
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

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    console.error(`--port=${values.port}: a port is a whole number from 0 to 65535.`);
    Deno.exit(2);
  }
  const folder = fileURLToPath(new URL("../web/dist", import.meta.url));
  console.log("Building the page…");
  await buildWeb(folder);
  Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: ({ port }) => console.log(`The page is on http://127.0.0.1:${port} (Ctrl-C ends it)`),
  }, pageServer(folder).fetch);
}
