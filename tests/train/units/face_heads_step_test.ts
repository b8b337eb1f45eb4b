import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { tf } from "../../../train/engine/backend.ts";
import { biasCorrections } from "../../../train/nets/optimizer.ts";
import { initResNet, initRunningStatistics } from "../../../train/nets/resnet.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { type AuFeeds, type AuState, finetuneStep, initAuState } from "../../../train/units/au_model.ts";
import { GEOMETRY_SIZE } from "../../../train/units/face_geometry.ts";
import { type HeadWeights, initHeads, NO_HEADS } from "../../../train/units/face_heads.ts";
import {
  ALL,
  BATCH,
  drawn,
  EMBEDDING,
  EMOTIONS,
  feeds,
  HEADS,
  HIDDEN,
  lossOf,
  type Numbers,
  toNumbers,
  toTensors,
  UNITS,
} from "./head_feeds.ts";

describe("finetuneStep with heads", () => {
  const SIDE = 32; // of which the small stem leaves a map of 2 by 2
  const network = { backbone: "resnet18", width: 0.0625, stem: "small", weightDecay: 5e-4 } as const;
  const features = 32, map = 4 * features;

  /** A state with the given heads, none of which stands still at its start. */
  function freshState(weights: HeadWeights): AuState {
    const random = randomStream(11);
    const backbone = { weights: initResNet(network, random), statistics: initRunningStatistics(network) };
    const heads = initHeads(weights, {
      map,
      features,
      units: UNITS,
      emotions: EMOTIONS,
      mean: new Float32Array(GEOMETRY_SIZE),
      projectionSize: HIDDEN,
      embeddingSize: EMBEDDING,
    }, randomStream(12));
    const unsaid = heads["visible.weight"];
    if (unsaid) {
      heads["visible.weight"] = tf.add(unsaid, 0.1);
      unsaid.dispose();
    }
    const weight = Float32Array.from({ length: features * UNITS }, () => 0.1 * normal(random));
    return initAuState(backbone, features, UNITS, { weight, bias: new Float32Array(UNITS) }, heads);
  }

  /** Losses and state after a step. */
  function after(weights: HeadWeights | undefined, fed: Numbers = {}) {
    const state = freshState(weights ?? NO_HEADS);
    const { first, second } = biasCorrections(1);
    const { images, present } = drawn(13, { images: [BATCH, SIDE, SIDE, 3], present: [BATCH, UNITS] });
    const scalar = (value: number) => ({ shape: [], values: Float32Array.of(value) });
    const tensors = toTensors({
      ...fed,
      images,
      present: { ...present, values: present.values.map((value) => Number(value > 0)) },
      labelled: { shape: [BATCH, UNITS], values: new Float32Array(BATCH * UNITS).fill(1) },
      unitWeights: { shape: [UNITS], values: Float32Array.of(0.5, 1.5, 1) },
      learningRate: scalar(1e-3),
      firstCorrection: scalar(first),
      secondCorrection: scalar(second),
    });
    const next = tf.tidy(() =>
      finetuneStep(state, tensors as unknown as AuFeeds, { ...network, ...weights ?? {} })
    );
    const groups = Object.entries(next.state).map(([group, of]) => [group, toNumbers(of)] as const);
    const losses = Object.fromEntries(
      Object.entries(next.losses).map(([name, loss]) => [name, loss.dataSync()[0]]),
    );
    const before = toNumbers(state.weights);
    for (const group of [...Object.values(next.state), ...Object.values(state)]) tf.dispose(group);
    tf.dispose([tensors, next.losses]);
    return { losses, before, state: Object.fromEntries(groups) };
  }

  const without = after(undefined);

  it("is to the bit the step of a model that has none where no head has a weight, whatever it is fed", () => {
    assertEquals(after(NO_HEADS, feeds()), without);
    assertEquals(Object.keys(without.losses), ["loss"]);
  });

  for (const head of HEADS) {
    const name = lossOf(head);
    it(`learns ${name} alone: its loss beside the units' in the sum, its layers and the backbone moved by it`, () => {
      const { losses, before, state } = after({ ...NO_HEADS, [head]: 0.7 }, feeds());
      assertEquals(Object.keys(losses).sort(), ["loss", "unitsLoss", `${name}Loss`].sort());
      assertAlmostEquals(losses.unitsLoss, without.losses.loss, 1e-6);
      assertAlmostEquals(losses.loss, losses.unitsLoss + 0.7 * losses[`${name}Loss`], 1e-5);
      for (const layer of Object.keys(before)) {
        const part = layer.split(".")[0];
        if (["projection", "classifier", "geometry", "visible"].includes(part)) {
          assertNotEquals(
            state.first[layer].values,
            before[layer].values.map(() => 0),
            `${layer} has no slope`,
          );
        }
      }
      assertNotEquals(state.first["conv1.weight"].values, without.state.first["conv1.weight"].values);
      assertEquals(state.first["au.weight"].values, without.state.first["au.weight"].values);
    });
  }

  it("adds up every head's loss at its own weight, and frees all it made", () => {
    const tensors = tf.memory().numTensors;
    const { losses } = after(ALL, feeds());
    assertEquals(tf.memory().numTensors, tensors);
    const sum = HEADS.reduce(
      (total, head) => total + ALL[head] * losses[`${lossOf(head)}Loss`],
      losses.unitsLoss,
    );
    assertAlmostEquals(losses.loss, sum, 1e-4);
  });

  it("leaves the backbone's slopes to the units where a batch has no label for the heads", () => {
    const silent = feeds();
    for (const name of ["emotions", "geometryLabelled", "visibleLabelled"]) silent[name].values.fill(0);
    const { state } = after(ALL, silent);
    for (const [name, { values }] of Object.entries(without.state.first)) {
      assertEquals(state.first[name].values, values, name);
    }
  });
});
