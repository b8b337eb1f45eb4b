/**
 * `deno task build-web`: the page as a folder that any static host can serve, web/dist unless `--out=folder` is given.
 * Names of files carry a hash of their content, save those that browsers ask for by name.
 * @module
 */
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildFolder } from "./files/built_folder.ts";
import { fromHere } from "./files/from_here.ts";
import { runTool } from "./files/run_tool.ts";
import sharp from "sharp";
import type { PageFile } from "../web/page/messages.ts";
import { licences } from "./web/licences.ts";

const WEB = fileURLToPath(new URL("../web", import.meta.url));
const PAGE = join(WEB, "page");

/** What the page may load: its own files. Pictures also from memory, and wasm may be compiled. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
  "img-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'";

/** Headers that a host should send with every file; the service worker adds them where it does not. */
export const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": `${POLICY}; frame-ancestors 'none'`,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** A model that computes in float16, where there is one beside the other. */
const HALF_MODEL = join(WEB, "model/emoco.f16.onnx");
const HALF: readonly [name: string, path: string][] = isFile(HALF_MODEL)
  ? [["emoco.f16.onnx", HALF_MODEL]]
  : [];

/** Files that the code asks for, by the names it knows; the second column is where they are. */
const ASSETS: readonly [name: string, path: string][] = [
  ["emoco.json", join(WEB, "model/emoco.json")],
  ["emoco.onnx", join(WEB, "model/emoco.onnx")],
  ...HALF,
  ["blazeface.onnx", join(WEB, "model/blazeface.onnx")],
  ["engine-wasm.wasm", packaged("onnxruntime-web/ort-wasm-simd-threaded.wasm")],
  ["engine-webgpu.wasm", packaged("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm")],
  ["example.jpg", fileURLToPath(new URL("../tests/fixtures/astronaut.jpg", import.meta.url))],
];

/** Joined to one style sheet, in this order. */
const STYLES = [
  packaged("uplot/dist/uPlot.min.css"),
  ...["base", "controls", "stage", "measures", "foot", "phone"].map((name) =>
    join(PAGE, `style/${name}.css`)
  ),
];

/** What was built. */
export interface BuiltPage {
  readonly folder: string;
  /** Bytes of the page's own code and style, compressed: without onnxruntime, wasm and models. */
  readonly codeBytes: number;
  readonly bytes: number;
}

/**
 * Builds the page; the folder appears when it is complete.
 * @throws {Error} with the bundler's words when the code cannot be bundled.
 */
export async function buildWeb(folder: string): Promise<BuiltPage> {
  await buildFolder(folder, join(WEB, "dist"), build);
  return { folder, ...await measure(folder) };
}

async function build(out: string): Promise<void> {
  await bundle(out, ["app.ts", "worker.ts"], ["--code-splitting"]);
  const put = async (name: string, content: Uint8Array | string): Promise<PageFile> => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const sha256 = await digestOf(bytes), kind = extname(name);
    const url = `${name.slice(0, -kind.length)}-${sha256.slice(0, 10)}${kind}`;
    await Deno.writeFile(join(out, url), bytes);
    return { url, bytes: bytes.length, sha256 };
  };
  const move = async (name: string): Promise<PageFile> => {
    const content = await Deno.readFile(join(out, name));
    await Deno.remove(join(out, name));
    return await put(name, content);
  };

  const files: Record<string, PageFile> = { "worker.js": await move("worker.js") };
  for (const [name, path] of ASSETS) files[name] = await put(name, await Deno.readFile(path));
  const icon = await Deno.readFile(join(PAGE, "icon.svg"));
  const links: Record<string, string> = {
    "app.js": (await move("app.js")).url,
    "icon.svg": (await put("icon.svg", icon)).url,
    "style.css":
      (await put("style.css", (await Promise.all(STYLES.map((path) => Deno.readTextFile(path)))).join("")))
        .url,
  };
  for (const side of [192, 512]) {
    links[`icon-${side}.png`] =
      (await put(`icon-${side}.png`, await sharp(icon).resize(side).png().toBuffer())).url;
  }
  const manifest = relink(await Deno.readTextFile(join(PAGE, "manifest.webmanifest")), links);
  links["manifest.webmanifest"] = (await put("manifest.webmanifest", manifest)).url;
  for (const name of ["index.html", "privacy.html"]) {
    const html = relink(await Deno.readTextFile(join(PAGE, name)), links)
      .replaceAll("{{policy}}", POLICY)
      .replace(/(id="files">)\s*\{\}\s*/, (_, tag) => tag + JSON.stringify(files));
    await Deno.writeTextFile(join(out, name), html);
  }
  await Deno.writeTextFile(join(out, "licences.txt"), await licences());
  await writeServiceWorker(out);
  await Deno.writeTextFile(join(out, "_headers"), headersFile());
}

/** The service worker, with the list of all files above it; a changed file changes it, by which browsers see news. */
async function writeServiceWorker(out: string): Promise<void> {
  const names = [...Deno.readDirSync(out)].map(({ name }) => name).sort();
  const large = names.filter((name) => /\.(onnx|wasm)$|^emoco-.*\.json$/.test(name));
  const files = names.filter((name) => !large.includes(name));
  const contents = await Promise.all(
    ["index.html", "privacy.html"].map((name) => Deno.readFile(join(out, name))),
  );
  const version = (await digestOf(new TextEncoder().encode(names.join() + contents.map(String).join())))
    .slice(0, 16);
  await bundle(out, ["service_worker.ts"]);
  const path = join(out, "service_worker.js");
  const build = JSON.stringify({ version, files: ["./", ...files], large, headers: HEADERS });
  await Deno.writeTextFile(path, `self.BUILD=${build};\n${await Deno.readTextFile(path)}`);
}

/** The headers as Netlify and Cloudflare Pages read them. */
function headersFile(): string {
  const lines = Object.entries(HEADERS).map(([name, value]) => `  ${name}: ${value}\n`);
  return `/*\n${lines.join("")}`;
}

async function bundle(
  out: string,
  entries: readonly string[],
  options: readonly string[] = [],
): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--minify", ...options, "--outdir", out, ...entries],
    cwd: PAGE,
    env: { NO_COLOR: "1" },
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`The page cannot be bundled: ${new TextDecoder().decode(stderr)}`);
}

/** Puts the hashed names in place of the plain ones. */
function relink(text: string, links: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /"([a-z0-9_.-]+)"/g,
    (whole, name) => Object.hasOwn(links, name) ? `"${links[name]}"` : whole,
  );
}

/** A file of a package. */
function packaged(specifier: string): string {
  return fileURLToPath(import.meta.resolve(specifier));
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function measure(folder: string): Promise<{ codeBytes: number; bytes: number }> {
  let codeBytes = 0, bytes = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.startsWith(".")) continue;
    const content = await Deno.readFile(join(folder, name));
    bytes += content.length;
    if (/\.(js|css|html)$/.test(name) && !name.startsWith("ort.")) {
      const packed = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
      codeBytes += (await new Response(packed).arrayBuffer()).byteLength;
    }
  }
  return { codeBytes, bytes };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  await runTool(
    "deno task build-web --out=folder: the page as a folder for any static host (web/dist)",
    main,
  );
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { out: { type: "string" } } });
  const start = performance.now();
  const { folder, codeBytes, bytes } = await buildWeb(values.out ? fromHere(values.out) : join(WEB, "dist"));
  console.log(
    `${folder}: ${(bytes / 1e6).toFixed(1)} MB, of which the page's own code ${
      (codeBytes / 1000).toFixed(0)
    } kB ` +
      `compressed; ${((performance.now() - start) / 1000).toFixed(1)} s. Any static host can serve it.`,
  );
}
