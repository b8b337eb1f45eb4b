/**
 * `deno task setup`: puts a current TensorFlow under tfjs-node-gpu, whose own install step would fetch one of 2022.
 *
 * The C library comes out of the Python wheel, the addon is compiled against it; both are kept in the user's cache and
 * linked into node_modules, so further clones need no download. When all is in place it says so in well under a second,
 * which lets every training task depend on it.
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonMadeFrom, type AddonSources, buildAddon, isLinked, linkAddon } from "./setup/addon.ts";
import { fromHere } from "./files/from_here.ts";
import { installLibraries, librariesMadeFrom, type Report } from "./setup/libraries.ts";
import { isWhole, lockFolder, remove, SetupError, writeWhole } from "./setup/stamp.ts";
import { CPU, CUDA, type Engine, TENSORFLOW_VERSION } from "./setup/wheels.ts";

const USAGE = `deno task setup [options]: puts TensorFlow ${TENSORFLOW_VERSION} in place for training.
  --cuda          with the CUDA 12 libraries (the first choice where an NVIDIA driver is found)
  --cpu           without them
  --wheel=<path>  a wheel, or a folder of wheels, to take instead of downloading
  --cache=<path>  where to keep it (default: emoco in XDG_CACHE_HOME or ~/.cache)
What was chosen last stays chosen.`;

interface Options {
  engine?: Engine;
  wheel?: string;
  cache?: string;
}

async function setup(options: Options, report: Report): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new SetupError(
      `Training needs Linux on x86-64 (on Windows: WSL 2) and this is ${Deno.build.os} on ${Deno.build.arch}; ` +
        "finding AUs with a trained model runs here all the same.",
    );
  }
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = await npmPackages(root, report);
  const before = chosenBefore(sources);
  const engine = options.engine ?? before?.engine ?? (hasNvidiaDriver() ? CUDA : CPU);
  const folder = join(
    options.cache ?? before?.cache ?? defaultCache(),
    `tensorflow-${TENSORFLOW_VERSION}-${engine.name}`,
  );
  const libraries = join(folder, "libraries"), addon = join(folder, "addon");
  const madeFrom = addonMadeFrom(sources, librariesMadeFrom(engine));
  // Stands in node_modules and names what was proven to run, so it goes and changes together with it.
  const proofPath = join(sources.tfjs, "deps", "proven.json");
  const proof = createHash("sha256").update(`${folder}\n${Deno.version.deno}\n${madeFrom}`).digest("hex");

  const isReady = () =>
    isWhole(libraries, librariesMadeFrom(engine)) && isWhole(addon, madeFrom) &&
    isLinked(sources.tfjs, addon, libraries) && readOr(proofPath, "").startsWith(proof);
  const device = () => readOr(proofPath, "").split("\n")[1];
  if (isReady()) {
    return report.say(`TensorFlow ${TENSORFLOW_VERSION} (${engine.name}) is in place: ${device()}.`);
  }

  using _lock = await lockFolder(folder, report.say);
  const { say } = report;
  if (!isWhole(libraries, librariesMadeFrom(engine))) {
    say(`Setting up TensorFlow ${TENSORFLOW_VERSION} (${engine.name}) in ${folder}, once per machine.`);
    await installLibraries({ folder: libraries, engine, downloads: folder, given: options.wheel, report });
  }
  const wasBuilt = isWhole(addon, madeFrom);
  const build = () =>
    buildAddon({
      folder: addon,
      libraries,
      sources,
      madeFrom,
      compiler: Deno.env.get("CXX") ?? "g++",
      report,
    });
  await build();
  await linkAddon(sources.tfjs, addon, libraries);
  report.show("Running an operation in a fresh process ...");
  let found = await prove(root);
  if ("error" in found && wasBuilt) {
    // A cache shared with another machine may hold an addon for other system libraries than this one's.
    await remove(addon);
    await build();
    await linkAddon(sources.tfjs, addon, libraries);
    found = await prove(root);
  }
  if ("error" in found) throw new SetupError(`TensorFlow is in place but does not run here: ${found.error}`);
  if (engine === CUDA && found.device.startsWith("CPU")) {
    say(
      "The CUDA libraries are in place, but TensorFlow finds no GPU on this machine; it will run on the CPU.",
    );
  }
  await writeWhole(proofPath, `${proof}\n${found.device}\n`);
  say(`TensorFlow ${TENSORFLOW_VERSION} (${engine.name}) is in place and runs: ${found.device}.`);
}

/** Folders of the npm packages, installed from the lock file if node_modules lacks them. */
async function npmPackages(root: string, { say }: Report): Promise<AddonSources> {
  const find = () => ({
    tfjs: Deno.realPathSync(join(root, "node_modules", "@tensorflow", "tfjs-node-gpu")),
    headers: Deno.realPathSync(join(root, "node_modules", "node-api-headers")),
  });
  try {
    return find();
  } catch {
    say("Installing the npm packages ...");
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["install"], cwd: root })
      .output();
    if (!success) {
      const reason = new TextDecoder().decode(stderr).trim().split("\n")[0];
      throw new SetupError(
        `The npm packages could not be installed (${reason}): check the network and run this again.`,
      );
    }
    return find();
  }
}

function hasNvidiaDriver(): boolean {
  try {
    Deno.dlopen("libcuda.so.1", {}).close();
    return true;
  } catch {
    return false;
  }
}

/** The set-up that node_modules leads to, so that --cuda, --cpu and --cache last until another choice is made. */
function chosenBefore({ tfjs }: AddonSources): { engine: Engine; cache: string } | undefined {
  try {
    const link = Deno.readLinkSync(join(tfjs, "deps", "lib"));
    const folder = dirname(dirname(link));
    const engine = [CPU, CUDA].find(({ name }) =>
      basename(folder) === `tensorflow-${TENSORFLOW_VERSION}-${name}`
    );
    if (engine && Deno.statSync(folder).isDirectory) return { engine, cache: dirname(folder) };
  } catch {
    // A first set-up, or one whose cache was removed.
  }
}

async function prove(root: string): Promise<{ device: string } | { error: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--allow-env", "--allow-ffi", join(root, "tools", "setup", "prove.ts")],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  if (success) return JSON.parse(text.decode(stdout));
  const lines = text.decode(stderr).split("\n").filter((line) => line.trim() !== "");
  // The last cause is the loader's own sentence.
  return {
    error: (lines.findLast((line) => /^(Caused by|error:)/.test(line)) ?? lines.at(-1) ?? "no output").trim(),
  };
}

function readOr(path: string, otherwise: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return otherwise;
  }
}

function parseOptions(args: readonly string[]): Options {
  const options: Options = {};
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(USAGE);
    Deno.exit(0);
  }
  for (const arg of args) {
    const [name, value] = arg.split(/=(.*)/s);
    if (arg === "--cuda") options.engine = CUDA;
    else if (arg === "--cpu") options.engine = CPU;
    else if (name === "--wheel" && value) options.wheel = fromHere(value);
    else if (name === "--cache" && value) options.cache = fromHere(value);
    else throw new SetupError(`${arg} is not an option of setup.\n${USAGE}`);
  }
  return options;
}

function defaultCache(): string {
  return join(Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? ".", ".cache"), "emoco");
}

/** On a terminal the current step stands on one line that is written over; elsewhere each step is told once. */
function terminalReport(): Report {
  const live = Deno.stdout.isTerminal();
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
  let step = "";
  return {
    say: (line) => write(`${live ? "\r\x1b[K" : ""}${line}\n`),
    show: (line) => {
      if (live) return write(`\r\x1b[K${line}`);
      const [name, numbers] = line.split(":");
      if (name !== step) write(numbers ? `${name} ...\n` : `${line}\n`);
      step = name;
    },
  };
}

if (import.meta.main) {
  try {
    await setup(parseOptions(Deno.args), terminalReport());
  } catch (error) {
    const isOfTheMachine = error instanceof SetupError || error instanceof Deno.errors.PermissionDenied ||
      /os error (28|30)/.test(String(error)); // disk full, disk read-only
    if (!isOfTheMachine) throw error;
    console.error(`\nsetup: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
