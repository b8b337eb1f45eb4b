import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { unzipSync, zipSync } from "fflate";
import { type NpyArray, readNpz, writeNpz } from "../../tools/faces/npz.ts";

/** An .npy file written by hand from NumPy's format description. */
function npy(descr: string, shape: string, body: number[], order = "False"): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const padded = header + " ".repeat((64 - (11 + header.length) % 64) % 64) + "\n";
  const prefix = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, padded.length & 255, padded.length >> 8];
  return Uint8Array.from([...prefix, ...new TextEncoder().encode(padded), ...body]);
}

describe("readNpz", () => {
  it("reads what NumPy writes", () => {
    const arrays = readNpz(zipSync({
      // 1.5 and -2 as IEEE half floats, 1 and -1 as float32.
      "h.npy": npy("<f2", "(2,)", [0x00, 0x3e, 0x00, 0xc0]),
      "f.npy": npy("<f4", "(1, 2)", [0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf]),
      "d.npy": npy("<f8", "(1,)", [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
      "l.npy": npy("<i8", "()", [0xfe, 255, 255, 255, 255, 255, 255, 255]),
      "i.npy": npy("<i4", "(2, 1)", [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
      "u.npy": npy("|u1", "(3,)", [1, 2, 255]),
      "s.npy": npy("<U2", "(2,)", [65, 0, 0, 0, 66, 0, 0, 0, 67, 0, 0, 0, 0, 0, 0, 0]),
    }));
    assertEquals([...arrays.get("h")!.data as Float32Array], [1.5, -2]);
    assertEquals(arrays.get("f"), { shape: [1, 2], data: Float32Array.of(1, -1) });
    assertEquals(arrays.get("i"), { shape: [2, 1], data: Int32Array.of(1, -1) });
    assertEquals(arrays.get("d"), { shape: [1], data: Float64Array.of(1) });
    assertEquals(arrays.get("l"), { shape: [], data: Float64Array.of(-2) });
    assertEquals([...arrays.get("u")!.data as Uint8Array], [1, 2, 255]);
    assertEquals(arrays.get("s")!.data, ["AB", "C"]);
  });

  it("names the array that cannot be read", () => {
    const read = (file: Uint8Array) => () => readNpz(zipSync({ "bad.npy": file }));
    assertThrows(read(npy("<f4", "(9,)", [0, 0])), Error, `"bad" is cut short`);
    assertThrows(read(npy("<c8", "(1,)", [0, 0, 0, 0, 0, 0, 0, 0])), Error, "type <c8");
    assertThrows(read(npy("<i4", "(1, 1)", [0, 0, 0, 0], "True")), Error, "Fortran");
    assertThrows(read(new TextEncoder().encode("hello, world")), Error, `"bad" is not in NumPy's format`);
    assertThrows(() => readNpz(Uint8Array.of(1, 2, 3)), Error, "does not unzip");
  });
});

describe("writeNpz", () => {
  const arrays = new Map<string, NpyArray>([
    ["a", { shape: [2, 2], data: Float32Array.of(0.5, 1e-3, -7, 1 / 3) }],
    ["b", { shape: [2], data: Float32Array.of(0.5, 1 / 3) }],
    ["c", { shape: [3], data: Int32Array.of(-1, 0, 70_000) }],
    ["d", { shape: [2], data: ["neutral", "é"] }],
    ["e", { shape: [0, 3], data: new Float32Array(0) }],
  ]);

  it("writes what readNpz reads, halves where asked", () => {
    const back = readNpz(writeNpz(arrays, new Set(["b"])));
    for (const name of ["a", "c", "d", "e"]) assertEquals(back.get(name), arrays.get(name));
    const [half, third] = back.get("b")!.data as Float32Array;
    assertEquals(half, 0.5);
    assert(third !== Math.fround(1 / 3) && Math.abs(third - 1 / 3) < 1e-3);
  });

  it("starts each array's data on a multiple of 64 bytes, as NumPy asks", () => {
    for (const file of Object.values(unzipSync(writeNpz(arrays, new Set())))) {
      assertEquals((10 + file[8] + 256 * file[9]) % 64, 0);
    }
  });

  it("gives the same bytes for the same arrays", () => {
    assertEquals(writeNpz(arrays, new Set()), writeNpz(arrays, new Set()));
  });
});
