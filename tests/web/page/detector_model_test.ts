/** The supervised detectors, trained, exported and read by `deno task detect` and by the page in a real browser. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { openContext, projectFile, ServedPage, settled, startChromium } from "../../../tools/web/browser.ts";
import { writeManifest } from "../../train/toy_faces.ts";
import { drawLabelledFaces, runTask } from "../../train/toy_runs.ts";

/** One that reads the face alone, and one that carries the model that finds its points in its file. */
const DETECTORS = ["drml", "srerl"];

describe("a supervised detector's model", () => {
  let folder: string, served: ServedPage, browser: Browser, page: Page;
  const portrait = projectFile("tests/fixtures/astronaut.jpg");

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const lines = await drawLabelledFaces(join(folder, "faces"), 8);
    const face = (i: number) =>
      Array.from({ length: 68 }, (_, p) => [20 + 12 * Math.cos(p + i / 9), 20 + 12 * Math.sin(2 * p)]);
    await writeManifest(join(folder, "faces"), lines.map((line, i) => ({ ...line, landmarks: face(i) })));
    served = await ServedPage.start();
    browser = await startChromium();
    ({ page } = await openContext(browser, served.url, "wasm"));
    assertEquals((await settled(page)).kind, "ready");
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
    await Deno.remove(folder, { recursive: true });
  });

  for (const name of DETECTORS) {
    it(`of ${name} says the same in the page as on the command line`, async () => {
      const from = ["--data=faces", "--folds=0", "--epochs=1", "--batchSize=16", "--from=random"];
      for (
        const [task, ...args] of [
          ["finetune", `--detector=${name}`, `--name=${name}`, ...from],
          ["export", `--from=${name}`, "--licence=toy"],
        ]
      ) {
        const { code, stderr } = await runTask(task, folder, ...args);
        assertEquals(code, 0, stderr);
      }
      const { code, stdout, stderr } = await runTask(
        "detect",
        folder,
        portrait,
        `--model=runs/${name}`,
        "--json",
      );
      assertEquals(code, 0, stderr);
      const { aus } = JSON.parse(stdout).images[0].faces[0] as { aus: { au: number; probability: number }[] };
      assertEquals(aus.map(({ au }) => au), [4, 12, 25]);

      const file = (name: string, path: string) => ({
        name,
        mimeType: "",
        buffer: Buffer.from(Deno.readFileSync(path)),
      });
      const model = ["emoco.onnx", "emoco.json"].map((part) => file(part, join(folder, "runs", name, part)));
      await page.setInputFiles("input[type=file]", model);
      assertEquals((await settled(page)).kind, "ready");
      await page.setInputFiles("input[type=file]", [file("portrait.jpg", portrait)]);
      assertEquals((await settled(page)).kind, "ready");
      const meters = await page.locator('[role="meter"]').all();
      const bars = await Promise.all(meters.map((meter) => meter.getAttribute("aria-valuenow")));
      assertEquals(bars.length, aus.length);
      // The browser decodes JPEG by itself, within a level or two of the command line's library.
      aus.forEach(({ au, probability }, i) =>
        assertAlmostEquals(Number(bars[i]), probability, 5e-3, `AU${au}`)
      );
    });
  }
});
