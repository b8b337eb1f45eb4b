/** What the tests of the heads beside action units share: a batch's labels, and numbers as tensors and back. */
import { type Tensor, tf } from "../../../train/engine/backend.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { GEOMETRY_SIZE } from "../../../train/units/face_geometry.ts";
import { type HeadWeights, NO_HEADS } from "../../../train/units/face_heads.ts";

/** Sizes of the batch, of its labels and of the emotion head. */
export const BATCH = 5, UNITS = 3, EMOTIONS = 6, HIDDEN = 7, EMBEDDING = 5;
/** The settings that weigh a head's loss. */
export const HEADS = Object.keys(NO_HEADS) as (keyof HeadWeights)[];
/** Every head, each with a weight of its own. */
export const ALL = Object.fromEntries(
  HEADS.map((head, i) => [head, 0.3 + 0.2 * i]),
) as unknown as HeadWeights;

/** The loss that a setting weighs. */
export const lossOf = (head: keyof HeadWeights) => head.replace(/Weight$/, "");

/** Numbers by their names and shapes: what the loops below and TensorFlow are given alike. */
export type Numbers = { [name: string]: { shape: readonly number[]; values: Float32Array } };

/** Numbers of a bell curve, each list from a stream of its own. */
export function drawn(seed: number, shapes: { [name: string]: readonly number[] }): Numbers {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const random = randomStream(seed, i), length = shape.reduce((product, size) => product * size, 1);
      return [name, { shape, values: Float32Array.from({ length }, () => normal(random)) }];
    }),
  );
}

/** To be freed by the caller. */
export const toTensors = (numbers: Numbers): { [name: string]: Tensor } =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]),
  );

/** A copy of what the tensors hold. */
export const toNumbers = (tensors: { [name: string]: Tensor }): Numbers =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { shape: [...tensor.shape], values: tensor.dataSync() as Float32Array },
    ]),
  );

/** Labels of a batch: a face of no emotion, cells without a label, and in each of these a falsehood. */
export function feeds(falsehood = 3): Numbers {
  const { geometry } = drawn(3, { geometry: [BATCH, GEOMETRY_SIZE] });
  const random = randomStream(4);
  const masked = (length: number, values: (i: number) => number) => {
    const labelled = Float32Array.from({ length }, () => Number(random() < 0.6));
    return { labelled, values: labelled.map((is, i) => is ? values(i) : falsehood) };
  };
  const emotions = new Float32Array(BATCH * EMOTIONS);
  [2, 0, 5, 2].forEach((emotion, n) => emotions[n * EMOTIONS + emotion] = [0.5, 2, 1.25, 0.5][n]);
  const places = masked(BATCH * GEOMETRY_SIZE, (i) => geometry.values[i]);
  const seen = masked(BATCH * UNITS, () => Number(random() < 0.5));
  return {
    emotions: { shape: [BATCH, EMOTIONS], values: emotions },
    geometry: { shape: [BATCH, GEOMETRY_SIZE], values: places.values },
    geometryLabelled: { shape: [BATCH, GEOMETRY_SIZE], values: places.labelled },
    visible: { shape: [BATCH, UNITS], values: seen.values },
    visibleLabelled: { shape: [BATCH, UNITS], values: seen.labelled },
  };
}
