/** The head as a person with an expression: identity, action units, gaze, and the points that are labelled. */
import type { FacePoints, Point } from "@emoco/web/image";
import { addShape, UnitShapes, type UnitWeights } from "./action_units.ts";
import { type Complexion, complexion } from "./complexion.ts";
import type { Centre } from "./eyes.ts";
import { glassesMesh, type Mesh } from "./glasses.ts";
import { beardShells, hairShells, type Shells } from "./hair.ts";
import { type Head, SURFACES } from "./head.ts";
import { longHair } from "./long_hair.ts";
import { openness } from "./light.ts";
import { rotation, vertexNormals } from "./mesh.ts";
import { FaceMap } from "./skin.ts";
import type { Subject } from "./subject.ts";

/** A subject's head at rest, kept while pictures of this subject are drawn. */
export interface Person {
  readonly subject: Subject;
  readonly vertices: Float32Array;
  readonly complexion: Complexion;
  /** What each vertex sees of the surroundings with a still face and with an open mouth, [V] each. */
  readonly open: { readonly still: Float32Array; readonly gaping: Float32Array };
  readonly hair: Shells | null;
  readonly beard: Shells | null;
  /** Hair that hangs. */
  readonly curtain: Mesh | null;
  readonly glasses: Mesh | null;
}

interface Eyeball {
  readonly vertices: Int32Array;
  /** Centre on the rest head, and the depth from which its front begins. */
  readonly centre: Centre;
  readonly front: number;
}

const LEFT = SURFACES.indexOf("eyeLeft"), RIGHT = SURFACES.indexOf("eyeRight");

/** The rest head of an identity: the mean and the weighted modes, four at a time since memory is what limits. */
function identify(head: Head, weights: readonly number[]): Float32Array {
  const { rest, identity } = head, size = rest.length;
  const vertices = Float32Array.from(rest);
  // A smaller pack may hold fewer modes than a subject has weights.
  const modes = Math.min(weights.length, identity.length / size);
  for (let mode = 0; mode < modes; mode += 4) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => mode + k < modes ? weights[mode + k] : 0);
    const [ia, ib, ic, id] = [0, 1, 2, 3].map((k) => (mode + k < modes ? mode + k : mode) * size);
    for (let i = 0; i < size; i++) {
      vertices[i] += a * identity[ia + i] + b * identity[ib + i] + c * identity[ic + i] +
        d * identity[id + i];
    }
  }
  return vertices;
}

/** Draws people from a head; holds what is computed once for all of them. */
export class HeadModel {
  readonly units: UnitShapes;
  readonly map: FaceMap;
  readonly eyes: Readonly<Record<number, Eyeball>>;
  /** Triangles and vertices of what is seen from outside: all but teeth, gums and tongue. */
  readonly outerTriangles: Int32Array;
  readonly outerVertices: Int32Array;
  /** The same triangles, and all, as stretches [from, to) of the head's list. */
  readonly outerRanges: readonly (readonly [number, number])[];
  readonly allRanges: readonly (readonly [number, number])[];
  #person: Person | null = null;

  constructor(readonly head: Head) {
    this.units = new UnitShapes(head);
    this.map = new FaceMap(head);
    const outside: number[] = [], inside = [SURFACES.indexOf("teeth"), SURFACES.indexOf("gums")];
    for (let t = 0; t < head.surface.length; t++) {
      if (!inside.includes(head.surface[t])) outside.push(...head.triangles.subarray(3 * t, 3 * t + 3));
    }
    const ranges: [number, number][] = [];
    for (let t = 0; t < head.surface.length; t++) {
      if (inside.includes(head.surface[t])) continue;
      const last = ranges.at(-1);
      if (last && last[1] === t) last[1]++;
      else ranges.push([t, t + 1]);
    }
    this.outerRanges = ranges;
    this.allRanges = [[0, head.surface.length]];
    this.outerTriangles = Int32Array.from(outside);
    this.outerVertices = Int32Array.from(new Set(outside)).sort();
    this.eyes = { [LEFT]: this.#eyeball(LEFT), [RIGHT]: this.#eyeball(RIGHT) };
  }

  #eyeball(surface: number): Eyeball {
    const { head } = this, found = new Set<number>();
    for (let t = 0; t < head.surface.length; t++) {
      if (head.surface[t] === surface) { for (let k = 0; k < 3; k++) found.add(head.triangles[3 * t + k]); }
    }
    const vertices = Int32Array.from(found);
    const middle = (k: number) => {
      let low = Infinity, high = -Infinity;
      for (const v of vertices) {
        low = Math.min(low, head.rest[3 * v + k]);
        high = Math.max(high, head.rest[3 * v + k]);
      }
      return (low + high) / 2;
    };
    const centre: Centre = [middle(0), middle(1), middle(2)];
    return { vertices, centre, front: centre[2] };
  }

  /** The subject's head at rest; the last one asked for is kept. */
  person(subject: Subject): Person {
    if (this.#person?.subject.name === subject.name && this.#person.subject.key === subject.key) {
      return this.#person;
    }
    const { head } = this, size = head.rest.length;
    const vertices = identify(head, subject.identity);
    // Some identities part the lips at rest; the lower lip is drawn up until they meet.
    const gap = this.#gap(vertices);
    if (gap > 0.06) {
      const trial = Float32Array.from(vertices), step = 0.25;
      for (const side of ["_L", "_R"]) addShape(trial, head.shapes[`mouthLowerDown${side}`], step);
      const opened = this.#gap(trial) - gap;
      const weight = opened > 0.01 ? -Math.min(1.2, step * (gap - 0.06) / opened) : 0;
      for (const side of ["_L", "_R"]) addShape(vertices, head.shapes[`mouthLowerDown${side}`], weight);
    }
    // Half the head's width with its ears, and above them.
    const widest = (low: number, high: number) => {
      let most = 0;
      for (let i = 0; i < size; i += 3) {
        if (head.rest[i + 1] > low && head.rest[i + 1] < high) most = Math.max(most, Math.abs(vertices[i]));
      }
      return most;
    };
    const bridge = this.#middle(vertices, 27);
    const eyes = [this.#middle(vertices, 42, 45), this.#middle(vertices, 36, 39)] as const;
    const gaping = Float32Array.from(vertices);
    addShape(gaping, head.shapes.jawOpen, 0.8);
    this.#person = {
      subject,
      vertices,
      complexion: complexion(head, subject),
      open: {
        still: openness(vertices, vertexNormals(vertices, head.triangles), this.outerVertices),
        gaping: openness(gaping, vertexNormals(gaping, head.triangles), this.outerVertices),
      },
      hair: subject.hairStyle === "bald" ? null : hairShells(head, subject),
      beard: beardShells(head, subject),
      curtain: subject.hairStyle === "long" ? longHair(subject, widest(0, 4)) : null,
      glasses: subject.glasses ? glassesMesh(subject.glasses, eyes, bridge, widest(5, 6)) : null,
    };
    return this.#person;
  }

  #middle(vertices: Float32Array, ...landmarks: number[]): [number, number, number] {
    const out: [number, number, number] = [0, 0, 0];
    for (const i of landmarks) {
      for (let k = 0; k < 3; k++) out[k] += vertices[3 * this.head.landmarks[i] + k] / landmarks.length;
    }
    return out;
  }

  /** Widest gap between the inner lips, over their middle third. */
  #gap(vertices: Float32Array): number {
    const y = (i: number) => vertices[3 * this.head.landmarks[i] + 1];
    return Math.max(y(61) - y(67), y(62) - y(66), y(63) - y(65));
  }

  /** What each vertex sees of the surroundings while the inner lips stand `gap` apart, [V]. */
  openness({ open: { still, gaping } }: Person, gap: number): Float32Array {
    const share = Math.min(1, Math.max(0, gap / 1.5));
    return share === 0 ? still : still.map((value, i) => value + share * (gaping[i] - value));
  }

  /** How far an expression parts the lips beyond the person's rest. */
  lipGap(person: Person, vertices: Float32Array): number {
    return this.#gap(vertices) - Math.max(0, this.#gap(person.vertices));
  }

  /** The person's vertices with action units and gaze (degrees to the subject's left, and up). */
  express(person: Person, weights: UnitWeights, gaze: { yaw: number; pitch: number }): Float32Array {
    const { head } = this;
    const vertices = Float32Array.from(person.vertices);
    this.units.apply(vertices, weights);
    const lids = {
      eyeLookUp: Math.max(0, gaze.pitch) / 25,
      eyeLookDown: Math.max(0, -gaze.pitch) / 25,
    };
    for (const [name, weight] of Object.entries(lids)) {
      for (const side of ["_L", "_R"]) addShape(vertices, head.shapes[name + side], weight);
    }
    for (const eye of Object.values(this.eyes)) {
      // The ball keeps its place and turns; the shapes' own turn of it is replaced by the angle wanted.
      const m = rotation(gaze.yaw, gaze.pitch, 0);
      let cx = 0, cy = 0, cz = 0;
      for (const v of eye.vertices) {
        cx += person.vertices[3 * v], cy += person.vertices[3 * v + 1], cz += person.vertices[3 * v + 2];
      }
      cx /= eye.vertices.length, cy /= eye.vertices.length, cz /= eye.vertices.length;
      for (const v of eye.vertices) {
        const x = person.vertices[3 * v] - cx,
          y = person.vertices[3 * v + 1] - cy,
          z = person.vertices[3 * v + 2] - cz;
        vertices[3 * v] = cx + m[0] * x + m[1] * y + m[2] * z;
        vertices[3 * v + 1] = cy + m[3] * x + m[4] * y + m[5] * z;
        vertices[3 * v + 2] = cz + m[6] * x + m[7] * y + m[8] * z;
      }
    }
    return vertices;
  }

  /** The points that align a face, from projected vertices (x, y, depth each). */
  points(screen: Float32Array): FacePoints {
    const mean = (...landmarks: number[]): Point => {
      let x = 0, y = 0;
      for (const i of landmarks) {
        x += screen[3 * this.head.landmarks[i]], y += screen[3 * this.head.landmarks[i] + 1];
      }
      return [x / landmarks.length, y / landmarks.length];
    };
    return {
      leftEye: mean(42, 43, 44, 45, 46, 47),
      rightEye: mean(36, 37, 38, 39, 40, 41),
      nose: mean(30),
      mouth: mean(48, 54),
    };
  }
}
