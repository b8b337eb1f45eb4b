/** The endless walk over the faces: which of them a run sees when, as a pure function of the seed and the place. */
import { EMOTIONS } from "@emoco/web/facs";
import type { Face } from "./data.ts";
import { permutation, PURPOSE, randomStream } from "../runs/random.ts";

/** Every face once an epoch, or every emotion equally often. */
export type Sampling = "natural" | "balanced";

/** A visit to a face. */
export interface Visit {
  index: number;
  /** How often the face was visited before: no two visits have the same views. Without classes this is the epoch. */
  epoch: number;
}

/**
 * The walk: epoch after epoch, each in an order of its own that depends on (seed, epoch) only. Batches are cut from it
 * without regard to the end of an epoch, so every face is visited once an epoch and every batch is whole.
 *
 * With `classes`, each of them has an equal part of every epoch, or one by its size. Its faces come up in turn, all of them before the first
 * comes again, on from where the epoch before has stopped: a small class is gone through several times an epoch, a large
 * one in several epochs.
 */
export class Walk {
  readonly #epochs = new Map<number, { index: Int32Array; epoch: Int32Array }>();
  /** Faces of each class. */
  readonly #members?: readonly (readonly number[])[];

  /** Parts of every epoch that the classes before each have together, then all of them; whole numbers. */
  readonly #parts: number[] = [0];

  /**
   * @param classes one a face
   * @param partOf how many parts of an epoch a class of so many faces has, a whole number; 1 for equal parts
   */
  constructor(
    readonly length: number,
    readonly seed: number,
    classes?: readonly number[],
    partOf: (faces: number) => number = () => 1,
  ) {
    if (!classes) return;
    const members = Map.groupBy(classes.keys(), (i) => classes[i]);
    this.#members = [...members].sort(([one], [other]) => one - other).map(([, faces]) => faces);
    for (const faces of this.#members) this.#parts.push(this.#parts.at(-1)! + partOf(faces.length));
  }

  /** The visit at a position, counted from the start of the run. */
  at(position: number): Visit {
    const epoch = Math.floor(position / this.length);
    let visits = this.#epochs.get(epoch);
    if (!visits) {
      visits = this.#visitsOf(epoch);
      this.#epochs.set(epoch, visits);
      this.#epochs.delete(epoch - 2); // a batch spans two epochs at most, and loading runs ahead by less than one
    }
    const place = position - epoch * this.length;
    return { index: visits.index[place], epoch: visits.epoch[place] };
  }

  #visitsOf(epoch: number) {
    const order = permutation(this.length, randomStream(this.seed, PURPOSE.order, epoch));
    if (!this.#members) return { index: order, epoch: new Int32Array(this.length).fill(epoch) };
    const index = new Int32Array(this.length), visited = new Int32Array(this.length);
    const all = this.#parts.at(-1)!;
    const before = (c: number) => Math.floor(this.#parts[c] * this.length / all);
    let done = 0;
    this.#members.forEach((faces, c) => {
      const share = before(c + 1) - before(c);
      let round = -1, turn = new Int32Array();
      for (let place = epoch * share; place < (epoch + 1) * share; place++, done++) {
        if (Math.floor(place / faces.length) !== round) {
          round = Math.floor(place / faces.length);
          turn = permutation(faces.length, randomStream(this.seed, PURPOSE.order, c, round));
        }
        index[order[done]] = faces[turn[place % faces.length]];
        visited[order[done]] = round;
      }
    });
    return { index, epoch: visited };
  }
}

/** How faces are drawn: balanced as asked for, where every one carries an emotion; else each once an epoch. */
export function samplingOf(faces: readonly Face[], { sampling }: { sampling: Sampling }): Sampling {
  return faces.every((face) => face.emotion) ? sampling : "natural";
}

/** The walk of a pretraining run over its faces. */
export function walkOver(faces: readonly Face[], config: { seed: number; sampling: Sampling }): Walk {
  const { seed } = config, isBalanced = samplingOf(faces, config) === "balanced";
  const classes = isBalanced ? faces.map((face) => EMOTIONS.indexOf(face.emotion!)) : undefined;
  return new Walk(faces.length, seed, classes);
}

/**
 * The walk of action-unit training over its faces.
 * @param sampling `sets`: every data set, as lines name it in `set`, by the root of its size
 */
export function walkOverSets(
  faces: readonly Face[],
  { sampling }: { sampling: "natural" | "sets" },
  seed: number,
): Walk {
  if (sampling === "natural") return new Walk(faces.length, seed);
  const names = faces.map(({ other }) => typeof other.set === "string" ? other.set : "");
  const sets = [...new Set(names)].sort();
  const root = (size: number) => Math.max(1, Math.round(Math.sqrt(size)));
  return new Walk(faces.length, seed, names.map((name) => sets.indexOf(name)), root);
}
