/**
 * The page beside @vladmandic/human (face, mesh, emotion; its own wasm): frames a second of one face, 640 x 480, both
 * in the same Chromium with two threads, in alternating rounds. Ours is the whole page with its drawing, fed by a camera.
 */
import { join } from "node:path";
import { Hono } from "hono";
import { serveStatic } from "hono/deno";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { type FlagList, wholeNumber } from "../../train/runs/flags.ts";
import { HEADERS } from "../build_web.ts";
import { cameraOf, openContext, projectFile, ServedPage, settled, startChromium } from "../web/browser.ts";
import { readPart } from "../files/named_parts.ts";
import { writeY4m } from "../web/film.ts";
import { FrameCount } from "../web/frame_count.ts";

const FLAGS: FlagList = {
  rounds: { kind: "text", help: "alternating rounds (3)" },
  seconds: { kind: "text", help: "seconds of a round (10)" },
  help: { kind: "switch", help: "this" },
};

const PEER = {
  "@vladmandic/human": "npm:@vladmandic/human@3.3.6",
  "@tensorflow/tfjs-backend-wasm": "npm:@tensorflow/tfjs-backend-wasm@4.22.0",
};

/** The peer's page: each frame is analysed anew, as ours are, nothing is kept from the one before. */
const PEER_PAGE = `<!DOCTYPE html><title>peer</title><script type="module">
  import { Human } from "./node_modules/@vladmandic/human/dist/human.esm.js";
  const off = { enabled: false };
  const human = new Human({
    backend: "wasm", modelBasePath: "/node_modules/@vladmandic/human/models/", cacheSensitivity: 0,
    wasmPath: "/node_modules/@tensorflow/tfjs-backend-wasm/dist/", debug: false,
    filter: off, gesture: off, body: off, hand: off, object: off, segmentation: off,
    face: { enabled: true, mesh: { enabled: true }, emotion: { enabled: true }, iris: off, description: off,
      antispoof: off, liveness: off },
  });
  const picture = await createImageBitmap(await (await fetch("/picture.png")).blob());
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  await human.load();
  globalThis.analyse = async (seconds) => {
    const start = performance.now();
    for (let frames = 1;; frames++) {
      const { face } = await human.detect(canvas);
      if (face.length !== 1 || !face[0].emotion?.length) throw new Error("The peer found " + face.length + " faces.");
      const passed = (performance.now() - start) / 1000;
      if (passed >= seconds) return frames / passed;
    }
  };
  await analyse(0);
  document.documentElement.dataset.ready = "";
</script>`;

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const flags = readPart("deno task bench web: the page beside @vladmandic/human.", FLAGS, args);
  if (!flags) return;
  const rounds = wholeNumber("rounds", flags.text.rounds ?? "3");
  const seconds = wholeNumber("seconds", flags.text.seconds ?? "10");
  const picture = await sharp(projectFile("tests/fixtures/astronaut.jpg"))
    .extract({ left: 32, top: 0, width: 400, height: 300 }).resize(640, 480).png().toBuffer();
  const film = await Deno.makeTempFile({ suffix: ".y4m" });
  await writeY4m(film, [picture], 60);
  const peerFolder = await installPeer(picture);
  const served = await ServedPage.start();
  const peer = servePeer(peerFolder);
  const browser = await startChromium(cameraOf(film));
  try {
    const { page } = await openContext(browser, served.url, "wasm");
    const { kind, text } = await settled(page);
    if (kind !== "ready") throw new Error(`The page is not ready: ${text}`);
    const peerPage = await (await browser.newContext()).newPage();
    peerPage.setDefaultTimeout(180_000);
    await peerPage.goto(`http://127.0.0.1:${peer.addr.port}/index.html`);
    await peerPage.waitForSelector("html[data-ready]", { state: "attached" });
    const count = await FrameCount.start(page);
    await ourRound(page, count, 2);
    const ratios: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const ours = await ourRound(page, count, seconds);
      const theirs = await peerPage.evaluate(`analyse(${seconds})`) as number;
      ratios.push(ours.rate / theirs);
      console.log(
        `round ${round}: the page ${ours.rate.toFixed(1)} frames/s (${ours.stages}), human ${
          theirs.toFixed(1)
        } frames/s`,
      );
    }
    console.log(`RATIO web ${ratios.sort((a, b) => a - b)[ratios.length >> 1].toFixed(2)}`);
  } finally {
    await browser.close();
    await peer.shutdown();
    await served.end();
    await Deno.remove(film);
  }
}

async function ourRound(
  page: Page,
  count: FrameCount,
  seconds: number,
): Promise<{ rate: number; stages: string }> {
  await page.locator("#camera").click();
  await page.waitForSelector('[data-status="ready"]');
  await page.waitForTimeout(500);
  const before = count.frames, start = performance.now();
  await page.waitForTimeout(seconds * 1000);
  const rate = (count.frames - before) / ((performance.now() - start) / 1000);
  const stages = await page.locator("#stages").textContent() ?? "";
  await page.locator("#camera").click();
  return { rate, stages };
}

/** Has the peer in a folder outside the tree. */
async function installPeer(picture: Uint8Array): Promise<string> {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? ".", ".cache");
  const folder = join(home, "emoco", "bench-web");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    join(folder, "deno.json"),
    JSON.stringify({ imports: PEER, nodeModulesDir: "auto" }),
  );
  console.log(`The peer, 31 MB from npm unless it is there: ${Object.values(PEER).join(", ")} in ${folder}`);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet"],
    cwd: folder,
  })
    .output();
  if (!success) throw new Error(`The peer cannot be installed: ${new TextDecoder().decode(stderr)}`);
  await Deno.writeTextFile(join(folder, "index.html"), PEER_PAGE);
  await Deno.writeFile(join(folder, "picture.png"), picture);
  return folder;
}

/** Serves the peer with cross-origin isolation, which its threads need as well. */
function servePeer(folder: string): Deno.HttpServer<Deno.NetAddr> {
  const app = new Hono();
  app.use(async ({ header }, next) => {
    await next();
    for (const name of ["Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy"]) {
      header(name, HEADERS[name]);
    }
  });
  app.get("*", serveStatic({ root: folder }));
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
}
