/** What `deno task build-edge` bundles: the edge's handler with its model beside it. */
import { createEdge } from "@emoco/serve/edge";

export default createEdge({ model: new URL("model/", import.meta.url) });
