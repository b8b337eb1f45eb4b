import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { normal, permutation, PURPOSE, randomStream } from "../../../train/runs/random.ts";

const draws = (count: number, ...keys: number[]) => {
  const random = randomStream(...keys);
  return Array.from({ length: count }, () => random());
};

/** Chi-squared of counts against equal expectations, less its mean, in standard deviations. */
function excess(counts: number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return (chi - (counts.length - 1)) / Math.sqrt(2 * (counts.length - 1));
}

describe("randomStream", () => {
  it("repeats itself for equal keys and differs by each key, their number and their order", () => {
    assertEquals(draws(5, 1, 2, 3), draws(5, 1, 2, 3));
    const others = [[1, 2, 4], [1, 3, 3], [2, 2, 3], [1, 2], [1, 2, 3, 0], [3, 2, 1], [0, 1, 2, 3], []];
    const firsts = [[1, 2, 3], ...others].map((keys) => draws(5, ...keys).join());
    assertEquals(new Set(firsts).size, firsts.length);
  });

  it("is uniform in [0, 1)", () => {
    const values = draws(200_000, 7), counts = Array(64).fill(0);
    for (const value of values) {
      assert(value >= 0 && value < 1);
      counts[Math.floor(value * 64)]++;
    }
    assert(Math.abs(excess(counts)) < 4, `${excess(counts)}`);
  });

  it("is uniform over pairs of neighbouring draws", () => {
    const values = draws(200_000, 8), counts = Array(256).fill(0);
    for (let i = 0; i < values.length; i += 2) {
      counts[16 * Math.floor(16 * values[i]) + Math.floor(16 * values[i + 1])]++;
    }
    assert(Math.abs(excess(counts)) < 4, `${excess(counts)}`);
  });

  it("is uniform and uncorrelated from one sample's stream to the next's", () => {
    // As the views draw: seed, purpose, epoch, sample, view. The first draws decide the crops.
    const firsts = Array.from({ length: 40_000 }, (_, i) => draws(2, 0, PURPOSE.view, 3, i, 0));
    for (const which of [0, 1]) {
      const counts = Array(64).fill(0);
      for (const pair of firsts) counts[Math.floor(64 * pair[which])]++;
      assert(Math.abs(excess(counts)) < 4, `${excess(counts)}`);
    }
    const views = Array.from({ length: 40_000 }, (_, i) => draws(1, 0, PURPOSE.view, 3, i, 1)[0]);
    for (const other of [firsts.slice(1).map(([value]) => value), views, firsts.map((pair) => pair[1])]) {
      const products = other.map((value, i) => (value - 0.5) * (firsts[i][0] - 0.5) * 12);
      const correlation = products.reduce((sum, value) => sum + value, 0) / products.length;
      assert(Math.abs(correlation) < 4 / Math.sqrt(products.length), `${correlation}`);
    }
  });
});

describe("normal", () => {
  it("has the moments and the tails of the normal distribution, from two draws a value", () => {
    let taken = 0;
    const stream = randomStream(5), random = () => (taken++, stream());
    const count = 100_000, values = Array.from({ length: count }, () => normal(random));
    assertEquals(taken, 2 * count);
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / count;
    assertAlmostEquals(moment(1), 0, 4 * Math.sqrt(1 / count));
    assertAlmostEquals(moment(2), 1, 4 * Math.sqrt(2 / count));
    assertAlmostEquals(moment(3), 0, 4 * Math.sqrt(15 / count));
    assertAlmostEquals(moment(4), 3, 4 * Math.sqrt(96 / count));
    const beyond = values.filter((value) => Math.abs(value) > 1.959964).length / count;
    assertAlmostEquals(beyond, 0.05, 4 * Math.sqrt(0.05 * 0.95 / count));
  });
});

describe("permutation", () => {
  it("holds every number once, and every order is as likely as another", () => {
    const random = randomStream(6), counts: Record<string, number> = {};
    for (let i = 0; i < 24_000; i++) {
      const order = [...permutation(4, random)];
      assertEquals(order.toSorted(), [0, 1, 2, 3]);
      counts[order.join("")] = (counts[order.join("")] ?? 0) + 1;
    }
    assertEquals(Object.keys(counts).length, 24);
    assert(Math.abs(excess(Object.values(counts))) < 4);
  });
});
