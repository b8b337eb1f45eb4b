/**
 * What the encoder has learnt so far, measured during pretraining on subjects that it is not trained on: emotion by
 * nearest neighbours, action units by a linear probe. Labels of action units are read here only, never by the step.
 */
import { EMOTIONS } from "@emoco/web/facs";
import type { Face } from "../input/data.ts";
import { type Backbone, extractFeatures } from "../units/features.ts";
import { classify, fitClassifier, PROBE_FIT } from "../units/linear_probe.ts";
import {
  accuracy,
  type Label,
  mean,
  nearestNeighbours,
  scoreUnits,
  unitRows,
  type UnitScores,
} from "../scores/metrics.ts";
import { permutation, PURPOSE, randomStream } from "../runs/random.ts";
import { ViewLoader, type ViewOptions } from "../input/views.ts";

/** Results of one probe. */
export interface ProbeResult {
  /** `NaN` where a face carries no emotion. */
  knnEmotionAccuracy: number;
  /** Mean over action units at threshold 0.5; `NaN` where the faces carry no action-unit labels. */
  probeF1: number;
  probeAuc: number;
  units: UnitScores[];
  /** The held-back faces that were measured, and for each of them the bank's faces nearest to it. */
  queries: readonly Face[];
  neighbours: Face[][];
}

/** Measures encoders on a fixed bank (training subjects) and fixed queries (held-back subjects). */
export class OnlineProbe implements Disposable {
  readonly #bank: readonly Face[];
  readonly #queries: readonly Face[];
  readonly #loader: ViewLoader;

  /** @param most faces that are used of each kind, drawn by the seed */
  constructor(kept: readonly Face[], held: readonly Face[], options: ViewOptions, most = 1000) {
    this.#bank = draw(kept, most, options.seed);
    this.#queries = draw(held, most, options.seed + 1);
    this.#loader = new ViewLoader([...this.#bank, ...this.#queries], options);
  }

  /** Pictures that could not be decoded (`skipBroken`), by path: no measure contains them. */
  get skipped(): string[] {
    return [...this.#loader.skipped.keys()].map((i) => this.#loader.faces[i].image);
  }

  async run(backbone: Backbone): Promise<ProbeResult> {
    const all = Int32Array.from(this.#loader.faces, (_, i) => i);
    const features = await extractFeatures(backbone, this.#loader, all);
    const columns = features.length / all.length;
    // What stands in for a broken picture has other labels, and may be of the other group.
    const readable = (faces: readonly Face[], first: number) =>
      faces.flatMap((face, i) => this.#loader.skipped.has(first + i) ? [] : [{ face, row: first + i }]);
    const known = readable(this.#bank, 0), asked = readable(this.#queries, this.#bank.length);
    return measure(
      known.map(({ face }) => face),
      rowsAt(features, columns, known.map(({ row }) => row)),
      asked.map(({ face }) => face),
      rowsAt(features, columns, asked.map(({ row }) => row)),
    );
  }

  close(): void {
    this.#loader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function measure(
  bank: readonly Face[],
  known: Float32Array,
  queries: readonly Face[],
  asked: Float32Array,
): ProbeResult {
  const columns = known.length / bank.length;
  const classes = (faces: readonly Face[]) => faces.map((face) => EMOTIONS.indexOf(face.emotion!));
  const { predicted, neighbours } = nearestNeighbours(
    unitRows(asked, columns),
    unitRows(known, columns),
    classes(bank),
  );
  const aus = unitsOf(bank);
  const units = aus.length === 0 || queries.length === 0 ? [] : scoreUnits(
    aus,
    classify(fitClassifier(known, labelRows(bank, aus), PROBE_FIT), asked),
    labelRows(queries, aus),
  );
  const isLabelled = [...bank, ...queries].every((face) => face.emotion); // frames of clips may not be
  return {
    knnEmotionAccuracy: isLabelled ? accuracy(predicted, classes(queries)) : NaN,
    probeF1: mean(units.map((unit) => unit.f1)),
    probeAuc: mean(units.map((unit) => unit.auc)),
    units,
    queries,
    neighbours: neighbours.map((nearest) => nearest.map((i) => bank[i])),
  };
}

function rowsAt(matrix: Float32Array, columns: number, rows: readonly number[]): Float32Array {
  const result = new Float32Array(rows.length * columns);
  rows.forEach((from, to) => result.set(matrix.subarray(from * columns, (from + 1) * columns), to * columns));
  return result;
}

/** Action units that any of the faces is labelled with, rising. */
export function unitsOf(faces: readonly Face[]): number[] {
  return [...new Set(faces.flatMap((face) => [...face.present.keys()]))].sort((one, other) => one - other);
}

/** Occurrence labels of the faces, one row a face. */
export function labelRows(faces: readonly Face[], aus: readonly number[]): Label[][] {
  return faces.map((face) => aus.map((au) => face.present.get(au)));
}

function draw(faces: readonly Face[], most: number, seed: number): Face[] {
  const order = permutation(faces.length, randomStream(seed, PURPOSE.probe));
  return Array.from(order.subarray(0, most)).sort((i, j) => i - j).map((i) => faces[i]);
}
