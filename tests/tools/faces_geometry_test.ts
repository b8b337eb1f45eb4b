import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Curve, inside, type Nearest } from "../../tools/faces/curve.ts";
import { openness, ShadowMap } from "../../tools/faces/light.ts";
import { rotation, turn, vertexNormals } from "../../tools/faces/mesh.ts";
import { Random } from "../../tools/faces/random.ts";

/** A sphere of `radius` about `centre`, its triangles counter-clockwise from outside. */
function sphere(radius: number, centre: number[] = [0, 0, 0], rings = 40) {
  const vertices: number[] = [], triangles: number[] = [];
  const around = 2 * rings;
  for (let i = 0; i <= rings; i++) {
    const down = Math.PI * i / rings;
    for (let j = 0; j < around; j++) {
      const round = 2 * Math.PI * j / around;
      vertices.push(
        centre[0] + radius * Math.sin(down) * Math.sin(round),
        centre[1] + radius * Math.cos(down),
        centre[2] + radius * Math.sin(down) * Math.cos(round),
      );
      if (i === rings) continue;
      const a = i * around + j, b = i * around + (j + 1) % around;
      triangles.push(a, a + around, b, b, a + around, b + around);
    }
  }
  return { world: Float32Array.from(vertices), triangles: Int32Array.from(triangles) };
}

describe("vertexNormals", () => {
  it("points away from the middle of a sphere", () => {
    const { world, triangles } = sphere(3);
    const normals = vertexNormals(world, triangles);
    for (let i = 0; i < world.length; i += 3) {
      const along = (normals[i] * world[i] + normals[i + 1] * world[i + 1] + normals[i + 2] * world[i + 2]) /
        3;
      assertGreater(along, 0.99);
    }
  });
});

describe("rotation", () => {
  const nose = Float32Array.of(0, 0, 1), crown = Float32Array.of(0, 1, 0);
  it("yaws the nose to the subject's left, pitches it up, rolls the crown to the subject's left", () => {
    const [x, y, z] = turn(nose, rotation(30, 0, 0));
    assertAlmostEquals(x, 0.5, 1e-6);
    assertAlmostEquals(y, 0, 1e-6);
    assertAlmostEquals(z, Math.sqrt(3) / 2, 1e-6);
    assertAlmostEquals(turn(nose, rotation(0, 30, 0))[1], 0.5, 1e-6);
    assertAlmostEquals(turn(crown, rotation(0, 0, 30))[0], 0.5, 1e-6);
  });

  it("keeps lengths and angles", () => {
    const m = rotation(23, -11, 7);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const dot = m[3 * i] * m[3 * j] + m[3 * i + 1] * m[3 * j + 1] + m[3 * i + 2] * m[3 * j + 2];
        assertAlmostEquals(dot, i === j ? 1 : 0, 1e-12);
      }
    }
  });
});

describe("openness", () => {
  const all = (vertices: Float32Array) => Int32Array.from({ length: vertices.length / 3 }, (_, i) => i);
  it("is 1 on a lone ball, less where two balls touch", () => {
    const alone = sphere(4), other = sphere(4, [0, 8.2, 0]);
    const free = openness(alone.world, vertexNormals(alone.world, alone.triangles), all(alone.world));
    // The grid is coarse, so a ball may shade itself a little.
    assertGreater(free.reduce((sum, value) => sum + value) / free.length, 0.8);
    assertGreater(Math.min(...free), 0.65);
    const both = new Float32Array([...alone.world, ...other.world]);
    const normals = new Float32Array([
      ...vertexNormals(alone.world, alone.triangles),
      ...vertexNormals(other.world, other.triangles),
    ]);
    const seen = openness(both, normals, all(both));
    const bottom = seen[free.length - 1], top = seen[0];
    assertLess(top, 0.35);
    assertGreater(bottom, 0.7);
  });
});

describe("ShadowMap", () => {
  const ball = sphere(2, [0, 0, 6]);
  const map = new ShadowMap([ball], [0, 0, 1], 0.3);
  it("keeps light from what lies behind a ball and nothing else", () => {
    assertEquals(map.lit(0, 0, 0, 0, 0, 1, 0.4), 0);
    assertEquals(map.lit(4, 0, 0, 0, 0, 1, 0.4), 1);
    assertEquals(map.lit(0, 0, 8, 0, 0, 1, 0.4), 1);
  });

  it("fades over the shadow's edge", () => {
    const edge = map.lit(2, 0, 0, 0, 0, 1, 0.4);
    assert(edge > 0.1 && edge < 0.9, `${edge}`);
  });
});

describe("Curve", () => {
  it("finds the point that a search along the curve finds", () => {
    const random = new Random(5);
    const points = Array.from({ length: 5 }, () => [random.between(0, 4), random.between(0, 4)] as const);
    const curve = new Curve(points, 3);
    const near: Nearest = { distance: 0, side: 1, dx: 0, dy: 0, along: 0 };
    for (let n = 0; n < 200; n++) {
      const x = random.between(-1, 5), y = random.between(-1, 5);
      let best = Infinity;
      for (let i = 0; i + 1 < points.length; i++) {
        for (let t = 0; t <= 1; t += 1 / 512) {
          const cx = points[i][0] + t * (points[i + 1][0] - points[i][0]);
          const cy = points[i][1] + t * (points[i + 1][1] - points[i][1]);
          best = Math.min(best, Math.hypot(x - cx, y - cy));
        }
      }
      const found = curve.nearest(x, y, near);
      assertEquals(found, best < 3, `${best}`);
      if (!found) continue;
      assertAlmostEquals(near.distance, best, 0.01);
      if (best > 0.01) assertAlmostEquals(Math.hypot(near.dx, near.dy), 1, 1e-9);
    }
  });

  it("tells its left side from its right", () => {
    const curve = new Curve([[0, 0], [4, 0]], 2);
    const near: Nearest = { distance: 0, side: 0, dx: 0, dy: 0, along: 0 };
    curve.nearest(1, 1, near);
    assertEquals([near.side, near.along], [1, 0.25]);
    curve.nearest(3, -1, near);
    assertEquals([near.side, near.along], [-1, 0.75]);
  });
});

describe("inside", () => {
  it("agrees with the area of a polygon", () => {
    const polygon = [[0.1, 0.1], [0.9, 0.2], [0.7, 0.9], [0.4, 0.5]] as const;
    let area = 0, held = 0;
    polygon.forEach(([x, y], i) => {
      const [nx, ny] = polygon[(i + 1) % 4];
      area += (x * ny - nx * y) / 2;
    });
    for (let i = 0; i < 200; i++) {
      for (let j = 0; j < 200; j++) if (inside(polygon, (i + 0.5) / 200, (j + 0.5) / 200)) held++;
    }
    assertAlmostEquals(held / 40_000, area, 0.003);
  });
});
