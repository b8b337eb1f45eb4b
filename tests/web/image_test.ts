import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  alignmentTransform,
  fitSimilarity,
  type Pixels,
  type Point,
  toTensor,
  transformPoint,
} from "@emoco/web/image";
import { ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { square } from "./pictures.ts";

describe("fitSimilarity", () => {
  const from: Point[] = [[3, 1], [-2, 5], [0.5, -4], [7, 7]];

  it("recovers a known rotation, scale and shift", () => {
    const known = { a: 2 * Math.cos(0.4), b: 2 * Math.sin(0.4), x: -3, y: 11 };
    const found = fitSimilarity(from, from.map((point) => transformPoint(known, point)));
    for (const key of ["a", "b", "x", "y"] as const) assertAlmostEquals(found[key], known[key], 1e-12);
  });

  it("is the least-squares optimum when the points do not fit exactly", () => {
    const to: Point[] = [[1, 2], [0, -3], [5, 5], [-4, 1]];
    // The oracle solves the normal equations of the 8 x 4 linear system by elimination.
    const rows = from.flatMap(([x, y]) => [[x, -y, 1, 0], [y, x, 0, 1]]), right = to.flat();
    const system = [0, 1, 2, 3].map((r) => [
      ...[0, 1, 2, 3].map((c) => rows.reduce((sum, row) => sum + row[r] * row[c], 0)),
      rows.reduce((sum, row, i) => sum + row[r] * right[i], 0),
    ]);
    for (let r = 0; r < 4; r++) {
      for (let other = 0; other < 4; other++) {
        if (other === r) continue;
        const factor = system[other][r] / system[r][r];
        system[other] = system[other].map((value, c) => value - factor * system[r][c]);
      }
    }
    const [a, b, x, y] = system.map((row, r) => row[4] / row[r]);
    const found = fitSimilarity(from, to);
    assertAlmostEquals(found.a, a, 1e-12);
    assertAlmostEquals(found.b, b, 1e-12);
    assertAlmostEquals(found.x, x, 1e-12);
    assertAlmostEquals(found.y, y, 1e-12);
  });

  it("never reflects, even where a mirrored face would fit better", () => {
    const { a, b } = fitSimilarity(from, from.map(([x, y]) => [-x + 0.1 * y, y] as const));
    assert(a * a + b * b > 0); // the determinant of [[a, -b], [b, a]]
  });

  it("refuses points that determine nothing", () => {
    assertThrows(() => fitSimilarity([[1, 1], [1, 1]], [[0, 0], [2, 2]]), RangeError, "No similarity");
    assertThrows(() => fitSimilarity(from, from.map(() => [NaN, 0] as const)), RangeError, "No similarity");
    assertThrows(() => fitSimilarity([[1, 1]], [[1, 1]]), RangeError, "two or more");
    assertThrows(() => fitSimilarity(from, from.slice(1)), RangeError, "4 and 3");
  });
});

describe("alignmentTransform", () => {
  it("takes a face onto the template", () => {
    const points = square(40, 20, 300, 0.3);
    const transform = alignmentTransform(points, 112);
    [points.leftEye, points.rightEye, points.nose, points.mouth].forEach((point, i) => {
      const [x, y] = transformPoint(transform, point);
      assertAlmostEquals(x, ALIGNMENT_TEMPLATE[i][0] * 112, 1e-9);
      assertAlmostEquals(y, ALIGNMENT_TEMPLATE[i][1] * 112, 1e-9);
    });
  });
});

describe("toTensor", () => {
  it("writes planes of red, green and blue, scaled, centred and divided", () => {
    const crop: Pixels = { width: 2, height: 1, data: new Uint8Array([0, 51, 255, 9, 102, 204, 153, 9]) };
    const tensor = toTensor(crop, { mean: [0.5, 0.25, 0], std: [0.5, 2, 1], range: [0, 1] });
    [-1, -0.2, (0.2 - 0.25) / 2, (0.8 - 0.25) / 2, 1, 0.6].forEach((value, i) => {
      assertAlmostEquals(tensor[i], value, 1e-6);
    });
    const signed = toTensor(crop, { mean: [0, 0, 0], std: [1, 1, 1], range: [-1, 1] });
    [-1, -0.2, -0.6, 0.6, 1, 0.2].forEach((value, i) => assertAlmostEquals(signed[i], value, 1e-6));
  });
});
