/** A tenth of `deno task soak web`. */
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { faultsOf, LONGEST_TASK, soakPage } from "../../../tools/soak/web.ts";
import { ServedPage } from "../../../tools/web/browser.ts";

describe("The page over 300 frames", () => {
  it("keeps both heaps and wasm's memory within 5 % of frame 30, and analyses nothing in its main thread", async () => {
    const served = await ServedPage.start();
    try {
      // A slow machine takes longer for a task: it is held against what the same machine takes to analyse.
      const limit = (analysis: number) => Math.max(LONGEST_TASK, analysis);
      assertEquals(faultsOf(await soakPage(served, 300, undefined, limit)), []);
    } finally {
      await served.end();
    }
  });

  it("is found out when memory grows or a task is long", () => {
    const before = { pageHeap: 100, pageObjects: 100, workerHeap: 100, workerObjects: 100, wasm: 100 };
    const tooLong = [{ name: "FunctionCall", milliseconds: 61 }];
    assertEquals(faultsOf({ frames: 300, before, after: { ...before, wasm: 106 }, tooLong }), [
      "A task took 61 ms (FunctionCall).",
      "wasm went from 100 to 106 bytes (6.0 %).",
    ]);
    assertEquals(faultsOf({ frames: 3000, before, after: { ...before, pageHeap: 105 }, tooLong: [] }), []);
    assertEquals(faultsOf({ frames: 3000, before, after: { ...before, pageHeap: 106 }, tooLong: [] }), [
      "pageHeap went from 100 to 106 bytes (6.0 %).",
    ]);
    assertEquals(faultsOf({ frames: 300, before, after: { ...before, pageObjects: 106 }, tooLong: [] }), [
      "pageObjects went from 100 to 106 bytes (6.0 %).",
    ]);
  });
});
