import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CreaseField } from "../../tools/faces/creases.ts";
import { drawLook, PLAIN_LOOK } from "../../tools/faces/look.ts";
import { layVeil } from "../../tools/faces/pixels.ts";
import { Random } from "../../tools/faces/random.ts";
import { DepthBuffer, drawDepth } from "../../tools/faces/raster.ts";
import { blur, develop, shrink, tone } from "../../tools/faces/sensor.ts";

/** Random light [8, 8, 4] of a covered picture. */
function light(seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: 256 }, (_, i) => i % 4 === 3 ? 1 : random.between(0, 0.9));
}
const flat = { ...PLAIN_LOOK, contrast: 0 };

describe("develop", () => {
  const once = (look: typeof flat) => develop(light(1), 8, { exposure: 1, noise: 0, look, key: 3 });

  it("is the tone curve alone where the look is plain", () => {
    const linear = light(1);
    once(flat).forEach((value, i) => {
      assertAlmostEquals(value, i % 4 === 3 ? 255 : 255 * tone(linear[i]), 1.2);
    });
  });

  it("makes grey grey, keeps black off the bottom when faded, and darkens corners", () => {
    const grey = once({ ...flat, saturation: 0 });
    for (let i = 0; i < grey.length; i += 4) {
      assertEquals([grey[i + 1], grey[i + 2]], [grey[i], grey[i]]);
    }
    assertGreater(Math.min(...once({ ...flat, fade: 0.2 })), 50);
    const plain = once(flat), dim = once({ ...flat, vignette: 0.8 });
    assertLess(dim[0], plain[0] - 10);
    // The middle keeps its light.
    assertAlmostEquals(dim[4 * (3 * 8 + 3)], plain[4 * (3 * 8 + 3)], 2);
  });
});

describe("shrink and blur", () => {
  it("keep the mean and lose what is fine", () => {
    const variance = (image: Float32Array) => {
      const red = image.filter((_, i) => i % 4 === 0), mean = red.reduce((sum, v) => sum + v) / red.length;
      return { mean, spread: red.reduce((sum, v) => sum + (v - mean) ** 2, 0) / red.length };
    };
    const before = variance(light(2)), small = light(2), soft = light(2);
    shrink(small, 8, 8, 1);
    assertEquals(small, light(2), "a picture that was never small stays");
    blur(soft, 8, 8, 4, 1.2);
    assertAlmostEquals(variance(soft).mean, before.mean, 0.06);
    assertLess(variance(soft).spread, 0.4 * before.spread);
    const large = Float32Array.from({ length: 4 * 32 * 32 }, (_, i) => (i >> 2) % 2 === (i >> 7) % 2 ? 1 : 0);
    shrink(large, 32, 32, 2);
    assert(large.every((value) => Math.abs(value - 0.5) < 1e-6), "a chequerboard becomes even");
  });
});

describe("drawLook", () => {
  it("gives grey, faded and graded pictures, most of them neither", () => {
    const looks = Array.from({ length: 2000 }, (_, i) => drawLook(new Random(9, i)));
    const share = (test: (look: typeof looks[number]) => boolean) => looks.filter(test).length / looks.length;
    assertAlmostEquals(share((look) => look.saturation === 0), 0.09, 0.025);
    assert(share((look) => look.shrunk > 1) > 0.1 && share((look) => look.shrunk > 1) < 0.25);
    assertGreater(share((look) => look.fade === 0), 0.7);
  });
});

describe("layVeil", () => {
  it("mixes by cover and opacity", () => {
    const picture = Float32Array.of(0.8, 0.4, 0.2, 1), veil = Float32Array.of(0.1, 0.1, 0.1, 0.5);
    layVeil(picture, veil, 0.4);
    // Half the pixel is covered, by 0.4: four fifths of the old light and 0.4 of the veil's.
    [0.8, 0.4, 0.2].forEach((old, c) => assertAlmostEquals(picture[c], 0.8 * old + 0.4 * 0.1, 1e-6));
  });
});

describe("drawDepth", () => {
  it("finds the depths that the full buffer finds", () => {
    const random = new Random(12);
    const screen = Float32Array.from({ length: 3 * 90 }, (_, i) => random.between(-5, i % 3 === 2 ? 9 : 45));
    const triangles = Int32Array.from({ length: 90 }, (_, i) => i);
    for (const bothSides of [false, true]) {
      const buffer = new DepthBuffer(40, 40), map = new Float32Array(1600).fill(Infinity);
      buffer.draw(screen, triangles, 0, 30, bothSides);
      drawDepth(map, 40, 40, screen, triangles, bothSides);
      map.forEach((depth, i) => {
        if (depth !== buffer.depth[i]) assertAlmostEquals(depth, buffer.depth[i], 1e-4);
      });
      assertGreater(map.filter((depth) => depth < Infinity).length, 200);
    }
  });
});

describe("CreaseField", () => {
  const none = { forehead: 0, glabella: 0, eyes: 0, cheeks: 0, mouth: 0 };
  const dark = (lines: typeof none, x: number, y: number, weights = {}) => {
    const field = new CreaseField(weights, 1, lines);
    field.at(x, y);
    return field.dark;
  };

  it("keeps lines at rest by part of the face, without any unit", () => {
    assertEquals(dark(none, 1.2, 6.92), 0);
    assertGreater(dark({ ...none, forehead: 1 }, 1.2, 6.92), 0.02);
    assertEquals(dark({ ...none, mouth: 1 }, 1.2, 6.92), 0);
    assertGreater(dark({ ...none, cheeks: 1 }, 2.65, -1.5), 0.02);
    assertGreater(dark(none, 1.2, 6.92, { 1: { left: 1, right: 1 } }), 0.05);
  });
});
