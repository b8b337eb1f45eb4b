/**
 * The head pack: one mean head, its identity modes and its expression shapes. The public one is USC ICT's
 * FaceKit (MIT licence); `deno task pack-head` makes a pack from a checkout of it.
 */
import { cross, unit } from "./mesh.ts";
import { type NpyArray, readNpz } from "./npz.ts";

/** A sparse displacement: `delta` holds x, y, z for each vertex of `index`. */
export interface Shape {
  readonly index: Int32Array;
  readonly delta: Float32Array;
}

/** What a triangle is made of; the shading of a sample starts from this. */
export const SURFACES = ["face", "scalp", "eyeLeft", "eyeRight", "teeth", "gums"] as const;

/** The material names of FaceKit for each surface, in the order of `SURFACES`. */
const MATERIALS = ["M_Face", "M_BackHead", "M_ScleraLeft", "M_ScleraRight", "M_Teeth", "M_GumsTongue"];

/**
 * A head ready to be posed. Lengths are about centimetres, x to the subject's left, y up, z to the front.
 * Arrays lie in shared memory, so that workers get them without a copy.
 */
export interface Head {
  /** Rest vertices, [V, 3]. */
  readonly rest: Float32Array;
  /** Triangles, [T, 3], counter-clockwise seen from outside. */
  readonly triangles: Int32Array;
  /** Index into `SURFACES` for each triangle, [T]. */
  readonly surface: Uint8Array;
  /** The first so many triangles are outside: all but teeth, gums and tongue. */
  readonly outer: number;
  /** Of these the first so many may be seen from before the face; the others are the back of the head. */
  readonly front: number;
  /** Identity modes, [N, V, 3]; a subject is the rest plus their weighted sum. */
  readonly identity: Float32Array;
  /** Expression shapes by FaceKit's name. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** The 68 landmarks of the iBUG scheme as vertices, [68]. */
  readonly landmarks: Int32Array;
}

/** FaceKit's vertices for the 68 iBUG landmarks (0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth). */
// deno-fmt-ignore
const LANDMARKS = [
  1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493,
  1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542,
  1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461,
  5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
];

function shared<T extends Float32Array | Int32Array | Uint8Array>(
  Kind: { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number },
  length: number,
): T {
  return new Kind(new SharedArrayBuffer(length * Kind.BYTES_PER_ELEMENT));
}

function numbers(
  arrays: Map<string, NpyArray>,
  name: string,
  columns: number,
): NpyArray["data"] & ArrayLike<number> {
  const array = arrays.get(name);
  if (!array) throw new Error(`the pack has no array "${name}"; make it with "deno task pack-head"`);
  if (Array.isArray(array.data) || array.data.length % columns !== 0) {
    throw new Error(`array "${name}" has the wrong shape (${array.shape}); make the pack again`);
  }
  return array.data as NpyArray["data"] & ArrayLike<number>;
}

function names(arrays: Map<string, NpyArray>, name: string): readonly string[] {
  const array = arrays.get(name);
  if (!array || !Array.isArray(array.data)) {
    throw new Error(`the pack has no list of names "${name}"; make it with "deno task pack-head"`);
  }
  return array.data as readonly string[];
}

/** Reads a head pack; throws an Error that says which array is missing or wrong. */
export function parseHead(bytes: Uint8Array): Head {
  const arrays = readNpz(bytes);
  const v = numbers(arrays, "v", 3), fv = numbers(arrays, "fv", 3), mat = numbers(arrays, "mat", 1);
  const deltas = numbers(arrays, "E", v.length), modes = numbers(arrays, "I", v.length);
  const materials = names(arrays, "mats"), expressions = names(arrays, "expr");
  if (deltas.length !== expressions.length * v.length) {
    throw new Error(
      `the pack names ${expressions.length} expressions, but E holds ${deltas.length / v.length}`,
    );
  }
  if (mat.length * 3 !== fv.length) {
    throw new Error(`the pack has ${fv.length / 3} triangles, but ${mat.length} materials`);
  }
  const vertexCount = v.length / 3;
  if (Math.max(...LANDMARKS) >= vertexCount) {
    throw new Error(
      `the head has only ${vertexCount} vertices: not FaceKit's topology, so landmarks are unknown`,
    );
  }
  const surfaceOf = materials.map((name) => MATERIALS.indexOf(name));
  // Only what is drawn stays: FaceKit's films over the eyes (occlusion, tears, blend), its inner irises and its lashes
  // go; irises and lash lines are painted.
  const place = new Int32Array(vertexCount).fill(-1);
  LANDMARKS.forEach((vertex) => place[vertex] = -2);
  let triangleCount = 0;
  for (let t = 0; t < mat.length; t++) {
    if (surfaceOf[mat[t]] < 0) continue;
    triangleCount++;
    for (let k = 0; k < 3; k++) {
      const vertex = fv[3 * t + k];
      if (!(vertex >= 0 && vertex < vertexCount)) throw new Error(`triangle ${t} names vertex ${vertex}`);
      place[vertex] = -2;
    }
  }
  let kept = 0;
  for (let i = 0; i < vertexCount; i++) if (place[i] === -2) place[i] = kept++;
  const pack = (source: ArrayLike<number>, offset: number, into: Float32Array, start: number) => {
    for (let i = 0; i < vertexCount; i++) {
      if (place[i] < 0) continue;
      for (let k = 0; k < 3; k++) into[start + 3 * place[i] + k] = source[offset + 3 * i + k];
    }
  };
  const rest = shared(Float32Array, kept * 3);
  pack(v, 0, rest, 0);
  const triangles = shared(Int32Array, triangleCount * 3), surface = shared(Uint8Array, triangleCount);
  for (let t = 0, n = 0; t < mat.length; t++) {
    if (surfaceOf[mat[t]] < 0) continue;
    for (let k = 0; k < 3; k++) triangles[3 * n + k] = place[fv[3 * t + k]];
    surface[n++] = surfaceOf[mat[t]];
  }
  const { outer, front } = arrange(rest, triangles, surface);
  const modeCount = modes.length / v.length;
  const identity = shared(Float32Array, modeCount * kept * 3);
  for (let m = 0; m < modeCount; m++) pack(modes, m * v.length, identity, m * kept * 3);
  const shapes: Record<string, Shape> = {};
  const dense = new Float32Array(kept * 3);
  expressions.forEach((name, e) => {
    pack(deltas, e * v.length, dense, 0);
    shapes[name] = sparse(dense);
  });
  const landmarks = shared(Int32Array, LANDMARKS.length);
  LANDMARKS.forEach((vertex, i) => landmarks[i] = place[vertex]);
  return { rest, triangles, surface, outer, front, identity, shapes, landmarks };
}

/** A triangle whose rest normal points back by more than this (its z) is not seen by a camera before the face. */
const BACK = -0.82;

/** Sorts triangles in place: the front outside, the back outside, the inside; each keeps its order. */
function arrange(
  rest: Float32Array,
  triangles: Int32Array,
  surface: Uint8Array,
): { readonly outer: number; readonly front: number } {
  const rank = Array.from(surface, (material, t) => {
    if (SURFACES[material] === "teeth" || SURFACES[material] === "gums") return 2;
    const [a, b, c] = [0, 1, 2].map((k) => 3 * triangles[3 * t + k]);
    const normal = cross(
      [0, 1, 2].map((k) => rest[b + k] - rest[a + k]),
      [0, 1, 2].map((k) => rest[c + k] - rest[a + k]),
    );
    return unit(normal)[2] < BACK ? 1 : 0;
  });
  const order = rank.map((_, t) => t).sort((a, b) => rank[a] - rank[b] || a - b);
  const corners = Int32Array.from(triangles), materials = Uint8Array.from(surface);
  order.forEach((t, n) => {
    surface[n] = materials[t];
    for (let k = 0; k < 3; k++) triangles[3 * n + k] = corners[3 * t + k];
  });
  const front = rank.filter((r) => r === 0).length;
  return { front, outer: front + rank.filter((r) => r === 1).length };
}

/** The vertices a displacement moves by more than a thousandth of a unit; `dense` is [V, 3]. */
export function sparse(dense: Float32Array): Shape {
  const moved: number[] = [];
  for (let i = 0; i < dense.length / 3; i++) {
    if (Math.hypot(dense[3 * i], dense[3 * i + 1], dense[3 * i + 2]) > 1e-3) moved.push(i);
  }
  const index = shared(Int32Array, moved.length), delta = shared(Float32Array, moved.length * 3);
  moved.forEach((vertex, i) => {
    index[i] = vertex;
    for (let k = 0; k < 3; k++) delta[3 * i + k] = dense[3 * vertex + k];
  });
  return { index, delta };
}
