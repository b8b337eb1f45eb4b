/** What `deno task build-edge --target=node` bundles beside the handler: the smallest server of it, `node server.js [port]`. */
import { serve } from "@hono/node-server";
import edge from "./edge.ts";

serve(
  { fetch: (request) => edge.fetch(request), hostname: "127.0.0.1", port: Number(process.argv[2] ?? 8000) },
  ({ port }) => console.log(`http://127.0.0.1:${port}`),
);
