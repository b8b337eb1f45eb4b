/** The meshes a picture is made of, and the first of them, the head. */
import type { UnitWeights } from "./action_units.ts";
import { CreaseField } from "./creases.ts";
import { EyePaint, paintGums, paintTeeth } from "./eyes.ts";
import { SURFACES } from "./head.ts";
import type { Gaze } from "./lids.ts";
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
  /** How far it may stand before the face and still hide nothing of it, in head units: thin hair and beards hide little. */
  readonly slack: number;
  /** Whether it shades other parts. */
  readonly shadows: boolean;
  /** Whether the mesh covers a point of a triangle; absent means everywhere. */
  readonly accept?: Accept;
  /** What its triangles are made of: one number for all, or one for each, that no other part gives to something else. */
  readonly kind: number;
  readonly kinds?: Uint8Array;
  /** Fills in the sample's colour and surface. */
  readonly paint: (s: Sample, kind: number) => void;
}

const LEFT = SURFACES.indexOf("eyeLeft"), RIGHT = SURFACES.indexOf("eyeRight");
const FACE = SURFACES.indexOf("face"), SCALP = SURFACES.indexOf("scalp"), TEETH = SURFACES.indexOf("teeth");

/** Kinds so small and sharp that each of their samples is shaded. */
export const FINE: ReadonlySet<number> = new Set([LEFT, RIGHT, TEETH]);

export interface Posed {
  readonly world: Float32Array;
  readonly normals: Float32Array;
  readonly open: Float32Array;
  readonly lids: Expressed["lids"];
  readonly gaze: Gaze;
}

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
    slack: 0,
    kind: FACE,
    kinds: model.kinds,
    paint,
  };
}
