/** The meshes a picture is made of: the head, hair and beard over it, hanging hair, glasses. */
import type { UnitWeights } from "./action_units.ts";
import { CreaseField } from "./creases.ts";
import type { Mesh } from "./glasses.ts";
import { EyePaint, paintGums, paintTeeth } from "./eyes.ts";
import { paintHair, type Shells, strandTest } from "./hair.ts";
import { SURFACES } from "./head.ts";
import { lockTest, paintLock } from "./long_hair.ts";
import type { Gaze } from "./lids.ts";
import { type Matrix, turn } from "./mesh.ts";
import type { Expressed, HeadModel, Person } from "./model.ts";
import type { Accept } from "./raster.ts";
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
  /** What the vertices carry for the paint: colours, and three numbers more, [V, 3] each. */
  readonly colours?: Float32Array;
  readonly fields?: Float32Array;
  readonly triangles: Int32Array;
  readonly bothSides: boolean;
  /** Whether it shades other parts. */
  readonly shadows: boolean;
  /** Whether the mesh covers a point of a triangle; absent means everywhere. */
  readonly accept?: Accept;
  /** What a triangle is made of: a number that no other part gives to something else. */
  readonly kind: (t: number) => number;
  /** Whether things of this kind are so small and sharp that each sample is shaded. */
  readonly fine: (kind: number) => boolean;
  /** Fills in the sample's colour and surface. */
  readonly paint: (s: Sample, kind: number) => void;
}

interface Posed {
  readonly world: Float32Array;
  readonly normals: Float32Array;
  readonly open: Float32Array;
  readonly lids: Expressed["lids"];
  readonly gaze: Gaze;
}

const LEFT = SURFACES.indexOf("eyeLeft"), RIGHT = SURFACES.indexOf("eyeRight");
const FACE = SURFACES.indexOf("face"), SCALP = SURFACES.indexOf("scalp"), TEETH = SURFACES.indexOf("teeth");

/** The head itself. */
export function headPart(model: HeadModel, person: Person, weights: UnitWeights, posed: Posed): Part {
  const { head } = model, { subject } = person;
  const skin = new SkinPaint(model.map, subject, new CreaseField(weights, subject.creasing, subject.lines));
  const { left, right } = model.eyes, { lids } = posed;
  const leftEye = new EyePaint(left.centre, lids.left, posed.gaze, subject);
  const rightEye = new EyePaint(right.centre, lids.right, posed.gaze, subject);
  const [hairRed, hairGreen, hairBlue] = subject.hair;
  const collar = -9.5 - 3 * ((subject.key >> 4) & 255) / 255;
  const [clothRed, clothGreen, clothBlue] = subject.cloth;
  const paint = (s: Sample, surface: number) => {
    if (surface === FACE || surface === SCALP) {
      const field = s.u;
      skin.apply(s);
      if (s.y > -6) {
        const roots = Math.min(0.95, Math.max(0, (field + 0.1) * 2));
        s.paint(hairRed * 0.7, hairGreen * 0.7, hairBlue * 0.7, roots);
      } else if (s.y < collar - 0.02 * s.x * s.x) {
        s.paint(clothRed, clothGreen, clothBlue, 1);
        s.specular = 0.01, s.wrap = 0;
      }
    } else if (surface === TEETH) {
      paintTeeth(s, subject);
    } else if (surface === LEFT) {
      leftEye.apply(s);
    } else if (surface === RIGHT) {
      rightEye.apply(s);
    } else {
      paintGums(s);
    }
  };
  const { surface } = head;
  const { world, normals, open } = posed;
  return {
    world,
    normals,
    open,
    ...person.complexion,
    rest: head.rest,
    triangles: head.triangles,
    bothSides: false,
    shadows: true,
    kind: (t) => surface[t] === SCALP ? FACE : surface[t],
    fine: (kind) => kind === LEFT || kind === RIGHT || kind === TEETH,
    paint,
  };
}

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

/** What sits on the head; `pose` turns points of the head at rest into the camera's frame. */
export function attachedParts(
  person: Person,
  posed: Posed,
  pose: (points: Float32Array) => Float32Array,
  matrix: Matrix,
): Part[] {
  const parts: Part[] = [];
  const { subject, hair, beard, curtain, glasses } = person;
  const number = () => SURFACES.length + parts.length;
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
  if (glasses && subject.glasses) {
    const [r, g, b] = subject.glasses.colour;
    parts.push({
      ...solid(glasses, 0.85),
      paint: (s) => {
        s.r = r, s.g = g, s.b = b;
        s.specular = 0.35, s.gloss = 60;
      },
    });
  }
  return parts;
}
