import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { detectorStep } from "../../../train/detectors/detector_step.ts";
import { DETECTORS } from "../../../train/detectors/index.ts";
import { attentionMaps, centresOf, crops, REGIONS, regionsOf } from "../../../train/detectors/regions.ts";
import { tensorLayers } from "../../../train/detectors/tensor_layers.ts";
import { weightedDice } from "../../../train/detectors/unit_losses.ts";
import { type Tensor, type Tensor1D, tf } from "../../../train/engine/backend.ts";
import { toTensor } from "../../../train/engine/state_values.ts";
import { assertCut, isMoved, noise } from "./networks.ts";
import { ReferenceRun } from "./reference_run.ts";

describe("regions", () => {
  const l = tensorLayers({ weights: {}, statistics: {} });

  it("lie where EAC-Net and JAA-Net put them: counted out by hand for one face", () => {
    const points = new Float32Array(136);
    const put = (point: number, x: number, y: number) => points.set([x, y], 2 * point);
    put(39, 0.4, 0.5);
    put(42, 0.6, 0.5); // r = 0.2
    put(21, 0.45, 0.3);
    put(22, 0.55, 0.32);
    put(41, 0.3, 0.55);
    put(46, 0.7, 0.56);
    const centres = centresOf<Tensor>(l, tf.tensor(points, [1, 68, 2]), regionsOf([1, 6])).dataSync();
    [0.45, 0.2, 0.55, 0.22, 0.3, 0.75, 0.7, 0.76].forEach((value, i) =>
      assertAlmostEquals(centres[i], value, 1e-6)
    );
    assertThrows(() => regionsOf([1, 99]), Error, "AU99 has no region");
    assertEquals(Object.keys(REGIONS).length, 23);
  });

  it("attract most at the cell that holds the centre, and not at all beyond their reach", () => {
    const centres = tf.tensor([[[0.31, 0.62]]]);
    const map = attentionMaps<Tensor>(l, centres, { side: 40, slope: 4, reach: 4 / 40, rounds: true });
    const rows = (map.arraySync() as number[][][][])[0][0];
    const [x, y] = [Math.floor(0.31 * 40), Math.floor(0.62 * 40)];
    rows.forEach((row, i) =>
      row.forEach((value, j) => {
        const away = [Math.abs(i - y), Math.abs(j - x)];
        const expected = Math.max(...away) <= 4 ? Math.max(0, 1 - 4 * (away[0] + away[1]) / 40) : 0;
        assertAlmostEquals(value, expected, 1e-5);
      })
    );
    assertAlmostEquals(rows[y][x], 1, 1e-6);
  });

  it("are cut out as a slice would, moved inside at an edge, and a moved centre moves its crop alone", () => {
    const map = noise([1, 12, 12, 2]), values = map.arraySync() as number[][][][];
    const cut = (centres: number[][]) =>
      crops<Tensor>(l, map, tf.tensor([centres]), 3, 2).arraySync() as number[][][][];
    const found = cut([[0.5, 0.3], [0.99, 0.01]]);
    const first = [[Math.floor(0.5 * 12 - 1), Math.floor(0.3 * 12 - 1)], [9, 0]];
    for (let y = 0; y < 6; y++) {
      for (let x = 0; x < 6; x++) {
        first.forEach(([left, top], k) => {
          const place = values[0][top + Math.floor(y / 2)][left + Math.floor(x / 2)];
          place.forEach((value, c) => assertAlmostEquals(found[0][y][x][2 * k + c], value, 1e-6));
        });
      }
    }
    const other = cut([[0.5, 0.3], [0.2, 0.6]]);
    assertEquals(
      other[0].flat().map((place) => place.slice(0, 2)),
      found[0].flat().map((place) => place.slice(0, 2)),
    );
    assert(other[0][0][0][2] !== found[0][0][0][2]);
  });

  it("hand no gradient to the points, and all of it to the places of the crop", () => {
    const map = noise([1, 12, 12, 1]), centres = tf.tensor([[[0.5, 0.3]]]);
    assertCut((centres) => crops<Tensor>(l, map, centres, 3), centres, tf.add(centres, 0.2));
    const byMap = tf.grad((map) => tf.sum(crops<Tensor>(l, map, centres, 3)))(map);
    assertEquals([...byMap.dataSync()].filter((value) => value === 1).length, 9);
    assertEquals(tf.sum(byMap).dataSync()[0], 9);
  });
});

describe("JAA-Net", () => {
  it("lets the units' loss reach the predicted points by no map", () => {
    const run = new ReferenceRun("jaa");
    const state = run.start();
    const { images, points: known } = run.inputs([0, 1, 2]);
    const layer = "align.points.weight";
    const logits = (weight: Tensor) => {
      const l = tensorLayers({
        weights: { ...state.weights, [layer]: weight },
        statistics: state.statistics,
      });
      const inputs = { image: toTensor(images), points: toTensor(known) };
      return DETECTORS.jaa.forward<Tensor>(l, inputs, run.shape).logits;
    };
    // The units read what comes before the points, so this layer could be reached through the maps alone.
    assertCut(logits, state.weights[layer], tf.mul(state.weights[layer], -1));
  });

  it("asks nothing more of a perfect answer by its dice loss, and 1/2 of one that is wrong", () => {
    const labels = (present: number) => ({
      present: tf.tensor2d([[present]]),
      labelled: tf.tensor2d([[1]]),
      unitWeights: tf.tensor1d([1]) as Tensor1D,
    });
    assertAlmostEquals(weightedDice(tf.tensor2d([[60]]), labels(1)).dataSync()[0], 0, 1e-6);
    assertAlmostEquals(weightedDice(tf.tensor2d([[0]]), labels(0.5)).dataSync()[0], 0, 1e-6);
    assertAlmostEquals(weightedDice(tf.tensor2d([[-60]]), labels(1)).dataSync()[0], 0.5, 1e-6);
  });
});

describe("a detector's step", () => {
  it("leaves what the labels gave as it is, and what the frozen net reads is moved by its own loss alone", () => {
    const run = new ReferenceRun("srerl");
    const state = run.start();
    const feeds = tf.tidy(() =>
      Object.fromEntries(Object.entries(run.feeds(1)).map(([name, values]) => [name, toTensor(values)]))
    ) as unknown as Parameters<typeof detectorStep>[1];
    const next = tf.tidy(() => detectorStep(state, feeds, run.detector, run.shape, 0).state);
    for (const name of ["relations.symbiosis", "relations.exclusion"]) {
      assertEquals(next.statistics[name].dataSync(), state.statistics[name].dataSync());
    }
    assert(isMoved(tf.sub(next.weights["conv1.weight"], state.weights["conv1.weight"])));
    const eac = new ReferenceRun("eac"), start = eac.start();
    const { images, points } = eac.inputs([0, 1]);
    const logits = (kernel: Tensor) => {
      const weights = { ...start.weights, "conv1.weight": kernel };
      const l = tensorLayers({ weights, statistics: start.statistics });
      const inputs = { image: toTensor(images), points: toTensor(points) };
      return DETECTORS.eac.forward<Tensor>(l, inputs, eac.shape).logits;
    };
    assertCut(logits, start.weights["conv1.weight"], tf.mul(start.weights["conv1.weight"], -1));
  });
});
