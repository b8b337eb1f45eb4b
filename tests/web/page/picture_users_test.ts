/** Pictures as users have them in a real browser: without an end, turned by their EXIF data. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { openContext, projectFile, ServedPage, settled, startChromium } from "../../../tools/web/browser.ts";
import { askServer } from "./server_answers.ts";

/** Gives the page a file made here. */
async function give(page: Page, name: string, bytes: Uint8Array, type = "image/png"): Promise<void> {
  await page.setInputFiles("input[type=file]", { name, mimeType: type, buffer: Buffer.from(bytes) });
}

/** What the bars say, by action unit. */
async function readBars(page: Page): Promise<Map<string, number>> {
  const meters = await page.locator('[role="meter"]').all();
  const read = meters.map(async (meter) =>
    [
      (await meter.getAttribute("aria-label") ?? "").split(" ")[0],
      Number(await meter.getAttribute("aria-valuenow")),
    ] as const
  );
  return new Map(await Promise.all(read));
}

describe("The page with users' pictures", () => {
  let served: ServedPage, browser: Browser, page: Page, portrait: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    served = await ServedPage.start();
    browser = await startChromium();
    portrait = new Uint8Array(await sharp(projectFile("tests/fixtures/astronaut.jpg")).png().toBuffer());
    ({ page } = await openContext(browser, served.url, "wasm"));
    assertEquals((await settled(page)).kind, "ready");
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
  });

  it("reads a JPEG without its end marker, and WebP turned in every way, as they are", async () => {
    const jpeg = new Uint8Array(await sharp(portrait).jpeg({ quality: 95 }).toBuffer());
    await give(page, "no_end.jpg", jpeg.subarray(0, jpeg.length - 2), "image/jpeg");
    assertEquals((await settled(page)).kind, "ready");
    const wide = sharp(portrait).extend({ right: 100, background: "#888" }),
      turned = [0, 0, 180, 180, 270, 270, 90, 90];
    for (const orientation of [2, 3, 6, 7]) {
      const stored = await sharp(await wide.clone().png().toBuffer()).rotate(turned[orientation - 1])
        .flop([2, 4, 5, 7].includes(orientation)).png().toBuffer();
      const webp = await sharp(stored).withMetadata({ orientation }).webp({ lossless: true }).toBuffer();
      const { faces } = await askServer(new Uint8Array(webp));
      await give(page, `turned${orientation}.webp`, webp, "image/webp");
      assertEquals((await settled(page)).kind, faces.length > 0 ? "ready" : "no-face");
      const bars = await readBars(page);
      for (const { au, probability } of faces[0]?.aus ?? []) {
        assertAlmostEquals(bars.get(`AU${au}`)!, probability, 2e-3, `orientation ${orientation}, AU${au}`);
      }
      // The stage draws small pictures larger, by a whole factor: their shape tells whether they stand upright.
      const shape = await page.evaluate(
        `(({ width, height }) => width / height)(document.querySelector("#stage canvas"))`,
      );
      assertEquals(shape, 612 / 512, `orientation ${orientation}`);
    }
  });

  it("shows every unit's name and its description whole, on a telephone too", async () => {
    await page.setViewportSize({ width: 340, height: 800 });
    await give(page, "portrait.png", portrait);
    assertEquals((await settled(page)).kind, "ready");
    await page.locator(".unit button").first().click();
    const cut = await page.evaluate(
      `[...document.querySelectorAll(".unit, .unit *")]
        .filter((part) => part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1 &&
          getComputedStyle(part).overflow !== "visible")
        .map((part) => part.textContent)`,
    );
    assertEquals(cut, []);
    const names = await page.locator(".unit button").allTextContents();
    assertEquals(names.some((name) => name.endsWith("...") || name.endsWith("…")), false);
    await page.setViewportSize({ width: 1280, height: 720 });
  });
});
