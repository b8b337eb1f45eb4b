/** Pictures in a real browser: the server's numbers, several faces, bad files, another model, a site that is broken. */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import {
  openContext,
  projectFile,
  ServedPage,
  settled,
  startChromium,
  SWIFTSHADER,
} from "../../../tools/web/browser.ts";
import { tinyFiles } from "../../serve/tiny_server.ts";
import { type Answers, askServer } from "./server_answers.ts";

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

/** Each bar is what the server answers, to 1e-3. */
async function assertServersNumbers(page: Page, { faces: [{ aus }] }: Answers): Promise<void> {
  const bars = await readBars(page);
  assertEquals([...bars.keys()], aus.map(({ au }) => `AU${au}`));
  for (const { au, probability } of aus) {
    assertAlmostEquals(bars.get(`AU${au}`)!, probability, 1e-3, `AU${au}`);
  }
}

describe("The page with pictures", () => {
  let served: ServedPage, browser: Browser, page: Page, portrait: Uint8Array<ArrayBuffer>, answers: Answers;
  const errors: string[] = [];
  beforeAll(async () => {
    served = await ServedPage.start();
    browser = await startChromium();
    portrait = new Uint8Array(await sharp(projectFile("tests/fixtures/astronaut.jpg")).png().toBuffer());
    answers = await askServer(portrait);
    ({ page } = await openContext(browser, served.url, "wasm"));
    page.on("pageerror", ({ message }) => errors.push(message));
    assertEquals((await settled(page)).kind, "ready");
  });
  afterAll(async () => {
    await browser.close();
    await served.end();
  });

  it("gives the server's probabilities to 1e-3 on wasm, and says so", async () => {
    assertEquals(await page.locator("[data-engine]").textContent(), "wasm");
    await give(page, "portrait.png", portrait);
    const { kind, text } = await settled(page);
    assertEquals(kind, "ready");
    await assertServersNumbers(page, answers);
    for (const { au, name, present } of answers.faces[0].aus) {
      assertEquals(text.includes(`AU${au} ${name}`), present, `${text} AU${au}`);
    }
  });

  it("shows each of several faces, the largest first, and the chosen one's bars", async () => {
    const height = 512, width = 1024;
    const small = await sharp(portrait).resize(360).toBuffer();
    const two = await sharp({ create: { width, height, channels: 3, background: "#888" } })
      .composite([{ input: small, left: 20, top: 100 }, { input: Buffer.from(portrait), left: 512, top: 0 }])
      .png()
      .toBuffer();
    const { faces } = await askServer(new Uint8Array(two));
    assertEquals(faces.length, 2);
    await give(page, "two.png", two);
    assertMatch((await settled(page)).text, /^2 faces\. In the largest: /);
    const bars = await readBars(page);
    assertAlmostEquals(bars.get("AU9")!, faces[0].aus.find(({ au }) => au === 9)!.probability, 1e-3);
    await page.getByRole("button", { name: "Face 2" }).click();
    const other = await readBars(page);
    assertAlmostEquals(other.get("AU9")!, faces[1].aus.find(({ au }) => au === 9)!.probability, 1e-3);
  });

  it("says that there is no face in a picture without one", async () => {
    await give(
      page,
      "grey.png",
      await sharp({ create: { width: 300, height: 200, channels: 3, background: "#777" } })
        .png().toBuffer(),
    );
    const { kind, text } = await settled(page);
    assertEquals(kind, "no-face");
    assertStringIncludes(text, "No face was found");
    assertEquals([...(await readBars(page)).values()].every((value) => value === 0), true);
  });

  /** A JPEG whose header says 20,000 x 20,000 pixels. */
  const huge = async () => {
    const jpeg = new Uint8Array(await sharp(portrait).jpeg().toBuffer());
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    new DataView(jpeg.buffer).setUint32(frame + 5, 20_000 << 16 | 20_000);
    return jpeg;
  };
  /** A JPEG that was cut off; the page may not call this a lack of memory. */
  const half = async () => {
    const jpeg = new Uint8Array(await sharp(portrait).jpeg().toBuffer());
    return jpeg.subarray(0, jpeg.length * 0.55 | 0);
  };
  const bad: [
    what: string,
    name: string,
    type: string,
    make: () => Promise<Uint8Array> | Uint8Array,
    says: string,
  ][] = [
    [
      "text that is called .jpg",
      "notes.jpg",
      "image/jpeg",
      () => new TextEncoder().encode("Dear diary"),
      "not a picture",
    ],
    ["an empty file", "empty.jpg", "image/jpeg", () => new Uint8Array(), "is empty (0 bytes)"],
    ["half a picture", "half.png", "image/png", () => portrait.subarray(0, 40), "not a picture"],
    ["half a JPEG", "half.jpg", "image/jpeg", () => half(), "half.jpg is damaged"],
    ["a picture of 20,000 pixels a side", "huge.jpg", "image/jpeg", huge, "20,000 x 20,000 pixels"],
    [
      "a video without a picture",
      "sound.webm",
      "video/webm",
      () => Deno.readFile(projectFile("tests/fixtures/sound.webm")),
      "no video track",
    ],
    [
      "text that is called .mp4",
      "notes.mp4",
      "video/mp4",
      () => new TextEncoder().encode("Dear diary"),
      "not a video",
    ],
  ];
  for (const [what, name, type, make, says] of bad) {
    it(`says in a sentence what is wrong with ${what}, and goes on`, async () => {
      await give(page, name, await make(), type);
      const { kind, text } = await settled(page);
      assertEquals(kind, "error", text);
      assertStringIncludes(text, says);
      assertStringIncludes(text, name);
      assert(!text.includes("memory"), text);
      assertMatch(text, /^\S.*\.$/);
      await give(page, "portrait.png", portrait);
      assertEquals((await settled(page)).kind, "ready");
      await assertServersNumbers(page, answers);
    });
  }

  it("runs a model from disk, refuses one that was altered, and goes back to ours", async () => {
    const { model, card } = await tinyFiles();
    const files = (bytes: Uint8Array, text: Uint8Array | string = card) => [
      { name: "emoco.onnx", mimeType: "", buffer: Buffer.from(bytes) },
      { name: "emoco.json", mimeType: "application/json", buffer: Buffer.from(text as string) },
    ];
    const altered = model.slice();
    altered[altered.length - 9] ^= 1;
    await page.setInputFiles("input[type=file]", files(altered));
    const refusal = await settled(page);
    assertEquals(refusal.kind, "error");
    assertStringIncludes(refusal.text, "they do not belong together");
    await page.setInputFiles("input[type=file]", files(model).slice(1));
    assertStringIncludes((await settled(page)).text, "the model file (.onnx) is missing");
    await page.setInputFiles("input[type=file]", files(model));
    assertEquals((await settled(page)).kind, "ready");
    const { name, version, aus } = JSON.parse(new TextDecoder().decode(card));
    assertStringIncludes(await page.locator("#model").textContent() ?? "", `${name} ${version}`);
    assertEquals((await readBars(page)).size, aus.length);
    const ofIntensity = { ...JSON.parse(new TextDecoder().decode(card)), target: "intensity" };
    await page.setInputFiles("input[type=file]", files(model, JSON.stringify(ofIntensity)));
    assertEquals((await settled(page)).kind, "ready");
    await give(page, "portrait.png", portrait);
    assertEquals((await settled(page)).kind, "ready");
    const shown = page.locator(".unit").first(), meter = shown.locator('[role="meter"]');
    const grade = (5 * Number(await meter.getAttribute("aria-valuenow"))).toFixed(1);
    assertEquals(await shown.locator(".value").textContent(), `${grade}/5`);
    assertStringIncludes(await meter.getAttribute("aria-valuetext") ?? "", `${grade} of 5, `);
    await page.locator("#settings summary").click();
    await page.locator("#our-model").click();
    await page.waitForSelector("#our-model", { state: "hidden" });
    await give(page, "portrait.png", portrait);
    assertEquals((await settled(page)).kind, "ready");
    await assertServersNumbers(page, answers);
  });

  it("saves the picture with marks, and the numbers", async () => {
    await page.locator("#save summary").click();
    const [png] = await Promise.all([page.waitForEvent("download"), page.locator("#save-png").click()]);
    assertEquals(png.suggestedFilename(), "emoco-portrait.png");
    const { data, info } = await sharp(await png.path()).removeAlpha().raw().toBuffer({
      resolveWithObject: true,
    });
    assertEquals([info.width, info.height], [1024, 1024]);
    const { box } = answers.faces[0];
    const at = 3 * (Math.round(2 * (box.y + box.height / 2)) * info.width + Math.round(2 * box.x));
    assertEquals([...data.subarray(at, at + 3)], [0xff, 0xc2, 0x33]); // the first face's colour, on its box
    await page.locator("#save summary").click();
    const [json] = await Promise.all([page.waitForEvent("download"), page.locator("#save-json").click()]);
    const { model, source, frames: [{ faces: [face] }] } = JSON.parse(
      await Deno.readTextFile((await json.path())!),
    );
    assertEquals([model.name, source], ["emoco", "portrait.png"]);
    for (const { au, probability } of answers.faces[0].aus) {
      assertAlmostEquals(face.aus[`AU${au}`], probability, 1e-3);
    }
    assertAlmostEquals(face.points.nose[0], answers.faces[0].points.nose[0], 0.1);
    assertEquals(errors, []);
  });

  it("paints before the models arrive, and names a model file that was altered or is missing", async () => {
    const held = Promise.withResolvers<BodyInit>();
    const card = JSON.parse(Deno.readTextFileSync(projectFile("web/model/emoco.json")));
    const file = `emoco-${card.files["emoco.onnx"].sha256.slice(0, 10)}.onnx`;
    served.replaced.set(file, held.promise);
    const { page, context } = await openContext(browser, served.url, "wasm");
    await page.getByRole("button", { name: "Camera" }).waitFor();
    assertEquals(await page.locator("[data-status]").getAttribute("data-status"), "loading");
    const altered = await Deno.readFile(projectFile("web/model/emoco.onnx"));
    altered[altered.length >> 1] ^= 1;
    held.resolve(altered);
    const { kind, text } = await settled(page);
    assertEquals(kind, "error");
    assertMatch(text, new RegExp(`^The file ${file} is not the one this page was built with`));
    await context.close();

    served.replaced.set(file, null);
    const other = await openContext(browser, served.url, "wasm");
    assertMatch((await settled(other.page)).text, new RegExp(`^The file ${file} is missing from this site`));
    await other.context.close();
    served.replaced.clear();
  });

  it("is less than 250 kB of code, compressed", () => {
    assert(
      served.built.codeBytes > 50_000 && served.built.codeBytes < 250_000,
      `${served.built.codeBytes} bytes`,
    );
  });

  it("gives the server's probabilities to 1e-3 on WebGPU too", async () => {
    const gpu = await startChromium(SWIFTSHADER);
    try {
      const { page } = await openContext(gpu, served.url, "webgpu");
      assertEquals((await settled(page, 400_000)).kind, "ready");
      assertEquals(await page.locator("[data-engine]").textContent(), "webgpu");
      // So close that one look finds the face: in software, a look takes ten seconds.
      const close = new Uint8Array(
        await sharp(portrait).extract({ left: 97, top: 0, width: 256, height: 256 }).png().toBuffer(),
      );
      await give(page, "close.png", close);
      assertEquals((await settled(page, 400_000)).kind, "ready");
      await assertServersNumbers(page, await askServer(close));
    } finally {
      await gpu.close();
    }
  });
});
