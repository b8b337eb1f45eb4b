import {
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { NEEDED_SHAPES } from "../../tools/faces/action_units.ts";
import { readNpz } from "../../tools/faces/npz.ts";
import { parseObj } from "../../tools/faces/obj.ts";
import { main, packHead } from "../../tools/pack_head.ts";

/** A quad and a triangle: vertices 1-5, texture corners 1-4, two materials. */
const NEUTRAL = `# a comment
mtllib none.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 2 0.5 -1e-1
vt 0 0
vt 1 0
vt 1 1
vt 0.5 0.25
usemtl M_Face
f 1/1 2/2 3/3 4/4
usemtl M_BackHead
f 2/2/1 5/1/1 3/4/1
`;

/** The neutral mesh with its n-th vertex moved by (dx, dy, dz). */
function moved(n: number, d: number[]): string {
  let vertex = 0;
  return NEUTRAL.split("\n").map((line) => {
    if (!line.startsWith("v ") || ++vertex !== n) return line;
    return "v " + line.split(" ").slice(1).map((value, k) => Number(value) + d[k]).join(" ");
  }).join("\r\n");
}

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/generic_neutral_mesh.obj`, NEUTRAL);
  await Deno.writeTextFile(`${folder}/identity000.obj`, moved(1, [0.25, 0, -3]));
  await Deno.writeTextFile(`${folder}/identity001.obj`, moved(5, [0, 0.5, 0]));
  await Deno.writeTextFile(`${folder}/README.md`, "not a mesh");
  for (const shape of NEEDED_SHAPES) {
    await Deno.writeTextFile(`${folder}/${shape}_R.obj`, NEUTRAL);
    await Deno.writeTextFile(
      `${folder}/${shape}_L.obj`,
      shape === "mouthSmile" ? moved(3, [0, 2, 0.125]) : NEUTRAL,
    );
  }
});
afterAll(() => Deno.remove(folder, { recursive: true }));

/** Runs `body` with one file of the folder changed (or gone), and puts it back. */
async function having(
  file: string,
  content: string | null,
  body: () => void | Promise<unknown>,
): Promise<void> {
  const path = `${folder}/${file}`;
  const before = await Deno.readTextFile(path).catch(() => null);
  if (content === null) await Deno.remove(path);
  else await Deno.writeTextFile(path, content);
  try {
    await body();
  } finally {
    if (before === null) await Deno.remove(path);
    else await Deno.writeTextFile(path, before);
  }
}

describe("packHead", () => {
  it("cuts quads into triangles and keeps vertex, texture and material of each", () => {
    const arrays = packHead(folder);
    assertEquals(arrays.get("fv"), { shape: [3, 3], data: Int32Array.of(0, 1, 2, 0, 2, 3, 1, 4, 2) });
    assertEquals(arrays.get("ft"), { shape: [3, 3], data: Int32Array.of(0, 1, 2, 0, 2, 3, 1, 0, 3) });
    assertEquals(arrays.get("mats")!.data, ["M_BackHead", "M_Face"]);
    assertEquals(arrays.get("mat")!.data, Uint8Array.of(1, 1, 0));
    assertEquals(arrays.get("v")!.shape, [5, 3]);
    assertAlmostEquals((arrays.get("v")!.data as Float32Array)[14], -0.1, 1e-6);
    assertEquals(arrays.get("vt"), { shape: [4, 2], data: Float32Array.of(0, 0, 1, 0, 1, 1, 0.5, 0.25) });
  });

  it("holds each shape's displacement under its name", () => {
    const arrays = packHead(folder);
    assertEquals(arrays.get("ident")!.data, ["identity000", "identity001"]);
    const names = arrays.get("expr")!.data as string[];
    assertEquals(names, NEEDED_SHAPES.flatMap((shape) => [`${shape}_L`, `${shape}_R`]).sort());
    const smile = (arrays.get("E")!.data as Float32Array).slice(15 * names.indexOf("mouthSmile_L")).slice(
      0,
      15,
    );
    assertEquals([...smile], [0, 0, 0, 0, 0, 0, 0, 2, 0.125, 0, 0, 0, 0, 0, 0]);
    const modes = arrays.get("I")!;
    assertEquals(modes.shape, [2, 5, 3]);
    assertEquals([...(modes.data as Float32Array).slice(0, 3)], [0.25, 0, -3]);
    assertEquals((modes.data as Float32Array)[15 + 13], 0.5);
  });

  it("names the file that is missing", async () => {
    await having("generic_neutral_mesh.obj", null, () => {
      assertThrows(() => packHead(folder), Error, "no generic_neutral_mesh.obj");
    });
    await having("identity000.obj", null, () => {
      assertThrows(() => packHead(folder), Error, "not identity000.obj before it");
    });
    await having("browDown_L.obj", null, () => {
      assertThrows(() => packHead(folder), Error, "no browDown_L.obj");
    });
    assertThrows(() => packHead(`${folder}/nowhere`), Error, "There is no folder");
  });

  it("names the file whose vertices do not match", async () => {
    await having("identity001.obj", NEUTRAL + "v 1 2 3\n", () => {
      assertThrows(() => packHead(folder), Error, "identity001.obj has 6 vertices");
    });
    await having("eyeWide_R.obj", "# empty\n", () => {
      assertThrows(() => packHead(folder), Error, "eyeWide_R.obj has no vertices");
    });
  });
});

describe("parseObj", () => {
  it("names file and line of what it cannot read", () => {
    const parse = (text: string) => () => parseObj(text, "head.obj");
    assertThrows(parse("v 0 0 zero\n"), Error, "head.obj, line 1: expected 3 numbers");
    assertThrows(parse("v 0 0 0\nvt 0 0\nusemtl M\nf 1/1 2/1 1/1\n"), Error, `line 4: "2/1" names no vertex`);
    assertThrows(parse("v 0 0 0\nusemtl M\nf 1 1 1\n"), Error, `"1" names no texture coordinate`);
    assertThrows(parse("v 0 0 0\nvt 0 0\nf 1/1 1/1 1/1\n"), Error, "before any usemtl");
    assertThrows(parse("v 0 0 0\n"), Error, "head.obj has no faces");
  });

  it("counts negative indices back from the last", () => {
    const mesh = parseObj(
      "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 1\nusemtl M\nf -3/-2 -2/-1 -1/-1\n",
      "head.obj",
    );
    assertEquals([...mesh.triangles], [0, 1, 2]);
    assertEquals([...mesh.textureTriangles], [0, 1, 1]);
  });
});

describe("main", () => {
  it("writes a pack that reads back", async () => {
    const out = `${folder}/head.npz`;
    await main([`--from=${folder}`, `--out=${out}`]);
    const arrays = readNpz(await Deno.readFile(out));
    assertEquals([...arrays.keys()], ["v", "vt", "fv", "ft", "mat", "mats", "E", "I", "expr", "ident"]);
    assertEquals([...(arrays.get("I")!.data as Float32Array).slice(0, 3)], [0.25, 0, -3]);
    await Deno.remove(out);
  });

  it("says what is missing or unknown", async () => {
    const error = await assertRejects(() => main([]), Error, "Missing --from");
    assertStringIncludes(error.message, "deno task pack-head");
    await assertRejects(() => main([`--from=${folder}`]), Error, "Missing --out");
    await assertRejects(() => main(["--form=x"]), Error, "--form");
  });
});
