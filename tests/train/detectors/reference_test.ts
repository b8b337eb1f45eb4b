import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type DetectorFeeds,
  type DetectorState,
  detectorStep,
  planDetector,
  runDetector,
} from "../../../train/detectors/detector_step.ts";
import { DETECTOR_NAMES } from "../../../train/detectors/names.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../../train/engine/backend.ts";
import { openStepRunner } from "../../../train/engine/step_runner.ts";
import { toTensor } from "../../../train/engine/state_values.ts";
import { cosineOf, relativeError } from "../../helpers.ts";
import { ReferenceRun } from "./reference_run.ts";

const STEPS = 20;

for (const name of DETECTOR_NAMES) {
  const run = new ReferenceRun(name);
  const { detector, shape, names } = run;
  const open = (eager: boolean) =>
    openStepRunner(
      (state: DetectorState, feeds: DetectorFeeds) =>
        detectorStep(state, feeds, detector, shape, run.fixture.metadata.weightDecay),
      run.start(),
      { eager },
    );

  describe(`${name} beside its PyTorch reference`, () => {
    it("plans the reference's weights, in number, name and shape", () => {
      const { parameters } = planDetector(detector, shape);
      const planned = [...parameters].map(([name, { shape }]) => `${name} ${shape}`).sort();
      assertEquals(planned, names.map(([name, shape]) => `${name} ${shape}`).sort());
    });

    it("gives the same 20 losses, and the same answers after them", async () => {
      const runner = open(false);
      for (let t = 1; t <= STEPS; t++) {
        const { loss: [loss] } = await runner.run(run.feeds(t));
        const expected = run.values("losses")[t - 1];
        assertAlmostEquals(loss, expected, 1e-4 * Math.abs(expected), `step ${t}`);
      }
      const state = await runner.readState("weights", "statistics");
      runner.dispose();
      const tensors = Object.fromEntries(
        Object.entries(state).map(([group, all]) => [
          group,
          Object.fromEntries(Object.entries(all).map(([name, values]) => [name, toTensor(values)])),
        ]),
      );
      const faces = Array.from({ length: run.fixture.tensors.labels.shape[0] }, (_, i) => i);
      const { images, points } = run.inputs(faces);
      const answers = tf.tidy(() =>
        runDetector(detector, shape, { weights: tensors.weights, statistics: tensors.statistics }, {
          images: toTensor(images) as Tensor4D,
          points: toTensor(points) as Tensor3D,
        }).logits.dataSync()
      ) as Float32Array;
      tf.dispose([tensors.weights, tensors.statistics]);
      assertLess(relativeError(answers, run.values("answers")), 2e-3);
    });

    it("gives the same gradient at the first step", async () => {
      // From moments of zero, the first moment after one step is a tenth of the gradient.
      const runner = open(true);
      await runner.run(run.feeds(1));
      const { first } = await runner.readState("first");
      runner.dispose();
      const scale = run.values("gradientScale")[0];
      const expected = run.values("gradient").map((value) => value * scale);
      const ours = new Float32Array(
        names.flatMap(([name]) => [...first[name].values].map((value) => 10 * value)),
      );
      assertGreater(cosineOf(ours, expected), 0.9999);
      assertLess(relativeError(ours, expected), 5e-3);
      let from = 0;
      for (const [name, shape] of names) {
        const to = from + shape.reduce((product, side) => product * side, 1);
        const [one, other] = [ours.subarray(from, to), expected.subarray(from, to)];
        const isNothing = other.every((value) => Math.abs(value) < 2e-3 * scale);
        assert(isNothing || cosineOf(one, other) > 0.999, `the gradient of ${name} points elsewhere`);
        from = to;
      }
    });
  });
}
