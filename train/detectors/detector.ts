/** What a supervised detector is: a network in the words of `layers.ts`, its own loss, and what it must be told of faces. */
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from "../engine/backend.ts";
import type { Architecture } from "../nets/resnet.ts";
import type { Layers } from "./layers.ts";

/** The original's shape, or one for views of 96 to 128 px that two processor cores can train. */
export type DetectorSize = "quick" | "paper";

/** What a detector is built for. */
export interface DetectorShape {
  /** Side of a view in pixels. */
  imageSize: number;
  /** Action units in the order of the logits. */
  aus: readonly number[];
  /** The residual network that some stand on. */
  trunk: Architecture;
  /** The detector's own numbers, see its file. */
  sizes: Readonly<Record<string, number>>;
}

/** What it is given of a face: the view, and iBUG's 68 points in units of the view, [68, 2], where it needs them. */
export interface DetectorInputs<X> {
  image: X;
  points?: X;
}

/** What it answers. */
export interface DetectorOutputs<X> {
  /** [A]; the sigmoid is the answer. */
  logits: X;
  /** The last layer before the logits, [F]. */
  features: X;
  /** What only its own loss reads. */
  inner: { [name: string]: X };
}

/** What a loss is told; B faces, A action units. */
export type DetectorLabels = {
  /** 0 or 1, or intensity as a share of the full one; and whether it is labelled, 0 or 1; [B, A]. */
  present: Tensor2D;
  labelled: Tensor2D;
  /** Weight of every unit [A]. */
  unitWeights: Tensor1D;
  /** [B, 68, 2], for those that need points. */
  points?: Tensor3D;
};

/** A label of the training part of a fold: `undefined` where nobody gave one. */
export type TrainingLabels = readonly (readonly (number | undefined)[])[];

/** A supervised detector. */
export interface Detector {
  /** "DRML", or "after DSIN": reconstructed where nobody could read the original. */
  title: string;
  /** Where it is from. */
  paper: string;
  /** What is not as there. */
  departures: string;
  /** When it must be told the face's points. */
  points: "never" | "training" | "always";
  /** Which of the 68 points it finds itself: `inner.points` has their x and y in turn, in units of the view. */
  finds?: readonly number[];
  /** Why its loss cannot learn intensities; absent where it can. */
  onlyOccurrence?: string;
  sizes: Readonly<Record<DetectorSize, Readonly<Record<string, number>>>>;
  /** Side of the original's views. */
  paperImageSize: number;
  /** Whether it stands on the pretrained residual network, so that `--from` is where it starts. */
  hasTrunk: boolean;
  /** @throws {Error} in a sentence, where it cannot be built for the side or the units */
  check(shape: DetectorShape): void;
  forward<X>(l: Layers<X>, inputs: DetectorInputs<X>, shape: DetectorShape): DetectorOutputs<X>;
  /** The terms of its loss by name, weighted: their sum is what is learnt. */
  losses(
    outputs: DetectorOutputs<Tensor>,
    labels: DetectorLabels,
    shape: DetectorShape,
  ): { [name: string]: Scalar };
  /** What it takes from the labels of a fold's training part before it begins, by the names of its `fixed`. */
  prepare?(labels: TrainingLabels): { [name: string]: Float32Array };
}
