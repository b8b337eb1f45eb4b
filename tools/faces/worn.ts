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

function shellPart(person: Person, shells: Shells, posed: Posed, number: number, slack: number): Part {
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
    slack,
    kind: number,
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
    slack: 0.05,
    kind: number,
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
  before: readonly Prop[],
): Part[] {
  const parts: Part[] = [];
  const { subject, hair, beard, curtain, hat } = person;
  const number = () => SURFACES.length + parts.length;
  if (hat) parts.push(clothPart(hat, posed, number(), subject.key));
  if (hair) parts.push(shellPart(person, hair, posed, number(), 0.4));
  if (beard) parts.push(shellPart(person, beard, posed, number(), 0.9));
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
      slack: 0.05,
      kind: own,
    };
  };
  if (curtain) {
    parts.push({
      ...solid(curtain, 0.7),
      accept: lockTest(curtain, subject),
      paint: (s) => paintLock(s, subject),
    });
  }
  for (const prop of [...person.props, ...before]) {
    if (prop.opacity === 1) {
      parts.push({ ...solid(prop.mesh, 0.85), paint: propPaint(prop, subject.key + 91) });
    }
  }
  return parts;
}

/** What a face is seen through: drawn by itself and laid over the picture. */
export function veilPart(
  prop: Prop,
  pose: (points: Float32Array) => Float32Array,
  matrix: Matrix,
  key: number,
): Part {
  const { mesh } = prop;
  return {
    world: pose(mesh.vertices),
    normals: turn(mesh.normals, matrix),
    rest: mesh.vertices,
    open: new Float32Array(mesh.vertices.length / 3).fill(0.9),
    triangles: mesh.triangles,
    bothSides: true,
    shadows: false,
    slack: 0,
    kind: SURFACES.length,
    paint: propPaint(prop, key),
  };
}

function propPaint({ colour, specular, gloss, wrap, texture }: Prop, key: number): Part["paint"] {
  const [r, g, b] = colour;
  return (s) => {
    const tone = texture > 0 ? 1 + texture * noise(s.x * 1.5, s.y * 1.5, s.z * 1.5, key) : 1;
    s.r = r * tone, s.g = g * tone, s.b = b * tone;
    s.specular = specular, s.gloss = gloss, s.wrap = wrap;
  };
}
