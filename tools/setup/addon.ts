/**
 * The native addon of tfjs-node-gpu, compiled against TensorFlow's C library and linked into node_modules.
 * @module
 */
import { dirname, join } from "node:path";
import type { Report } from "./libraries.ts";
import { isWhole, makePartial, putInPlace, remove, SetupError, writeStamp } from "./stamp.ts";

const ADDON = "tfjs_binding.node";

/** The npm packages that the addon is made from, as folders. */
export interface AddonSources {
  /** Folder of @tensorflow/tfjs-node-gpu. */
  readonly tfjs: string;
  /** Folder of node-api-headers. */
  readonly headers: string;
}

/** What the addon is made from; changes with every version that goes into it. */
export function addonMadeFrom({ tfjs, headers }: AddonSources, libraries: string): string {
  return `tfjs-node-gpu ${versionOf(tfjs)}\nnode-api-headers ${versionOf(headers)}\n${libraries}`;
}

/**
 * Makes sure that `folder` holds the compiled addon, whole.
 * @param libraries Folder with TensorFlow's libraries and headers, as `installLibraries` leaves it.
 * @param compiler The C++ compiler's command.
 * @throws {SetupError} One sentence: what is missing or wrong, and what to do.
 */
export async function buildAddon(
  { folder, libraries, sources, madeFrom, compiler, report }: {
    folder: string;
    libraries: string;
    sources: AddonSources;
    madeFrom: string;
    compiler: string;
    report: Report;
  },
): Promise<void> {
  if (isWhole(folder, madeFrom)) return;
  const partial = await makePartial(folder);
  report.show(`Compiling the addon with ${compiler} (about 20 s) ...`);
  const tensorflow = join(libraries, "tensorflow");
  let output;
  try {
    output = await new Deno.Command(compiler, {
      cwd: join(sources.tfjs, "binding"),
      args: [
        "-O2",
        "-std=c++17",
        "-fPIC",
        "-shared",
        "-DNAPI_VERSION=8",
        "tfjs_backend.cc",
        "tfjs_binding.cc",
      ]
        .concat(`-I${join(tensorflow, "include")}`, `-I${join(sources.headers, "include")}`)
        .concat(`-L${tensorflow}`, "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2")
        // From lib/napi-v8, where the package looks for its addon.
        .concat("-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", join(partial, ADDON)),
      stdin: "null",
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new SetupError(
      `The C++ compiler ${compiler} is missing: install it, on Debian and Ubuntu with \`apt-get install g++\`, ` +
        "or name another one in the environment variable CXX.",
    );
  }
  if (!output.success) {
    const text = new TextDecoder().decode(output.stderr);
    const reason = text.split("\n").find((line) => line.includes("error")) ?? text.trim().split("\n").at(-1);
    throw new SetupError(
      `${compiler} could not compile the addon (${reason?.trim()}): a compiler for C++17 is needed.`,
    );
  }
  await writeStamp(partial, madeFrom);
  await putInPlace(partial, folder);
}

/** Tells whether the package in node_modules holds this addon and leads to these libraries. */
export function isLinked(tfjs: string, addon: string, libraries: string): boolean {
  try {
    const { link, target } = placesIn(tfjs);
    return Deno.readLinkSync(link) === join(libraries, "tensorflow") &&
      sameBytes(Deno.readFileSync(target), Deno.readFileSync(join(addon, ADDON)));
  } catch {
    return false;
  }
}

/** Puts the addon and the way to the libraries into the package; a reinstall of node_modules takes both away. */
export async function linkAddon(tfjs: string, addon: string, libraries: string): Promise<void> {
  const { link, target } = placesIn(tfjs);
  for (const place of [link, target]) await Deno.mkdir(dirname(place), { recursive: true });
  const partialLink = `${link}.${Deno.pid}.partial`;
  await remove(partialLink);
  await Deno.symlink(join(libraries, "tensorflow"), partialLink);
  await Deno.rename(partialLink, link);
  // A copy, since Deno follows links before it loads an addon, and the way to the libraries starts at its folder.
  const partialAddon = `${target}.${Deno.pid}.partial`;
  await Deno.copyFile(join(addon, ADDON), partialAddon);
  await Deno.rename(partialAddon, target);
}

function placesIn(tfjs: string): { link: string; target: string } {
  return { link: join(tfjs, "deps", "lib"), target: join(tfjs, "lib", "napi-v8", ADDON) };
}

function versionOf(packageFolder: string): string {
  return JSON.parse(Deno.readTextFileSync(join(packageFolder, "package.json"))).version;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
