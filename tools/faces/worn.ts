/** The parts that sit on a head or before it: hair, beard, cloth, glasses, hands. */
import type { Cloth } from "./cloth.ts";
import { paintHair, type Shells, strandTest } from "./hair.ts";
import { SURFACES } from "./head.ts";
import { lockTest, paintLock } from "./long_hair.ts";
import { type Matrix, turn } from "./mesh.ts";
import type { Person } from "./model.ts";
import { noise } from "./noise.ts";
import type { Part, Posed } from "./parts.ts";
import type { Mesh, Prop } from "./solid.ts";

const never = () => false;

function shellPart(person: Person, shells: Shells, posed: Posed, number: number): Part {
  const { source, height, fields, rest, triangles } = shells, { subject } = person;
  const world = new Float32Array(3 * source.length), normals = new Float32Array(3 * source.length);
  const open = new Float32Array(source.length);
  for (let i = 0, to = 0; i < source.length; i++, to += 3) {
    const v = 3 * source[i], h = height[i];
    open[i] = posed.open[source[i]];
    for (let k = 0; k < 3; k++) {
      normals[to + k] = posed.normals[v + k];
      world[to + k] = posed.world[v + k] + posed.normals[v + k] * h;
    }
  }
  return {
    world,
    normals,
    rest,
    open,
    fields,
    triangles,
    bothSides: false,
    shadows: false,
    accept: strandTest(shells, subject),
    kind: () => number,
    fine: never,
    paint: (s) => paintHair(s, subject),
  };
}

/** Cloth over the head. */
function clothPart(cloth: Cloth, posed: Posed, number: number, key: number): Part {
  const { source, height, field, rest, triangles, colour, second, pattern } = cloth;
  const world = new Float32Array(3 * source.length), normals = new Float32Array(3 * source.length);
  const open = new Float32Array(source.length);
  for (let i = 0, to = 0; i < source.length; i++, to += 3) {
    const v = 3 * source[i];
    open[i] = Math.max(0.6, posed.open[source[i]]);
    for (let k = 0; k < 3; k++) {
      normals[to + k] = posed.normals[v + k];
      world[to + k] = posed.world[v + k] + posed.normals[v + k] * height[i];
    }
  }
  return {
    world,
    normals,
    rest,
    open,
    triangles,
    bothSides: true,
    shadows: true,
    accept: (t, w0, w1, w2) =>
      w0 * field[triangles[3 * t]] + w1 * field[triangles[3 * t + 1]] + w2 * field[triangles[3 * t + 2]] > 0,
    kind: () => number,
    fine: never,
    paint: (s) => {
      const weave = 1 + 0.12 * noise(s.x * 5, s.y * 5, s.z * 5, key + 83) +
        0.1 * noise(s.x, s.y, s.z, key + 84);
      const stripe = pattern > 0 && Math.sin(s.y * pattern * 3) * Math.sin(s.x * pattern * 2 + 1) > 0.1;
      const [r, g, b] = stripe ? second : colour;
      s.r = r * weave, s.g = g * weave, s.b = b * weave;
      // Folds, larger than the weave.
      s.gx = 0.35 * noise(s.x * 0.9, s.y * 0.9, s.z * 0.9, key + 85);
      s.gy = 0.35 * noise(s.x * 0.9, s.y * 0.9, s.z * 0.9, key + 86);
      s.specular = 0.01;
    },
  };
}

/** What sits on the head or before it; `pose` turns points of the head at rest into the camera's frame. */
export function wornParts(
  person: Person,
  posed: Posed,
  pose: (points: Float32Array) => Float32Array,
  matrix: Matrix,
  before: { readonly cloth: Cloth | null; readonly props: readonly Prop[] },
): Part[] {
  const parts: Part[] = [];
  const { subject, hair, beard, curtain, hat } = person;
  const number = () => SURFACES.length + parts.length;
  for (const cloth of [hat, before.cloth]) {
    if (cloth) parts.push(clothPart(cloth, posed, number(), subject.key));
  }
  for (const shells of [hair, beard]) {
    if (shells) parts.push(shellPart(person, shells, posed, number()));
  }
  const solid = (mesh: Mesh, open: number) => {
    const own = number();
    return {
      world: pose(mesh.vertices),
      normals: turn(mesh.normals, matrix),
      rest: mesh.vertices,
      open: new Float32Array(mesh.vertices.length / 3).fill(open),
      triangles: mesh.triangles,
      bothSides: true,
      shadows: true,
      kind: () => own,
      fine: never,
    };
  };
  if (curtain) {
    parts.push({
      ...solid(curtain, 0.7),
      accept: lockTest(curtain, subject),
      paint: (s) => paintLock(s, subject),
    });
  }
  for (
    const { mesh, colour, specular, gloss, wrap, texture, opacity } of [...person.props, ...before.props]
  ) {
    const [r, g, b] = colour, key = subject.key + 91;
    parts.push({
      ...solid(mesh, 0.85),
      shadows: opacity === 1,
      // What is seen through covers some of a pixel's samples, in turn.
      accept: opacity >= 1 ? undefined : (_t, _w0, _w1, _w2, at) => ((at * 0.618034) % 1) < opacity,
      paint: (s) => {
        const tone = texture > 0 ? 1 + texture * noise(s.x * 1.5, s.y * 1.5, s.z * 1.5, key) : 1;
        s.r = r * tone, s.g = g * tone, s.b = b * tone;
        s.specular = specular, s.gloss = gloss, s.wrap = wrap;
      },
    });
  }
  return parts;
}
