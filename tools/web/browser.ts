/** The page in a real Chromium, for tools and tests: built once, served on this machine, driven through playwright-core. */
import { fileURLToPath } from "node:url";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { buildWeb, type BuiltPage, HEADERS } from "../build_web.ts";
import { pageServer } from "../web.ts";

/** A software WebGPU, for machines without a graphics processor. */
export const SWIFTSHADER = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan,WebGPU",
];

/** A camera that plays a file (Y4M or MJPEG) over and over, with nobody asked for permission. */
export function cameraOf(path: string): string[] {
  return [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    `--use-file-for-fake-video-capture=${path}`,
  ];
}

/**
 * Starts Chromium, which the system must have.
 * @throws {Error} with a sentence that says how to get it
 */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  try {
    return await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", ...args] });
  } catch (error) {
    throw new Error(
      `Chromium cannot be started: ${
        (error as Error).message.split("\n")[0]
      } Install it (Debian: apt install chromium).`,
      { cause: error },
    );
  }
}

/** The built page on a port of this machine. */
export class ServedPage {
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  /** What stands in for files, by the beginning of their names; null: status 404. */
  readonly replaced = new Map<string, BodyInit | Promise<BodyInit> | null>();
  #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(readonly built: BuiltPage, headers: Readonly<Record<string, string>>) {
    const app = pageServer(built.folder, headers);
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const path = new URL(request.url).pathname.slice(1);
      this.requests.push(path);
      const name = [...this.replaced.keys()].find((name) => path.startsWith(name));
      if (name === undefined) return await app.fetch(request);
      const body = await this.replaced.get(name);
      return body === null ? new Response(null, { status: 404, headers }) : new Response(body, { headers });
    });
  }

  /** Builds the page into a folder of its own and serves it. */
  static async start(headers: Readonly<Record<string, string>> = HEADERS): Promise<ServedPage> {
    return new ServedPage(await buildWeb(await Deno.makeTempDir()), headers);
  }

  /** The page's address. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  /** Cuts the network. */
  async cut(): Promise<void> {
    await this.#server.shutdown();
  }

  /** Ends the server and removes what was built. */
  async end(): Promise<void> {
    await this.cut();
    await Deno.remove(this.built.folder, { recursive: true });
  }
}

/** What the status line says when it is neither loading nor one of `except`. */
export async function settled(page: Page, timeout = 180_000): Promise<{ kind: string; text: string }> {
  const line = page.locator('[data-status]:not([data-status="loading"])');
  await line.waitFor({ timeout });
  return { kind: await line.getAttribute("data-status") ?? "", text: await line.textContent() ?? "" };
}

/** Opens the page with an engine in a context of its own. */
export async function openContext(
  browser: Browser,
  url: string,
  engine: "wasm" | "webgpu",
  options: BrowserContextOptions = {},
): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await openPage(page, url, engine);
  return { page, context };
}

/** Opens the page with an engine. */
export async function openPage(page: Page, url: string, engine: "wasm" | "webgpu"): Promise<void> {
  page.setDefaultTimeout(180_000); // a busy machine is slow, not broken
  await page.goto(`${url}?engine=${engine}`);
}

/** A file of this project. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
