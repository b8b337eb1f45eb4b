/**
 * A head pack made of balls: it has the names and landmarks that the renderer asks for, and shapes whose effect is
 * known by construction.
 */
import { NEEDED_SHAPES } from "../../tools/faces/action_units.ts";
import { type NpyArray, writeNpz } from "../../tools/faces/npz.ts";

/** FaceKit's vertices of the 68 landmarks, as published with its model. */
// deno-fmt-ignore
const LANDMARKS = [
  1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443, 268, 493,
  1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542,
  1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461,
  5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,
];

/** The vertex of an iBUG landmark. */
export const landmark = (i: number): number => LANDMARKS[i];

/** Places of the landmarks on the face, front view. */
function places(): [number, number][] {
  const arc = (count: number, x: number, y: number, rx: number, ry: number, from: number, to: number) =>
    Array.from({ length: count }, (_, i): [number, number] => {
      const angle = (from + (to - from) * i / (count - 1)) * Math.PI / 180;
      return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
    });
  return [
    ...arc(17, 0, 2, 7, 9, 180, 360),
    ...arc(5, -3.4, 5.4, 2.2, 0.8, 180, 0),
    ...arc(5, 3.4, 5.4, 2.2, 0.8, 180, 0),
    [0, 3.7],
    [0, 2.6],
    [0, 1.6],
    [0, 0.4],
    ...arc(5, 0, -1, 1.2, 0.2, 180, 360),
    ...arc(4, -3.15, 3.4, 1.3, 0.5, 180, 0),
    [-2.7, 3.05],
    [-3.9, 3.05],
    ...arc(4, 3.15, 3.4, 1.3, 0.5, 180, 0),
    [3.9, 3.05],
    [2.7, 3.05],
    ...arc(7, 0, -3.4, 2.5, 1, 180, 0),
    ...arc(7, 0, -3.4, 2.5, 1, 0, -180).slice(1, 6),
    [-2.2, -3.4],
    [-1, -3.4],
    [0, -3.4],
    [1, -3.4],
    [2.2, -3.4],
    [1, -3.4],
    [0, -3.4],
    [-1, -3.4],
  ];
}

/** The arrays of the pack; jawOpen lowers the lower inner lip (landmarks 65-67) by exactly 2 units, lids as said. */
export function syntheticArrays(): Map<string, NpyArray> {
  const vertexCount = 6600, v = new Float32Array(3 * vertexCount);
  const triangles: number[] = [], materials: number[] = [];
  const free = Array.from({ length: vertexCount }, (_, i) => i).filter((i) => !LANDMARKS.includes(i));
  let next = 0;
  const ball = (x: number, y: number, z: number, radius: number, rings: number, material: number) => {
    const around = 2 * rings, own: number[] = [];
    for (let i = 0; i <= rings; i++) {
      for (let j = 0; j < around; j++) {
        const vertex = free[next++], down = Math.PI * i / rings, round = 2 * Math.PI * j / around;
        own.push(vertex);
        v[3 * vertex] = x + radius * Math.sin(down) * Math.sin(round);
        v[3 * vertex + 1] = y + radius * 1.3 * Math.cos(down);
        v[3 * vertex + 2] = z + radius * Math.sin(down) * Math.cos(round);
      }
    }
    for (let i = 0; i < rings; i++) {
      for (let j = 0; j < around; j++) {
        const a = own[i * around + j], b = own[i * around + (j + 1) % around];
        const c = own[(i + 1) * around + j], d = own[(i + 1) * around + (j + 1) % around];
        triangles.push(a, c, b, b, c, d);
        materials.push(material, material);
      }
    }
  };
  ball(0, 1, 2, 8.5, 28, 1);
  ball(0, 8, -2, 6, 12, 0);
  ball(3.15, 3.4, 8, 1.5, 8, 3);
  ball(-3.15, 3.4, 8, 1.5, 8, 4);
  ball(0, -3.4, 8, 1, 6, 5);
  ball(0, -4, 7, 1, 6, 2);
  places().forEach(([x, y], i) => {
    v.set([x, y, 2 + Math.sqrt(Math.max(0, 72 - x * x - (y - 1) ** 2 / 1.69))], 3 * LANDMARKS[i]);
  });
  const sided = (shape: string) =>
    ["jawOpen", "mouthFunnel", "mouthPucker"].includes(shape) || /Roll|Shrug/.test(shape);
  const expressions = NEEDED_SHAPES.flatMap((s) => sided(s) ? [s] : [`${s}_L`, `${s}_R`]).sort();
  const deltas = new Float32Array(expressions.length * v.length);
  for (const i of [65, 66, 67]) {
    deltas[expressions.indexOf("jawOpen") * v.length + 3 * LANDMARKS[i] + 1] = -2;
  }
  // Lids: each shape moves the middle of one eye's upper lid by a known height.
  const upper = { L: [43, 44], R: [37, 38] } as const;
  for (const [shape, height] of [["eyeBlink", -1], ["eyeWide", 0.3], ["eyeLookDown", -0.5]] as const) {
    for (const side of ["L", "R"] as const) {
      for (const i of upper[side]) {
        deltas[expressions.indexOf(`${shape}_${side}`) * v.length + 3 * LANDMARKS[i] + 1] = height;
      }
    }
  }
  const modes = new Float32Array(2 * v.length);
  for (let i = 0; i < vertexCount; i++) {
    modes[3 * i] = 0.04 * v[3 * i], modes[v.length + 3 * i + 1] = 0.04 * v[3 * i + 1];
  }
  return new Map<string, NpyArray>([
    ["v", { shape: [vertexCount, 3], data: v }],
    ["fv", { shape: [materials.length, 3], data: Int32Array.from(triangles) }],
    ["mat", { shape: [materials.length], data: Uint8Array.from(materials) }],
    ["mats", {
      shape: [6],
      data: ["M_BackHead", "M_Face", "M_GumsTongue", "M_ScleraLeft", "M_ScleraRight", "M_Teeth"],
    }],
    ["E", { shape: [expressions.length, vertexCount, 3], data: deltas }],
    ["I", { shape: [2, vertexCount, 3], data: modes }],
    ["expr", { shape: [expressions.length], data: expressions }],
    ["ident", { shape: [2], data: ["identity000", "identity001"] }],
  ]);
}

/** The pack as a file's bytes. */
export function syntheticPack(arrays = syntheticArrays()): Uint8Array {
  return writeNpz(arrays, new Set(["E", "I"]));
}
