/** What `deno task build-edge --target=workerd` bundles; `worker.js` beside it hands over what workerd alone can load. */
export { createEdge } from "@emoco/serve/edge";
