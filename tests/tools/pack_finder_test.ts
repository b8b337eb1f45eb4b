/** `deno task pack-finder`: the model that is committed, and one that is worked out by hand. */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as ort from "onnxruntime-node";
import { freeSides, main } from "../../tools/pack_finder.ts";
import { writeSquareModel } from "../web/square_model.ts";
import { writeTinyModel } from "../web/tiny_model.ts";

/** A picture [side, side, 3] with numbers of its own in every place. */
const pictureOf = (side: number) => Float32Array.from({ length: side * side * 3 }, (_, i) => (i * 37) % 101);

/** The highest of each 2 x 2 pixels, channel by channel, then three zeros. */
function expected(picture: Float32Array, side: number): number[] {
  const values: number[] = [], at = (x: number, y: number, c: number) => picture[(y * side + x) * 3 + c];
  for (let y = 0; y < side; y += 2) {
    for (let x = 0; x < side; x += 2) {
      for (const c of [0, 1, 2]) {
        values.push(Math.max(at(x, y, c), at(x + 1, y, c), at(x, y + 1, c), at(x + 1, y + 1, c)));
      }
      values.push(0, 0, 0);
    }
  }
  return values;
}

async function answer(model: Uint8Array, side: number): Promise<number[]> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  try {
    const picture = new ort.Tensor("float32", pictureOf(side), [1, side, side, 3]);
    const { answer } = await session.run({ [session.inputNames[0]]: picture });
    return [...answer.data as Float32Array];
  } finally {
    await session.release();
  }
}

describe("freeSides", () => {
  const square = writeSquareModel(8, ["answer"]);

  it("leaves the answers as they were, and gives those for other sizes", async () => {
    const freed = freeSides(square);
    assertEquals(await answer(square, 8), expected(pictureOf(8), 8));
    await assertRejects(() => answer(square, 12));
    for (const side of [4, 8, 12, 20]) {
      assertEquals(await answer(freed, side), expected(pictureOf(side), side));
    }
  });

  it("changes nothing when it is done again", () => {
    const freed = freeSides(square);
    assertEquals(freeSides(freed), freed);
  });

  it("is what the committed model went through", async () => {
    const committed = await Deno.readFile(new URL("../../web/model/blazeface.onnx", import.meta.url));
    assertEquals(freeSides(committed), committed);
  });
});

describe("deno task pack-finder", () => {
  it("says what is wrong", async () => {
    const folder = await Deno.makeTempDir(), at = (name: string) => `${folder}/${name}`;
    try {
      await Deno.writeTextFile(at("text.onnx"), "not a model");
      await Deno.writeFile(at("other.onnx"), writeTinyModel({ weights: [[1], [1], [1]], bias: [0] }, 32));
      const run = (...args: string[]) => () => main(args);
      await assertRejects(run(), Error, "Missing --from");
      await assertRejects(run(`--from=${at("text.onnx")}`), Error, "Missing --out");
      await assertRejects(run("--speed=9"), Error, "--speed");
      const out = `--out=${at("out.onnx")}`;
      await assertRejects(run(`--from=${at("none.onnx")}`, out), Error, "none.onnx cannot be read");
      await assertRejects(run(`--from=${at("text.onnx")}`, out), Error, "text.onnx: This is not an ONNX");
      await assertRejects(run(`--from=${at("other.onnx")}`, out), Error, "input is [1, S, S, 3]");
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["other.onnx", "text.onnx"]);
      await Deno.writeFile(at("square.onnx"), writeSquareModel(8, ["answer"]));
      await main([`--from=${at("square.onnx")}`, out]);
      assertEquals(await answer(await Deno.readFile(at("out.onnx")), 4), expected(pictureOf(4), 4));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
