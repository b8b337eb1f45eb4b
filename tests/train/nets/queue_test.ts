import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Tensor1D, tf } from "../../../train/engine/backend.ts";
import { enqueue, initKeys, QueuePositions, queueSizes } from "../../../train/nets/queue.ts";
import { randomStream } from "../../../train/runs/random.ts";

describe("a queue of rings", () => {
  for (const sizes of [[4, 4, 4], [3, 7, 4], [9]]) {
    it(`holds the newest keys of each ring at sizes ${sizes}, over many batches`, () => {
      const random = randomStream(1, ...sizes), positions = new QueuePositions(sizes), D = 2;
      const lists: number[][] = sizes.map(() => []); // the oracle: newest last, oldest dropped
      let keys = initKeys(sizes, D), number = 0;
      for (let batch = 0; batch < 30; batch++) {
        const rings = Array.from({ length: 3 }, () => Math.floor(random() * sizes.length));
        const { rows, filled } = positions.advance(rings);
        assertEquals([...filled], lists.map((list) => list.length), "filled is what the rings held before");
        const names = rings.map(() => ++number);
        const key = tf.tensor2d(names.map((name) => [name, -name]));
        keys = tf.tidy(() => enqueue(keys, key, tf.tensor1d(rows, "int32") as Tensor1D));
        rings.forEach((ring, i) => lists[ring] = [...lists[ring], names[i]].slice(-sizes[ring]));
        const held = keys.arraySync();
        sizes.forEach((size, ring) => {
          const inside = held.slice(0, size).map((slot) => slot[ring]);
          const present = inside.filter(([name]) => name !== 0);
          assertEquals(present.map(([name]) => name).sort((a, b) => a - b), lists[ring]);
          assert(present.every(([name, mirror]) => mirror === -name));
          // The filled slots are the first ones: that is what the loss masks by.
          const count = positions.filled[ring];
          assert(
            inside.slice(0, count).every(([name]) => name > 0) && inside.slice(count).every(([n]) => n === 0),
          );
          assert(
            held.slice(size).every((slot) => slot[ring][0] === 0),
            "a shorter ring never leaves its slots",
          );
        });
      }
      assert(lists.every((list, ring) => list.length === sizes[ring]), "every ring must have wrapped");
    });
  }

  it("wraps inside a batch", () => {
    const positions = new QueuePositions([3, 5]);
    assertEquals([...positions.advance([0, 0, 1]).rows], [0, 2, 1]); // row = slot * 2 + ring
    assertEquals([...positions.advance([0, 0, 0]).rows], [4, 0, 2]);
    assertEquals([[...positions.next], [...positions.filled]], [[2, 1], [3, 1]]);
  });

  it("counts all slots as filled when it starts full of random keys", () => {
    assertEquals([...new QueuePositions([3, 5], true).advance([1, 1]).filled], [3, 5]);
  });
});

describe("initKeys", () => {
  it("draws unit vectors in every direction, the same ones for the same stream", () => {
    const draw = () => initKeys([50, 20], 6, randomStream(3));
    const keys = draw().arraySync().flat();
    for (const key of keys) assertAlmostEquals(Math.hypot(...key), 1, 1e-6);
    const mean = (i: number) => keys.reduce((sum, key) => sum + key[i], 0) / keys.length;
    for (let i = 0; i < 6; i++) assert(Math.abs(mean(i)) < 4 * Math.sqrt(1 / 6 / keys.length));
    assertEquals(draw().dataSync(), draw().dataSync());
  });
});

describe("queueSizes", () => {
  it("keeps a ring under a quarter of its faces, over two batches, and at the paper's size at most", () => {
    const counts = [134_000, 400_000, 3_803, 100];
    assertEquals(queueSizes("auto", "per-emotion", counts, 256), [33_500, 65_536, 950, 512]);
    assertEquals(queueSizes("auto", "single", [3_803, 100, 6], 64), [977]);
    assertEquals(queueSizes("auto", "single", counts, 64), [65_536]);
  });

  it("gives every ring the size that was asked for", () => {
    assertEquals(queueSizes(4096, "per-emotion", [10, 20, 30], 8), [4096, 4096, 4096]);
    assertEquals(queueSizes(4096, "single", [10, 20, 30], 8), [4096]);
  });
});
