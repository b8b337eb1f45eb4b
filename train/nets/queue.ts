/**
 * The dictionary of past keys: one ring per emotion (paper, III-C.2), or one ring for all (MoCo, Table IV "MQ" off).
 *
 * The keys are a tensor of the training state, [K, G, D]: K slots, G rings, D embedding. Rings of unequal size share
 * K, the largest; a shorter ring uses its first slots only. Which slot is written next depends on nothing but the
 * labels seen so far, so positions are plain numbers here and enter the step as feeds.
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../engine/backend.ts";
import { normal, type Random } from "../runs/random.ts";

/** Where the keys of one batch go, and what the rings held before. */
export interface QueueFeeds {
  /** Row of the key of every sample in the keys seen as [K * G, D]; int32 [B]. */
  rows: Int32Array<ArrayBuffer>;
  /** Filled slots of each ring before this batch is written; int32 [G]. */
  filled: Int32Array<ArrayBuffer>;
}

/** Write positions and fill counts of the rings. */
export class QueuePositions {
  /** Next slot to write, one a ring. */
  readonly next: Int32Array<ArrayBuffer>;
  /** Slots that hold a key, one a ring. */
  readonly filled: Int32Array<ArrayBuffer>;

  /** `sizes`: slots of each ring; `filled`: all of them when the rings start full of random keys. */
  constructor(readonly sizes: readonly number[], startFull = false) {
    this.next = new Int32Array(sizes.length);
    this.filled = Int32Array.from(sizes, (size) => startFull ? size : 0);
  }

  /**
   * Reserves one slot for the key of every sample, in batch order; positions wrap, so the oldest keys are replaced.
   * @param rings the ring of each sample: its emotion, or 0 with a single queue
   */
  advance(rings: ArrayLike<number>): QueueFeeds {
    const filled = this.filled.slice();
    const rows = Int32Array.from(rings, (ring) => {
      const slot = this.next[ring];
      this.next[ring] = (slot + 1) % this.sizes[ring];
      this.filled[ring] = Math.min(this.filled[ring] + 1, this.sizes[ring]);
      return slot * this.sizes.length + ring;
    });
    return { rows, filled };
  }
}

/**
 * Slots of each ring. `auto` keeps a ring under a quarter of the faces it is fed from, so that a query seldom meets
 * an old key of itself (the paper's 65,536 exceeds AffectNet's rarer emotions), and at least two batches long.
 * @param counts faces of each emotion
 */
export function queueSizes(
  size: number | "auto",
  queues: "per-emotion" | "single",
  counts: readonly number[],
  batchSize: number,
): number[] {
  const fed = queues === "single" ? [counts.reduce((sum, count) => sum + count, 0)] : counts;
  return fed.map((count) =>
    size === "auto" ? Math.max(2 * batchSize, Math.min(65536, Math.floor(count / 4))) : size
  );
}

/** Keys of a fresh queue: random unit vectors as in MoCo, or zeros where empty slots are masked. [K, G, D] */
export function initKeys(sizes: readonly number[], embedding: number, random?: Random): Tensor3D {
  const slots = Math.max(...sizes);
  const shape: [number, number, number] = [slots, sizes.length, embedding];
  if (!random) return tf.zeros(shape);
  return tf.tidy(() => {
    const values = Float32Array.from({ length: slots * sizes.length * embedding }, () => normal(random));
    const keys = tf.tensor3d(values, shape);
    return tf.div(keys, tf.norm(keys, 2, 2, true)) as Tensor3D;
  });
}

/** The keys [K, G, D] after those of a batch, `key` [B, D], replaced the rows reserved for them. */
export function enqueue(keys: Tensor3D, key: Tensor2D, rows: Tensor1D): Tensor3D {
  const [slots, rings, embedding] = keys.shape;
  const flat = tf.reshape(keys, [slots * rings, embedding]);
  const updated = tf.tensorScatterUpdate(flat, tf.reshape(rows, [-1, 1]), key) as Tensor;
  return tf.reshape(updated, [slots, rings, embedding]);
}
