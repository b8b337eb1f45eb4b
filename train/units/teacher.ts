/** What a model says of faces that nobody has labelled, as labels for another one: soft, and the mean of both sides. */
import { EMOTIONS } from "@emoco/web/facs";
import { tf } from "../engine/backend.ts";
import { PLACEMENT } from "../input/placement.ts";
import type { ViewLoader } from "../input/views.ts";
import type { StateValues } from "../runs/tensor_values.ts";
import type { Share } from "../scores/target.ts";
import { type AuModel, readImages } from "./au_model.ts";
import { GEOMETRY, GEOMETRY_SIZE, type GeometryPart, geometryStart, placeGeometry } from "./face_geometry.ts";
import { takeValues } from "./features.ts";
import type { KnownFaces } from "./finetune_feeds.ts";
import { classify } from "./linear_probe.ts";

/** A teacher's answers, face by face. */
export interface Answers extends KnownFaces {
  /** What it says of each unit, [N, A]. */
  probabilities: Float32Array<ArrayBuffer>;
}

/** A view that is the whole face, mirrored, in units of itself. */
const MIRROR = [0, 0, 1, 1, 1];

/**
 * Reads the plain view of every face and its mirror image, and takes the mean: a face that leans to its left smiles as much
 * as one that leans to its right. What the model does not know is unlabelled.
 * @param indices faces of the loader
 * @param onProgress called with the number of faces done
 */
export async function teach(
  model: AuModel,
  loader: ViewLoader,
  indices: Int32Array,
  onProgress: (done: number) => void = () => {},
): Promise<Answers> {
  const units = model.aus.length, classes = EMOTIONS.length, all = indices.length, { size } = loader.options;
  const geometry: Float32Array<ArrayBuffer>[] = [];
  const answers: Answers = {
    probabilities: new Float32Array(all * units),
    emotions: new Float32Array(all * classes),
    visible: new Float32Array(all * units).fill(NaN),
    geometry,
    units,
  };
  let done = 0;
  for await (const { indices: part, viewQ, placements } of loader.plainViews(indices)) {
    const count = part.length;
    const tensors = tf.tidy(() => {
      const images = tf.tensor4d(viewQ, [count, size, size, 3]);
      return readImages(model, tf.concat([images, tf.reverse(images, 2)]));
    });
    const rows = Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [name, takeValues(tensor)]),
    );
    const probabilities = classify(model.classifier, rows.features);
    answers.probabilities.set(meanOfSides(probabilities), done * units);
    if (rows.emotions) answers.emotions.set(meanOfSides(rows.emotions), done * classes);
    if (rows.visible) answers.visible.set(meanOfSides(rows.visible), done * units);
    for (let n = 0; n < count; n++) {
      const [plain, mirrored] = [n, count + n].map((row) => geometryOfRow(rows, model.parts ?? [], row));
      const back = placeGeometry(mirrored, MIRROR);
      const mean = plain.map((value, i) => (value + back[i]) / 2);
      geometry.push(inPicture(mean, placements.subarray(n * PLACEMENT, (n + 1) * PLACEMENT)));
    }
    done += count;
    onProgress(done);
  }
  return answers;
}

/** The mean of the first half of the rows and the second one. */
function meanOfSides(rows: Float32Array): Float32Array {
  const half = rows.length / 2;
  return Float32Array.from({ length: half }, (_, i) => (rows[i] + rows[half + i]) / 2);
}

/** The geometry of one row in units of the view, NaN where the model does not know it. */
function geometryOfRow(
  rows: { [output: string]: Float32Array },
  parts: readonly GeometryPart[],
  row: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(GEOMETRY_SIZE).fill(NaN);
  for (const part of parts) {
    const { count } = GEOMETRY[part];
    values.set(rows[part].subarray(row * count, (row + 1) * count), geometryStart(part));
  }
  return values;
}

/** Points of a plain view from its units to pixels of the picture. */
function inPicture(values: Float32Array<ArrayBuffer>, placement: Float32Array): Float32Array<ArrayBuffer> {
  const [left, top, width, height] = placement, start = geometryStart("points");
  for (let i = 0; i < GEOMETRY.points.count; i += 2) {
    values[start + i] = left + width * values[start + i];
    values[start + i + 1] = top + height * values[start + i + 1];
  }
  return values;
}

/** The units' answers as rows of labels. */
export function answerRows({ probabilities, units }: Answers): Share[][] {
  return Array.from(
    { length: probabilities.length / units },
    (_, n) => [...probabilities.subarray(n * units, (n + 1) * units)],
  );
}

/** Answers as tensors, to be kept beside a checkpoint. */
export function answersToState({ probabilities, emotions, visible, geometry, units }: Answers): StateValues {
  const all = geometry.length;
  const rows = (values: Float32Array) => ({
    shape: [all, values.length / all],
    values: values as Float32Array<ArrayBuffer>,
  });
  const whole = new Float32Array(all * GEOMETRY_SIZE);
  geometry.forEach((row, n) => whole.set(row, n * GEOMETRY_SIZE));
  return {
    answers: {
      probabilities: { shape: [all, units], values: probabilities },
      emotions: rows(emotions),
      visible: rows(visible),
      geometry: rows(whole),
    },
  };
}

/** The inverse of `answersToState`. */
export function answersOfState({ answers }: StateValues): Answers {
  const { probabilities, emotions, visible, geometry } = answers;
  const whole = geometry.values as Float32Array;
  return {
    probabilities: probabilities.values as Float32Array<ArrayBuffer>,
    emotions: emotions.values as Float32Array,
    visible: visible.values as Float32Array,
    geometry: Array.from(
      { length: geometry.shape[0] },
      (_, n) => whole.subarray(n * GEOMETRY_SIZE, (n + 1) * GEOMETRY_SIZE),
    ),
    units: probabilities.shape[1],
  };
}
