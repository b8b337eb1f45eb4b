/** Runs the edge's handler on a socket of this machine, as a host of such handlers would; the first argument is the model. */
import { createEdge } from "@emoco/serve/edge";

const edge = createEdge({ model: new URL(`file://${Deno.args[0]}/`), log: () => {} });
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, (request) => edge.fetch(request));
