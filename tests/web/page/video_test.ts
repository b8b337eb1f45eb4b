/** A video file in a real browser: every frame at its own time, pause, seek; and what assistive tools see of the page. */
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { openContext, projectFile, ServedPage, settled, startChromium } from "../../../tools/web/browser.ts";
import { lineOfAu12 } from "./chart.ts";
import { correlation, readSmile } from "./smile.ts";

async function give(page: Page, path: string, mimeType: string): Promise<void> {
  const name = path.split("/").at(-1)!;
  await page.setInputFiles("input[type=file]", {
    name,
    mimeType,
    buffer: Buffer.from(await Deno.readFile(projectFile(path))),
  });
}

describe("The page with a video", () => {
  let served: ServedPage, browser: Browser, page: Page;
  const errors: string[] = [];
  beforeAll(async () => {
    served = await ServedPage.start();
    browser = await startChromium();
    ({ page } = await openContext(browser, served.url, "wasm"));
    page.on("pageerror", ({ message }) => errors.push(message));
    assertEquals((await settled(page)).kind, "ready");
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
  });

  it("stands still while it is paused, and shows any analysed frame again", async () => {
    await give(page, "tests/fixtures/smile.webm", "video/webm");
    await page.getByText(/frame \d+ of about 45/).waitFor();
    await page.locator("#play").click();
    assertEquals(await page.locator("#play").textContent(), "Go on");
    await page.locator("#seek").fill("0.2");
    await page.locator('#seek[aria-valuetext^="0:00 "]').waitFor();
    const analysed = await page.locator("#analysed").getAttribute("value");
    await new Promise((resolve) => setTimeout(resolve, 600));
    assertEquals(await page.locator("#analysed").getAttribute("value"), analysed);
    await page.locator("#play").click();
    assertEquals(await page.locator("#play").textContent(), "Pause");
  });

  it("analyses every frame at its own time; AU12 follows the smile as it was rendered", async () => {
    await page.getByText("smile.webm is analysed: 45 frames").waitFor();
    assertEquals(await page.locator("#play").textContent(), "Play");
    await page.locator("#save summary").click();
    const [csv] = await Promise.all([page.waitForEvent("download"), page.locator("#save-csv").click()]);
    const [head, ...rows] = (await Deno.readTextFile((await csv.path())!)).trim().split("\n")
      .map((line) => line.split(","));
    const smile = (await readSmile()).filter((_, i) => i % 2 === 0), au12 = head.indexOf("AU12");
    assertEquals(rows.map((row) => row.slice(1, 3)), smile.map((_, i) => [`${i}`, "1"]));
    rows.forEach(([time], i) => assertAlmostEquals(Number(time), smile[i].time, 0.002));
    const r = correlation(rows.map((row) => Number(row[au12])), smile.map(({ intensity }) => intensity));
    assert(r >= 0.8, `correlation ${r}`);

    const [margin, ...line] = await lineOfAu12(page);
    assert(line.every((pixels) => pixels > 0), `the chart shows AU12 in its tenths: ${[margin, ...line]}`);

    const shown = async (time: number) => {
      await page.locator("#seek").fill(`${time}`);
      await page.locator(`#seek[aria-valuetext^="0:0${Math.floor(time)} "]`).waitFor();
      return Number(await page.locator('[aria-label^="AU12 "]').getAttribute("aria-valuenow"));
    };
    for (const frame of [17, 37]) {
      assertAlmostEquals(await shown(smile[frame].time + 0.03), Number(rows[frame][au12]), 1e-4);
    }
  });

  it("is played to its end", async () => {
    await page.locator("#seek").fill("4.8");
    await page.locator('#seek[aria-valuetext^="0:04 "]').waitFor();
    await page.locator("#play").click();
    await page.getByRole("button", { name: "Play" }).waitFor();
    assertMatch(await page.locator("#seek").getAttribute("aria-valuetext") ?? "", /^0:05 /);
    assertEquals(errors, []);
  });
});

describe("The page for everybody", () => {
  let served: ServedPage, browser: Browser;
  const axe = Deno.readTextFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"));
  beforeAll(async () => {
    served = await ServedPage.start();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
  });

  /** Faults that axe-core calls serious or critical. */
  async function faultsOf(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    const { violations } = await page.evaluate("axe.run()") as {
      violations: { id: string; impact: string; nodes: { html: string }[] }[];
    };
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
  }

  const places = [
    { colorScheme: "light", viewport: { width: 1280, height: 800 } },
    { colorScheme: "dark", viewport: { width: 390, height: 844 } },
  ] as const;
  for (const place of places) {
    it(`has no serious fault for axe-core, ${place.colorScheme}, ${place.viewport.width} pixels wide`, async () => {
      const { page, context } = await openContext(browser, served.url, "wasm", place);
      await settled(page);
      assertEquals(await faultsOf(page), []);
      await give(page, "tests/fixtures/astronaut.jpg", "image/jpeg");
      await settled(page);
      await page.locator("#settings summary").click();
      assertEquals(await faultsOf(page), []);
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assertEquals(wide, place.viewport.width); // nothing sticks out
      await page.goto(`${served.url}privacy.html`);
      assertEquals(await faultsOf(page), []);
      await context.close();
    });
  }

  it("is used by keyboard alone: example, menus, bars", async () => {
    const { page, context } = await openContext(browser, served.url, "wasm");
    await settled(page);
    const focused = () =>
      page.evaluate(
        "(document.activeElement.innerText || document.activeElement.ariaLabel).trim()",
      ) as Promise<string>;
    const tabTo = async (text: string) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        if ((await focused()).includes(text)) return;
      }
      throw new Error(`Tab does not reach "${text}".`);
    };
    await page.keyboard.press("Tab");
    assertMatch(await focused(), /Skip to the action units/);
    await tabTo("Settings");
    await page.keyboard.press("Enter");
    await page.locator("#engine").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#engine").waitFor({ state: "hidden" });
    await tabTo("portrait by NASA");
    await page.keyboard.press("Enter");
    await page.getByText("1 face.").waitFor();
    await tabTo("AU9");
    await page.keyboard.press("Enter");
    assertEquals(
      await page.locator("#units li").nth(6).locator("button").getAttribute("aria-pressed"),
      "true",
    );
    await context.close();
  });
});
