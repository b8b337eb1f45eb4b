/** The camera in a real browser: the filmed smile as a camera, without a network, and without a camera. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import type { Browser, BrowserContext, Page } from "playwright-core";
import {
  cameraOf,
  openContext,
  projectFile,
  ServedPage,
  settled,
  startChromium,
} from "../../../tools/web/browser.ts";
import { lineOfAu12 } from "./chart.ts";
import { correlation, readSmile } from "./smile.ts";
import { frameNumbered, WATCH_BARS, writeY4m } from "../../../tools/web/film.ts";

/** Frames of the camera that are analysed, twice the film. */
const SAMPLES = 90;
/** Milliseconds in which even a busy machine analyses them. */
const MOST_WAIT = 300_000;

async function givePortrait(page: Page): Promise<void> {
  const buffer = Buffer.from(await Deno.readFile(projectFile("tests/fixtures/astronaut.jpg")));
  await page.setInputFiles("input[type=file]", { name: "portrait.jpg", mimeType: "image/jpeg", buffer });
}

describe("The page with a camera", () => {
  let served: ServedPage, browser: Browser, context: BrowserContext, page: Page, film: string;
  const violations: string[] = [], requests: string[] = [];
  let intensities: number[];
  beforeAll(async () => {
    const smile = (await readSmile()).filter((_, i) => i % 2 === 0);
    intensities = smile.map(({ intensity }) => intensity);
    film = await Deno.makeTempFile({ suffix: ".y4m" });
    await writeY4m(film, smile.map(({ jpeg }) => jpeg), 8);
    served = await ServedPage.start();
    browser = await startChromium(cameraOf(film));
    ({ page, context } = await openContext(browser, served.url, "wasm"));
    page.on(
      "console",
      (message) => /Content.Security.Policy/i.test(message.text()) && violations.push(message.text()),
    );
    context.on("request", (request) => requests.push(request.url()));
    assertEquals((await settled(page)).kind, "ready");
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
    await Deno.remove(film);
  });

  it("measures AU12 as the smile was rendered, correlation 0.8 or more, and asks for nothing meanwhile", async () => {
    await page.locator("#camera").click();
    await page.waitForSelector('[data-status="ready"]');
    await page.evaluate(WATCH_BARS);
    // The browser itself looks once, a moment after the visit, whether there is a newer service worker.
    await page.evaluate("navigator.serviceWorker.ready.then((it) => it.update()).then(() => true)");
    for (let count = -1; count !== served.requests.length;) {
      count = served.requests.length;
      await page.waitForTimeout(3000);
    }
    requests.length = served.requests.length = 0;
    const seen = () => page.evaluate("Number(document.documentElement.dataset.seen ?? 0)") as Promise<number>;
    const until = Date.now() + MOST_WAIT;
    while (await seen() < SAMPLES) {
      assert(Date.now() < until, `${await seen()} of ${SAMPLES} frames after ${MOST_WAIT / 1000} s`);
      await page.waitForTimeout(200);
    }
    assertEquals([requests, served.requests], [[], []]);
    const newest = (await lineOfAu12(page)).at(-1)!;
    assert(newest > 0, "the chart ends with the newest AU12");
    const samples = await page.evaluate("globalThis.samples") as { number: number; value: number }[];
    const numbers = samples.map(({ number }) => number);
    assert(numbers.every((number) => number < intensities.length), `frames ${numbers}`);
    assert(new Set(numbers).size > SAMPLES / 4, `frames ${numbers}`);
    const r = correlation(samples.map(({ value }) => value), numbers.map((number) => intensities[number]));
    assert(r >= 0.8, `correlation ${r}`);
  });

  it("says in a sentence when there is no camera, or none is allowed, and goes on", async () => {
    const cases = [
      { args: [], says: "No camera was found" },
      {
        args: ["--use-fake-device-for-media-stream", "--deny-permission-prompts"],
        says: "The camera was refused",
      },
    ];
    for (const { args, says } of cases) {
      const without = await startChromium(args);
      try {
        const { page } = await openContext(without, served.url, "wasm");
        assertEquals((await settled(page)).kind, "ready");
        await page.locator("#camera").click();
        await page.waitForSelector('[data-status="error"]');
        assertStringIncludes((await settled(page)).text, says);
        await givePortrait(page);
        assertMatch((await settled(page)).text, /^1 face\./);
      } finally {
        await without.close();
      }
    }
  });

  it("works when the network is cut: reload, picture, camera, and the table is saved", async () => {
    await served.cut();
    await page.reload();
    assertEquals((await settled(page)).kind, "ready");
    assertEquals(await page.locator("[data-engine]").textContent(), "wasm");
    assertEquals(await page.evaluate("crossOriginIsolated"), true);
    await givePortrait(page);
    assertMatch((await settled(page)).text, /^1 face\./);
    await page.locator("#camera").click();
    await page.getByText("Stop camera").waitFor();
    await page.waitForSelector('[data-status="ready"]');
    await page.locator("#camera").click(); // off again
    assertStringIncludes((await settled(page)).text, "camera is off");
    await page.locator("#save summary").click();
    const [csv] = await Promise.all([page.waitForEvent("download"), page.locator("#save-csv").click()]);
    assertEquals(csv.suggestedFilename(), "emoco-camera.csv");
    const [head, first] = (await Deno.readTextFile((await csv.path())!)).split("\n").map((line) =>
      line.split(",")
    );
    assertEquals(head.slice(0, 3), ["time", "frame", "face"]);
    assertEquals(first.slice(0, 3), ["0", "0", "1"]);
    assert(Number(first[head.indexOf("AU12")]) > 0);
    assertEquals(violations, []);
  });

  it("is refused a foreign connection, script and image by its policy", async () => {
    await page.evaluate(`
      globalThis.refused = [];
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => refused.push(effectiveDirective));
      fetch("https://example.org/").catch(() => {});
      for (const tag of ["img", "script"]) {
        document.body.append(Object.assign(document.createElement(tag), { src: "https://example.org/x" }));
      }
      new Promise((resolve) => setTimeout(resolve, 500));
    `);
    const refused = new Set(await page.evaluate("refused") as string[]); // by the header and by the page itself
    assertEquals([...refused].sort(), ["connect-src", "img-src", "script-src-elem"]);
  });
});

describe("frameNumbered", () => {
  it("writes a number that is read back from either side", () => {
    for (const number of [0, 1, 44, 63]) {
      const luma = new Uint8Array(320 * 240).fill(128);
      frameNumbered(luma, 320, number);
      const bit = (x: number): number => luma[8 * 320 + x] > 128 ? 1 : 0;
      const read = Array.from({ length: 6 }, (_, i) => bit(8 + 16 * i)).reduce(
        (sum, b, i) => sum + (b << i),
        0,
      );
      assertEquals(read, number);
    }
  });
});
