/** A detector beside its PyTorch reference, of tests/reference/detectors.py: what the fixture holds, as feeds and state. */
import { tf } from "../../../train/engine/backend.ts";
import type { DetectorShape } from "../../../train/detectors/detector.ts";
import {
  type DetectorFeeds,
  type DetectorState,
  detectorState,
} from "../../../train/detectors/detector_step.ts";
import { DETECTORS } from "../../../train/detectors/index.ts";
import type { DetectorName } from "../../../train/detectors/names.ts";
import type { FeedValues } from "../../../train/engine/state_values.ts";
import { biasCorrections } from "../../../train/nets/optimizer.ts";
import type { Weights } from "../../../train/nets/resnet.ts";
import { readFixture } from "../../helpers.ts";

const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];

/** What a step of a reference run is fed, as values. */
type Feeds = FeedValues<Exclude<keyof DetectorFeeds, "dropoutSeed">>;

/** The fixture of a detector. */
export class ReferenceRun {
  readonly fixture;
  readonly shape: DetectorShape;
  readonly names: [string, number[]][];

  constructor(readonly name: DetectorName) {
    this.fixture = readFixture(`detector-${name}`);
    this.shape = this.fixture.metadata.shape;
    this.names = this.fixture.metadata.names;
  }

  get detector() {
    return DETECTORS[this.name];
  }

  /** Numbers of a tensor of the fixture. */
  values(tensor: string): Float32Array {
    return this.fixture.tensors[tensor].values as Float32Array;
  }

  /** The state before the first step. */
  start(): DetectorState {
    const statistics: Weights = {};
    for (const [name, shape] of this.fixture.metadata.statistics) {
      statistics[name] = tf.fill(shape, name.endsWith("var") ? 1 : 0);
    }
    for (const [name, { values, shape }] of Object.entries(this.fixture.tensors)) {
      if (name.startsWith("relations.")) statistics[name] = tf.tensor(values, shape);
    }
    return detectorState(this.split("weights", this.names), statistics);
  }

  /** Named tensors out of one vector. */
  split(tensor: string, names: readonly [string, number[]][]): Weights {
    const weights: Weights = {};
    let from = 0;
    for (const [name, shape] of names) {
      const to = from + shape.reduce((product, side) => product * side, 1);
      weights[name] = tf.tensor(this.values(tensor).slice(from, to), shape);
      from = to;
    }
    return weights;
  }

  /** Labels of all faces; 9 stands for none. */
  labels(): (number | undefined)[][] {
    const { values, shape: [faces, units] } = this.fixture.tensors.labels;
    return Array.from(
      { length: faces },
      (_, i) =>
        Array.from(values.subarray(i * units, (i + 1) * units), (value) => value === 9 ? undefined : value),
    );
  }

  /** Normalised views and points of faces. */
  inputs(faces: readonly number[]) {
    const { imageSize: side } = this.shape, pixels = side * side * 3;
    const images = Float32Array.from({ length: faces.length * pixels }, (_, i) => {
      const byte = this.values("pictures")[faces[Math.floor(i / pixels)] * pixels + i % pixels];
      return (byte / 255 - MEAN[i % 3]) / STD[i % 3];
    });
    const points = Float32Array.from(
      faces.flatMap((i) => [...this.values("points").subarray(i * 136, i * 136 + 136)]),
    );
    return {
      images: { shape: [faces.length, side, side, 3], values: images },
      points: { shape: [faces.length, 68, 2], values: points },
    };
  }

  /** What step `t` = 1, 2, ... is fed. */
  feeds(t: number): FeedValues<keyof DetectorFeeds> {
    const [, size] = this.fixture.tensors.batches.shape;
    const faces = [...this.values("batches").subarray((t - 1) * size, t * size)];
    const rows = faces.map((i) => this.labels()[i]), units = this.shape.aus.length;
    const scalar = (value: number) => ({ shape: [], values: Float32Array.of(value) });
    const { first, second } = biasCorrections(t);
    const { images, points } = this.inputs(faces);
    const cells = (of: (label: number | undefined) => number) => ({
      shape: [size, units],
      values: Float32Array.from(rows.flat(), of),
    });
    return {
      images,
      ...(this.detector.points === "never" ? {} : { points }),
      present: cells((label) => label ?? 0),
      labelled: cells((label) => Number(label !== undefined)),
      unitWeights: { shape: [units], values: Float32Array.from(this.values("unitWeights")) },
      learningRate: scalar(this.fixture.metadata.learningRate),
      firstCorrection: scalar(first),
      secondCorrection: scalar(second),
    } as Feeds as FeedValues<keyof DetectorFeeds>; // nothing is dropped, as in the reference
  }
}
