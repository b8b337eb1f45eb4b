import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { evaluateOnPhotos } from "../../tools/photos/evaluate_photos.ts";
import { type Covered, COVERINGS, evaluateCovered, layOver, turned } from "../../tools/photos/covered.ts";
import { ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";

const portrait = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));

describe("a covered photograph", () => {
  const grey = { width: 200, height: 100, data: new Uint8ClampedArray(200 * 100 * 4).fill(128) };
  // A face of 80 pixels a side whose left top corner is at (60, 10).
  const [leftEye, rightEye, nose, mouth] = ALIGNMENT_TEMPLATE.map(([x, y]): [number, number] => [
    60 + 80 * x,
    10 + 80 * y,
  ]);
  const points = { leftEye, rightEye, nose, mouth };
  const at = (picture: typeof grey, x: number, y: number) => picture.data[4 * (y * picture.width + x)];

  it("has what is laid over it where the face is", () => {
    const covered = layOver(grey, points, undefined, COVERINGS["black mask"]) as typeof grey;
    assertEquals(at(covered, 100, 70), 17); // the mouth
    assertEquals([at(covered, 100, 20), at(covered, 20, 70), at(covered, 190, 70)], [128, 128, 128]);
    assertEquals(at(grey, 100, 70), 128);
    assertEquals(layOver(grey, points, undefined, undefined), grey);
  });

  it("is turned clockwise, and stands as it stood after four quarters", () => {
    const covered = layOver(grey, points, undefined, COVERINGS["black mask"]) as typeof grey;
    const once = turned(covered, 1) as typeof grey;
    assertEquals([once.width, once.height], [100, 200]);
    assertEquals(at(once, 99 - 70, 100), 17);
    assertEquals(turned(turned(covered, 1), 3), covered);
  });
});

describe("deno task evaluate --photos --covered", () => {
  let folder: string, results: Covered[];
  const printed: string[] = [];
  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    Deno.copyFileSync(portrait, join(folder, "portrait.jpg"));
    Deno.writeTextFileSync(join(folder, "manifest.jsonl"), '{"image":"portrait.jpg","subject":"collins"}\n');
    const { log } = console;
    console.log = (line: string) => printed.push(line);
    try {
      const text = { photos: folder, out: join(folder, "out") };
      results = await evaluateCovered({ text, switches: new Set(), settings: {} });
    } finally {
      console.log = log;
    }
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));
  const rowsOf = (covering: string) => results.filter((row) => row.covering === covering);

  it("reads the committed portrait as it stands at every turn, all of it, and nothing of what is hidden", () => {
    assertEquals(results.length, 4 * Object.keys(COVERINGS).length);
    for (const { covering, turn, photographs, notFound, unread, wrong, upright } of results) {
      assertEquals(photographs, 1);
      assertEquals(notFound + unread + wrong + upright, 1, `${covering} ${turn}`);
    }
    for (const row of rowsOf("nothing")) {
      assertEquals([row.upright, row.hiddenTold, row.openLost], [1, NaN, 0], `at ${row.turn}`);
    }
    const [glasses] = rowsOf("dark glasses"), [sheet] = rowsOf("sheet over the mouth");
    assertEquals([glasses.upright, glasses.hiddenTold], [1, 1]);
    assertEquals([sheet.upright, sheet.hiddenTold], [1, 1]);
    assert(sheet.openLost < 0.2 && glasses.openLost < 0.2, `${sheet.openLost} ${glasses.openLost}`);
  });

  it("leaves a table, on the screen and in a file", () => {
    const [head, first, ...more] = Deno.readTextFileSync(join(folder, "out/covered.csv")).trim().split("\n");
    assertEquals(head, "covering,turn,photographs,notFound,unread,wrong,upright,hiddenTold,openLost");
    assertEquals(first, "nothing,0,1,0,0,0,1,,0");
    assertEquals(more.length, 23);
    assertMatch(printed.join("\n"), /^covering +turn +faces +upright .*\nnothing +0° +1 +1 +0 +0 +0 +0$/m);
    assertAlmostEquals(Number(more[4].split(",")[1]), 90);
  });

  it("refuses a model that does not know what can be seen", async () => {
    const model = join(folder, "model"), bytes = writeTinyModel({ weights: [[1], [0], [0]], bias: [0] }, 32);
    Deno.mkdirSync(model);
    Deno.writeFileSync(join(model, "emoco.onnx"), bytes);
    const card = await writeTinyCard(bytes, { aus: [{ au: 12, threshold: 0.5 }] });
    Deno.writeTextFileSync(join(model, "emoco.json"), JSON.stringify(card));
    await assertRejects(
      () =>
        evaluateOnPhotos({ text: { photos: folder, model }, switches: new Set(["covered"]), settings: {} }),
      Error,
      'tiny-1.0.0 does not know what can be seen: its card has no output "visible".',
    );
  });
});
