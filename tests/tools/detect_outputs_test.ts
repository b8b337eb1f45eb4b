import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { main } from "../../tools/detect.ts";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";
import { TINY_OUTPUTS } from "../web/tiny_outputs.ts";

const portrait = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));

describe("deno task detect with a model that knows more", () => {
  let folder: string;
  let printed: string[];
  const print = console.log;

  beforeAll(() => {
    folder = Deno.makeTempDirSync();
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));
  beforeEach(() => {
    printed = [];
    console.log = (line: string) => printed.push(line);
  });
  afterEach(() => {
    console.log = print;
  });

  it("prints and draws what else a model knows, and a unit that it cannot see", async () => {
    const out = join(folder, "drawn.png");
    const bytes = writeTinyModel(
      { weights: [[0, 0], [0, 0], [0, 0]], bias: [2, 1], outputs: TINY_OUTPUTS },
      32,
    );
    const outputs = ["points", "pose", "gaze", "openness", "visible"] as const;
    Deno.writeFileSync(join(folder, "emoco.onnx"), bytes);
    Deno.writeTextFileSync(
      join(folder, "emoco.json"),
      JSON.stringify(await writeTinyCard(bytes, { outputs })),
    );
    await main([`--model=${folder}`, `--draw=${out}`, portrait]);
    const text = printed.join("\n");
    assertStringIncludes(text, "  head yaw +12° pitch -7° roll ");
    assertStringIncludes(text, "open: left eye 0.16, right eye 0.12, mouth 0.30 eye distances");
    assertStringIncludes(text, "Warning: something hides parts of the face.");
    assert(/AU12 .* 0\.88 {2}present/.test(text) && /AU4 .*cannot be seen$/m.test(text), text);
    printed.length = 0;
    await main([`--model=${folder}`, "--json", portrait]);
    const [{ faces: [{ points68, aus, warnings }] }] = JSON.parse(printed.join("\n")).images;
    assertEquals([aus[1].present, warnings], [null, ["covered"]]);
    const { data, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const marked = (points68 as [number, number][]).filter(([x, y]) => {
      const at = (Math.round(y * 1000 / 512) * info.width + Math.round(x * 1000 / 512)) * 3;
      return data[at] < 0x8c && data[at + 2] > 0xb0;
    });
    assert(marked.length >= 66, `${marked.length} of 68 points are drawn`);
  });
});
