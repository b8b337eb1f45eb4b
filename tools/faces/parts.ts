/** The meshes a picture is made of: the head, hair and beard over it, hanging hair, glasses. */
import type { UnitWeights } from "./action_units.ts";
import { CreaseField } from "./creases.ts";
import { paintEye, paintGums, paintTeeth } from "./eyes.ts";
import { hairField, hasStrand, paintHair, type Shells } from "./hair.ts";
import { SURFACES } from "./head.ts";
import { hasLock, paintLock } from "./long_hair.ts";
import { type Matrix, turn } from "./mesh.ts";
import type { HeadModel, Person } from "./model.ts";
import type { Sample } from "./sample.ts";
import { SkinPaint } from "./skin.ts";

/** One mesh with what drawing it needs; arrays are per vertex of its own. */
export interface Part {
  /** Places and unit normals in the camera's frame, [V, 3]. */
  readonly world: Float32Array;
  readonly normals: Float32Array;
  /** Places on the rest head, which paint and patterns follow, [V, 3]. */
  readonly rest: Float32Array;
  /** What each vertex sees of the surroundings, [V]. */
  readonly open: Float32Array;
  readonly triangles: Int32Array;
  readonly bothSides: boolean;
  /** Whether it shades other parts. */
  readonly shadows: boolean;
  /** Whether the mesh covers a rest point of triangle `t` at these weights; absent means everywhere. */
  readonly accept?: (
    x: number,
    y: number,
    z: number,
    t: number,
    w0: number,
    w1: number,
    w2: number,
  ) => boolean;
  /** Fills in the sample's colour and surface; `vertex` is the triangle's first. */
  readonly paint: (s: Sample, t: number, vertex: number) => void;
}

interface Posed {
  readonly world: Float32Array;
  readonly normals: Float32Array;
  readonly open: Float32Array;
}

const FACE = SURFACES.indexOf("face"), SCALP = SURFACES.indexOf("scalp"), TEETH = SURFACES.indexOf("teeth");

/** The head itself. */
export function headPart(model: HeadModel, person: Person, weights: UnitWeights, posed: Posed): Part {
  const { head } = model, { subject } = person;
  const skin = new SkinPaint(model.map, subject, new CreaseField(weights, subject.creasing, subject.age));
  // A raised lid uncovers the ball and lets light in.
  const lidShade = 0.6 - 0.25 * (weights[5] ? (weights[5].left + weights[5].right) / 2 : 0);
  const [hairRed, hairGreen, hairBlue] = subject.hair;
  const [clothRed, clothGreen, clothBlue] = subject.cloth;
  const paint = (s: Sample, t: number) => {
    const surface = head.surface[t];
    if (surface === FACE || surface === SCALP) {
      skin.apply(s);
      if (s.y > -6) {
        const roots = Math.min(0.95, Math.max(0, (hairField(subject, s.x, s.y, s.z) + 0.1) * 2));
        s.paint(hairRed * 0.7, hairGreen * 0.7, hairBlue * 0.7, roots);
      } else if (s.y < -12.5 - 0.02 * s.x * s.x) {
        s.paint(clothRed, clothGreen, clothBlue, 1);
        s.specular = 0.01, s.wrap = 0;
      }
    } else if (surface === TEETH) {
      paintTeeth(s, subject);
    } else if (model.eyes[surface]) {
      paintEye(s, model.eyes[surface].centre, model.eyes[surface].front, subject, lidShade);
    } else {
      paintGums(s);
    }
  };
  return { ...posed, rest: head.rest, triangles: head.triangles, bothSides: false, shadows: true, paint };
}

function shellPart(model: HeadModel, person: Person, shells: Shells, posed: Posed): Part {
  const { source, height, level, field, triangles } = shells, { rest } = model.head, { subject } = person;
  const world = new Float32Array(3 * source.length), normals = new Float32Array(3 * source.length);
  const open = new Float32Array(source.length), own = new Float32Array(3 * source.length);
  for (let i = 0; i < source.length; i++) {
    const v = 3 * source[i];
    open[i] = posed.open[source[i]];
    for (let k = 0; k < 3; k++) {
      normals[3 * i + k] = posed.normals[v + k];
      world[3 * i + k] = posed.world[v + k] + posed.normals[v + k] * height[i];
      own[3 * i + k] = rest[v + k];
    }
  }
  return {
    world,
    normals,
    rest: own,
    open,
    triangles,
    bothSides: false,
    shadows: false,
    accept: (x, y, z, t, w0, w1, w2) => {
      const a = triangles[3 * t], b = triangles[3 * t + 1], c = triangles[3 * t + 2];
      return hasStrand(subject, x, y, z, level[a], w0 * field[a] + w1 * field[b] + w2 * field[c]);
    },
    paint: (s, _t, vertex) => paintHair(s, subject, level[vertex]),
  };
}

/** What sits on the head; `pose` turns points of the head at rest into the camera's frame. */
export function attachedParts(
  model: HeadModel,
  person: Person,
  posed: Posed,
  pose: (points: Float32Array) => Float32Array,
  matrix: Matrix,
): Part[] {
  const parts: Part[] = [];
  const { subject, hair, beard, curtain, glasses } = person;
  for (const shells of [hair, beard]) if (shells) parts.push(shellPart(model, person, shells, posed));
  if (curtain) {
    parts.push({
      world: pose(curtain.vertices),
      normals: turn(curtain.normals, matrix),
      rest: curtain.vertices,
      open: new Float32Array(curtain.vertices.length / 3).fill(0.7),
      triangles: curtain.triangles,
      bothSides: true,
      shadows: true,
      accept: (x, y, z) => hasLock(subject, x, y, z),
      paint: (s) => paintLock(s, subject),
    });
  }
  if (glasses && subject.glasses) {
    const [r, g, b] = subject.glasses.colour;
    parts.push({
      world: pose(glasses.vertices),
      normals: turn(glasses.normals, matrix),
      rest: glasses.vertices,
      open: new Float32Array(glasses.vertices.length / 3).fill(0.85),
      triangles: glasses.triangles,
      bothSides: true,
      shadows: true,
      paint: (s) => {
        s.r = r, s.g = g, s.b = b;
        s.specular = 0.35, s.gloss = 60;
      },
    });
  }
  return parts;
}
