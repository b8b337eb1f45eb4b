/** The head as a person with an expression: identity, action units, gaze, and the points that are labelled. */
import type { FacePoints, Point } from "@emoco/web/image";
import { addShape, UnitShapes, type UnitWeights } from "./action_units.ts";
import { type Complexion, complexion } from "./complexion.ts";
import { brimMesh, type Cloth, hatShell } from "./cloth.ts";
import { glassesProps } from "./glasses.ts";
import { beardShells, hairShells, HANGING, type Shells } from "./hair.ts";
import type { Mesh, Prop } from "./solid.ts";
import { type Head, SURFACES } from "./head.ts";
import { longHair } from "./long_hair.ts";
import { openness } from "./light.ts";
import { Eye, type Gaze, type LidMeasure } from "./lids.ts";
import { type AnchorVertices, findAnchors } from "./measures.ts";
import { vertexNormals } from "./mesh.ts";
import { DepthBuffer } from "./raster.ts";
import { settleTraits } from "./rest.ts";
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
  /** What is worn: cloth, and glasses and brims. */
  readonly hat: Cloth | null;
  readonly props: readonly Prop[];
}

/** A person with an expression. */
export interface Expressed {
  readonly vertices: Float32Array;
  readonly lids: { readonly left: LidMeasure; readonly right: LidMeasure };
  /** How far the inner lips stand apart beyond the person's rest, and in all, in head units. */
  readonly lipGap: number;
  readonly mouthGap: number;
  /** From one eye's centre to the other's. */
  readonly eyeSpan: number;
}

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
  readonly eyes: { readonly left: Eye; readonly right: Eye };
  /** Triangles and vertices of what is seen from outside: all but teeth, gums and tongue. */
  readonly outerTriangles: Int32Array;
  readonly outerVertices: Int32Array;
  /** Of these vertices, those that move with the jaw. */
  readonly jaw: Int32Array;
  /** What each triangle is made of: the surface, face and scalp being one. */
  readonly kinds: Uint8Array;
  readonly anchors: ReadonlyMap<number, AnchorVertices>;
  #person: Person | null = null;
  #buffer: DepthBuffer | null = null;

  constructor(readonly head: Head) {
    this.units = new UnitShapes(head);
    this.map = new FaceMap(head);
    this.outerTriangles = head.triangles.subarray(0, 3 * head.outer);
    this.outerVertices = Int32Array.from(new Set(this.outerTriangles)).sort();
    const outer = new Set(this.outerVertices);
    this.jaw = head.shapes.jawOpen.index.filter((v) => outer.has(v));
    this.kinds = head.surface.map((surface) =>
      SURFACES[surface] === "scalp" ? SURFACES.indexOf("face") : surface
    );
    this.anchors = findAnchors(head);
    this.eyes = { left: new Eye(head, "left"), right: new Eye(head, "right") };
  }

  /** The subject's head at rest; the last one asked for is kept. */
  person(subject: Subject): Person {
    if (this.#person?.subject.name === subject.name && this.#person.subject.key === subject.key) {
      return this.#person;
    }
    const { head } = this, size = head.rest.length;
    const vertices = identify(head, subject.identity);
    settleTraits(vertices, head, subject.traits, subject.age);
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
    const { hat } = subject,
      hanging = HANGING.has(subject.hairStyle) && !["scarf", "hood"].includes(hat.kind);
    const props = subject.glasses ? glassesProps(subject.glasses, eyes, bridge, widest(5, 6)) : [];
    const brim = brimMesh(hat);
    if (brim) {
      const { colour } = hat;
      props.push({ mesh: brim, colour, specular: 0.02, gloss: 10, wrap: 0, texture: 0.2, opacity: 1 });
    }
    const skin = complexion(head, subject, this.outerVertices);
    const gaping = Float32Array.from(vertices);
    addShape(gaping, head.shapes.jawOpen, 0.8);
    const still = openness(vertices, vertexNormals(vertices, head.triangles), this.outerVertices);
    const agape = Float32Array.from(still), { jaw } = this;
    const wide = openness(gaping, vertexNormals(gaping, head.triangles), this.outerVertices, jaw);
    for (const v of jaw) agape[v] = wide[v];
    this.#person = {
      subject,
      vertices,
      complexion: skin,
      open: { still, gaping: agape },
      hair: ["scarf", "hood"].includes(hat.kind) ? null : hairShells(head, subject, skin.fields),
      beard: beardShells(head, subject, skin.fields),
      curtain: hanging ? longHair(subject, widest(0, 4)) : null,
      hat: hat.kind === "none" ? null : hatShell(head, hat, subject.key),
      props,
    };
    return this.#person;
  }

  /** An empty buffer, the same one each time as long as its size is the same. */
  buffer(width: number, height: number): DepthBuffer {
    if (this.#buffer?.width === width && this.#buffer.height === height) this.#buffer.clear();
    else this.#buffer = new DepthBuffer(width, height);
    return this.#buffer;
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

  /** The person with action units and gaze. */
  express(person: Person, weights: UnitWeights, gaze: Gaze): Expressed {
    const vertices = Float32Array.from(person.vertices);
    this.units.apply(vertices, weights);
    const lids = {
      left: this.eyes.left.move(vertices, person.vertices, weights, gaze),
      right: this.eyes.right.move(vertices, person.vertices, weights, gaze),
    };
    const gap = this.#gap(vertices);
    const left = this.#middle(vertices, 42, 43, 44, 45, 46, 47);
    const right = this.#middle(vertices, 36, 37, 38, 39, 40, 41);
    return {
      vertices,
      lids,
      lipGap: gap - Math.max(0, this.#gap(person.vertices)),
      mouthGap: Math.max(0, gap),
      eyeSpan: Math.hypot(left[0] - right[0], left[1] - right[1], left[2] - right[2]),
    };
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
