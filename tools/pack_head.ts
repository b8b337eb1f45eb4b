/**
 * Packs a folder of ICT-FaceKit's OBJ files into the head that `deno task faces` draws:
 * `deno task pack-head --from=ICT-FaceKit/FaceXModel --out=head.npz`. FaceKit is public (GitHub:
 * ICT-VGL/ICT-FaceKit) under the MIT licence.
 */
import { NEEDED_SHAPES } from "./faces/action_units.ts";
import { type NpyArray, writeNpz } from "./faces/npz.ts";
import { type ObjMesh, parseObj, parseObjVertices } from "./faces/obj.ts";
import { Progress } from "./faces/progress.ts";
import { readFromOut } from "./files/from_out.ts";
import { runTool } from "./files/run_tool.ts";
import { writeWhole } from "./faces/write_whole.ts";

const USAGE = "deno task pack-head --from=ICT-FaceKit/FaceXModel --out=head.npz";
const NEUTRAL = "generic_neutral_mesh.obj";

/** Names of a folder's identity and expression files without ".obj", both sorted; throws when some are missing. */
function listShapes(folder: string): { identities: string[]; expressions: string[] } {
  let files: string[];
  try {
    files = [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((name) => name.endsWith(".obj"));
  } catch {
    throw new Error(`There is no folder ${folder}. ${USAGE}`);
  }
  if (!files.includes(NEUTRAL)) {
    throw new Error(`${folder} holds no ${NEUTRAL}: is it FaceKit's FaceXModel folder?`);
  }
  const names = files.map((file) => file.slice(0, -4)).sort();
  const identities = names.filter((name) => /^identity\d+$/.test(name));
  const expressions = names.filter((name) => !/^identity\d+$/.test(name) && `${name}.obj` !== NEUTRAL);
  if (identities.length === 0) throw new Error(`${folder} holds no identity000.obj`);
  identities.forEach((name, i) => {
    const expected = `identity${String(i).padStart(name.length - "identity".length, "0")}`;
    if (name !== expected) throw new Error(`${folder} holds ${name}.obj, but not ${expected}.obj before it`);
  });
  for (const shape of NEEDED_SHAPES) {
    if (expressions.includes(shape)) continue;
    for (const side of ["_L", "_R"]) {
      if (!expressions.includes(shape + side)) throw new Error(`${folder} holds no ${shape}${side}.obj`);
    }
  }
  return { identities, expressions };
}

/** The arrays of a head pack from a folder of OBJ files; throws an Error naming the file that is wrong. */
export function packHead(folder: string): Map<string, NpyArray> {
  const { identities, expressions } = listShapes(folder);
  const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}.obj`);
  const mesh: ObjMesh = parseObj(Deno.readTextFileSync(`${folder}/${NEUTRAL}`), NEUTRAL);
  const size = mesh.vertices.length;
  const progress = new Progress("shapes", identities.length + expressions.length);
  const deltas = (names: readonly string[]): NpyArray => {
    const data = new Float32Array(names.length * size);
    names.forEach((name, n) => {
      const vertices = parseObjVertices(read(name), `${name}.obj`);
      if (vertices.length !== size) {
        throw new Error(
          `${name}.obj has ${vertices.length / 3} vertices, but ${NEUTRAL} has ${
            size / 3
          }: not the same mesh`,
        );
      }
      for (let i = 0; i < size; i++) data[n * size + i] = vertices[i] - mesh.vertices[i];
      progress.step();
    });
    return { shape: [names.length, size / 3, 3], data };
  };
  const materials = [...new Set(mesh.materials)].sort();
  const triangleCount = mesh.materials.length;
  const arrays = new Map<string, NpyArray>([
    ["v", { shape: [size / 3, 3], data: mesh.vertices }],
    ["vt", { shape: [mesh.textures.length / 2, 2], data: mesh.textures }],
    ["fv", { shape: [triangleCount, 3], data: mesh.triangles }],
    ["ft", { shape: [triangleCount, 3], data: mesh.textureTriangles }],
    ["mat", {
      shape: [triangleCount],
      data: Uint8Array.from(mesh.materials, (name) => materials.indexOf(name)),
    }],
    ["mats", { shape: [materials.length], data: materials }],
    ["E", deltas(expressions)],
    ["I", deltas(identities)],
    ["expr", { shape: [expressions.length], data: expressions }],
    ["ident", { shape: [identities.length], data: identities }],
  ]);
  progress.end();
  return arrays;
}

/** Runs the program; throws an Error with one clear sentence when something is wrong. */
export async function main(args: readonly string[]): Promise<void> {
  const { from, out } = readFromOut(args, USAGE);
  // Displacements are small, so half precision keeps them to a thousandth of a millimetre or so.
  const bytes = writeNpz(packHead(from), new Set(["E", "I"]));
  await writeWhole(out, bytes);
  console.log(`${out}: ${(bytes.length / 1e6).toFixed(1)} MB`);
}

if (import.meta.main) await runTool(USAGE, main);
