import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import {
  type Checkpoint,
  CHECKPOINT_FILE,
  CheckpointError,
  hasCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from "../../../train/runs/checkpoint.ts";
import { randomStream } from "../../../train/runs/random.ts";
import { appendLine, writeAtomically, WriteError } from "../../../train/runs/whole_file.ts";

type Small = Checkpoint<{ step: number }>;

function small(step: number): Small {
  const random = randomStream(step);
  return {
    state: {
      weights: {
        "layer1.0.conv1.weight": { shape: [2, 3], values: Float32Array.from({ length: 6 }, () => random()) },
        scalar: { shape: [], values: Float32Array.of(-0) },
      },
      queue: { rows: { shape: [4], values: Int32Array.of(1, -2, 3, 2 ** 31 - 1) } },
    },
    config: { seed: 1, name: "ä" },
    position: { step },
    subjects: { pretraining: ["s01", "s02"], actionUnits: [] },
  };
}

describe("a checkpoint", () => {
  let folder: string, path: string;
  beforeEach(async () => {
    folder = await Deno.makeTempDir();
    path = join(folder, CHECKPOINT_FILE);
  });
  afterEach(() => Deno.remove(folder, { recursive: true }));

  it("comes back as it was saved, and the one before it stays", () => {
    assertEquals(hasCheckpoint(folder), false);
    saveCheckpoint(folder, small(1));
    saveCheckpoint(folder, small(2));
    assertEquals(loadCheckpoint(folder), small(2));
    assert(Object.is(loadCheckpoint(folder).state.weights.scalar.values[0], -0));
    Deno.renameSync(`${path}.previous`, path);
    assertEquals(loadCheckpoint(folder), small(1));
  });

  it("is a safetensors file as the format's description has it", () => {
    saveCheckpoint(folder, small(3));
    const bytes = Deno.readFileSync(path);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    assertEquals(length % 8, 0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const { dtype, shape, data_offsets: [from, to] } = header["weights/layer1.0.conv1.weight"];
    assertEquals([dtype, shape, to - from], ["F32", [2, 3], 24]);
    const view = new DataView(bytes.buffer, 8 + length + from, 24);
    const expected = small(3).state.weights["layer1.0.conv1.weight"].values;
    assertEquals(expected.map((_, i) => view.getFloat32(4 * i, true)), expected);
    assertEquals(header["queue/rows"].dtype, "I32");
    assert(Object.values(header.__metadata__).every((value) => typeof value === "string"));
  });

  it("is refused after any byte of it was changed", () => {
    saveCheckpoint(folder, small(4));
    const bytes = Deno.readFileSync(path);
    const end = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const padding = new TextDecoder().decode(bytes.subarray(0, end)).trimEnd();
    const used = new TextEncoder().encode(padding).length; // spaces behind the header carry nothing
    for (let i = 0; i < bytes.length; i++) {
      if (i >= used && i < end) continue;
      const changed = bytes.slice();
      changed[i] ^= 1 << (i % 8);
      Deno.writeFileSync(path, changed);
      const error = assertThrows(() => loadCheckpoint(folder), CheckpointError, path, `byte ${i}`);
      assertStringIncludes(error.message, "No older checkpoint is left: start again under another --name.");
    }
  });

  it("is refused when it was cut or something was added", () => {
    saveCheckpoint(folder, small(5));
    const bytes = Deno.readFileSync(path);
    for (const length of [0, 4, 8, 100, bytes.length - 25, bytes.length - 1]) {
      Deno.writeFileSync(path, bytes.subarray(0, length));
      assertThrows(() => loadCheckpoint(folder), CheckpointError, "is truncated");
    }
    Deno.writeFileSync(path, new Uint8Array([...bytes, 0]));
    assertThrows(() => loadCheckpoint(folder), CheckpointError, "has bytes behind its end");
  });

  it("names the one before it when that is whole, also when it is the only one left", () => {
    saveCheckpoint(folder, small(6));
    saveCheckpoint(folder, small(7));
    const remedy =
      `The one before it is whole: rename ${path}.previous to ${CHECKPOINT_FILE} to go on from there.`;
    Deno.truncateSync(path, 100);
    assertStringIncludes(assertThrows(() => loadCheckpoint(folder), CheckpointError).message, remedy);
    Deno.removeSync(path);
    assertEquals(hasCheckpoint(folder), true, "a run must not start anew beside its older checkpoint");
    assertStringIncludes(assertThrows(() => loadCheckpoint(folder), CheckpointError).message, remedy);
    Deno.truncateSync(`${path}.previous`, 100);
    assertThrows(() => loadCheckpoint(folder), CheckpointError, "The older one is damaged too");
  });
});

describe("writing files", () => {
  it("leaves the old file and nothing beside it when it fails, and says why in a sentence", async () => {
    const folder = await Deno.makeTempDir();
    const path = join(folder, "report.html");
    writeAtomically(path, "old");
    writeAtomically(path, [new Uint8Array([110, 101]), new Uint8Array([119])]);
    assertEquals(await Deno.readTextFile(path), "new");
    // A folder in the file's place cannot be replaced by a file.
    await Deno.mkdir(join(folder, "taken"));
    const error = assertThrows(() => writeAtomically(join(folder, "taken"), "x"), WriteError);
    assertMatch(
      error.message,
      /taken could not be written \(Is a directory\); what was there before is whole\. /,
    );
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["report.html", "taken"]);
    assertThrows(() => appendLine(join(folder, "taken"), "x"), WriteError, "taken could not be written");
    assertThrows(
      () => writeAtomically(join(folder, "no/where"), "x"),
      WriteError,
      "No such file or directory",
    );
    await Deno.remove(folder, { recursive: true });
  });
});
