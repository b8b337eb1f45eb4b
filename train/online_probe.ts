/**
 * What the encoder has learnt so far, measured during pretraining on subjects that it is not trained on: emotion by
 * nearest neighbours, action units by a linear probe. Labels of action units are read here only, never by the step.
 */
import { EMOTIONS } from "@emoco/web/facs";
import type { Face } from "./data.ts";
import { type Backbone, extractFeatures } from "./features.ts";
import { classify, fitClassifier, PROBE_FIT } from "./linear_probe.ts";
import {
  accuracy,
  type Label,
  mean,
  nearestNeighbours,
  scoreUnits,
  unitRows,
  type UnitScores,
} from "./metrics.ts";
import { permutation, PURPOSE, randomStream } from "./random.ts";
import { ViewLoader, type ViewOptions } from "./views.ts";

/** Results of one probe. */
export interface ProbeResult {
  knnEmotionAccuracy: number;
  /** Mean over action units at threshold 0.5; `NaN` where the faces carry no action-unit labels. */
  probeF1: number;
  probeAuc: number;
  units: UnitScores[];
  /** For every held-back face, the bank's faces nearest to it. */
  neighbours: Face[][];
}

/** Measures encoders on a fixed bank (training subjects) and fixed queries (held-back subjects). */
export class OnlineProbe implements Disposable {
  readonly bank: readonly Face[];
  readonly queries: readonly Face[];
  readonly #loader: ViewLoader;
  readonly #aus: number[];

  /** @param most faces that are used of each kind, drawn by the seed */
  constructor(kept: readonly Face[], held: readonly Face[], options: ViewOptions, most = 1000) {
    this.bank = draw(kept, most, options.seed);
    this.queries = draw(held, most, options.seed + 1);
    this.#loader = new ViewLoader([...this.bank, ...this.queries], options);
    this.#aus = unitsOf(this.bank);
  }

  async run(backbone: Backbone): Promise<ProbeResult> {
    const all = Int32Array.from({ length: this.bank.length + this.queries.length }, (_, i) => i);
    const features = await extractFeatures(backbone, this.#loader, all);
    const columns = features.length / all.length;
    const split = this.bank.length * columns;
    const known = features.subarray(0, split), asked = features.subarray(split);
    const classes = (faces: readonly Face[]) => faces.map((face) => EMOTIONS.indexOf(face.emotion!));
    const { predicted, neighbours } = nearestNeighbours(
      unitRows(asked, columns),
      unitRows(known, columns),
      classes(this.bank),
    );
    const units = this.#aus.length === 0 ? [] : this.#probeUnits(known, asked);
    return {
      knnEmotionAccuracy: accuracy(predicted, classes(this.queries)),
      probeF1: mean(units.map((unit) => unit.f1)),
      probeAuc: mean(units.map((unit) => unit.auc)),
      units,
      neighbours: neighbours.map((nearest) => nearest.map((i) => this.bank[i])),
    };
  }

  close(): void {
    this.#loader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #probeUnits(known: Float32Array, asked: Float32Array): UnitScores[] {
    const labels = (faces: readonly Face[]) => labelRows(faces, this.#aus);
    const classifier = fitClassifier(known, labels(this.bank), PROBE_FIT);
    return scoreUnits(this.#aus, classify(classifier, asked), labels(this.queries));
  }
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
