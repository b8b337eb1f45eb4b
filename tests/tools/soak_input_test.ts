import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { readManifest } from "../../train/input/data.ts";
import { soakInput } from "../../tools/soak/input.ts";
import { drawFaces } from "../train/toy_faces.ts";

describe("soakInput", () => {
  it("visits each of thousands of faces once, and keeps no more of them than it may", async () => {
    const folder = await Deno.makeTempDir();
    try {
      await drawFaces(join(folder, "sources"), 3, { side: 256 });
      await Deno.mkdir(join(folder, "many"));
      const sources = readManifest(join(folder, "sources/manifest.jsonl"));
      // Decoded, these faces are 393 MB; a twentieth of that may be kept, which is full after a few batches.
      const options = { size: 32, batchSize: 32, cacheBytes: 20e6 };
      const { faces, visitedOnce, early, peak } = await soakInput(
        sources,
        2000,
        join(folder, "many"),
        options,
      );
      assertEquals([faces, visitedOnce], [2000, 2000]);
      assert(peak - early < 150e6, `resident memory grew by ${((peak - early) / 1e6).toFixed(0)} MB`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
