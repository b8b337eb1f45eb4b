/**
 * TensorFlow's C library: fetched by pip, held to its sha256, unpacked into the cache.
 * @module
 */
import { createHash } from "node:crypto";
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isWhole, makePartial, putInPlace, remove, SetupError, writeStamp } from "./stamp.ts";
import type { Engine, Wheel } from "./wheels.ts";

/** Shows what happens: `say` a line that stays, `show` one that the next replaces on a terminal. */
export interface Report {
  say(line: string): void;
  show(line: string): void;
}

/** What the libraries of an engine are made from; changes with every pin and every path taken. */
export function librariesMadeFrom(engine: Engine): string {
  return engine.wheels.map(({ file, sha256, prefixes }) => [file, sha256, ...prefixes].join(" ")).join("\n");
}

/**
 * Makes sure that `folder` holds the engine's libraries, whole.
 * @param downloads Folder for the wheels while they are needed.
 * @param given Wheel, or folder of wheels, to take instead of downloading.
 * @throws {SetupError} One sentence: what is missing or wrong, and what to do.
 */
export async function installLibraries(
  { folder, engine, downloads, given, report }: {
    folder: string;
    engine: Engine;
    downloads: string;
    given?: string;
    report: Report;
  },
): Promise<void> {
  if (isWhole(folder, librariesMadeFrom(engine))) return;
  const partial = await makePartial(folder);
  requireSpace(downloads, engine.bytes);
  const wheels: { wheel: Wheel; path: string }[] = [];
  for (const wheel of engine.wheels) {
    wheels.push({ wheel, path: await obtain(wheel, downloads, given, report) });
  }
  for (const { wheel, path } of wheels) await unpack(wheel, path, partial, report);
  await writeStamp(partial, librariesMadeFrom(engine));
  await putInPlace(partial, folder);
  for (const { wheel } of wheels) await remove(join(downloads, wheel.file));
}

/** Path of the wheel, its sha256 checked. */
async function obtain(
  wheel: Wheel,
  downloads: string,
  given: string | undefined,
  report: Report,
): Promise<string> {
  const local = given && pathIn(given, wheel);
  if (local) {
    await requireSha256(local, wheel, report);
    return local;
  }
  const path = join(downloads, wheel.file);
  if (exists(path)) {
    // Left by a set-up that was interrupted; pip copies files to their place, so it may be a part.
    try {
      await requireSha256(path, wheel, report);
      return path;
    } catch {
      await remove(path);
    }
  }
  await download(wheel, downloads, report);
  try {
    await requireSha256(path, wheel, report);
  } catch (error) {
    await remove(path);
    throw error;
  }
  return path;
}

function pathIn(given: string, wheel: Wheel): string | undefined {
  if (!exists(given)) {
    throw new SetupError(`--wheel=${given} does not exist; name a wheel or a folder of wheels.`);
  }
  const path = Deno.statSync(given).isDirectory ? join(given, wheel.file) : given;
  return exists(path) ? path : undefined;
}

async function download(wheel: Wheel, downloads: string, { say }: Report): Promise<void> {
  await requirePip();
  say(`Downloading ${wheel.name} ${wheel.version} (${megabytes(wheel.bytes)}) with pip ...`);
  const platforms = ["manylinux_2_27", "manylinux_2_25", "manylinux2014", "manylinux_2_17", "manylinux2010"];
  const { success } = await new Deno.Command("python3", {
    args: [
      "-m",
      "pip",
      "download",
      "--no-deps",
      "--only-binary=:all:",
      "--disable-pip-version-check",
    ]
      // On a terminal pip's own bar shows how far it is.
      .concat(Deno.stdout.isTerminal() ? [] : ["--quiet"])
      .concat("--python-version=3.11", `--dest=${downloads}`)
      .concat(
        platforms.map((platform) => `--platform=${platform}_x86_64`),
        `${wheel.name}==${wheel.version}`,
      ),
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  if (!success || !exists(join(downloads, wheel.file))) {
    throw new SetupError(
      `pip could not fetch ${wheel.name} ${wheel.version} (what it said stands above): check the network and pip's ` +
        `index settings and run this again, or bring ${wheel.file} from elsewhere and give its path as --wheel=<path>.`,
    );
  }
}

async function requirePip(): Promise<void> {
  try {
    const { success } = await new Deno.Command("python3", { args: ["-m", "pip", "--version"] }).output();
    if (success) return;
    throw new SetupError(
      "Python's pip is missing: install it, on Debian and Ubuntu with `apt-get install python3-pip`.",
    );
  } catch (error) {
    throw pythonMissing(error);
  }
}

function pythonMissing(error: unknown): unknown {
  if (!(error instanceof Deno.errors.NotFound)) return error;
  return new SetupError(
    "python3 is missing (its pip fetches TensorFlow's library): install it, on Debian and Ubuntu with `apt-get install python3-pip`.",
  );
}

async function requireSha256(path: string, wheel: Wheel, { show }: Report): Promise<void> {
  show(`Checking the sha256 of ${wheel.file} ...`);
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const block = new Uint8Array(1 << 22);
  for (let read = await file.read(block); read !== null; read = await file.read(block)) {
    hash.update(block.subarray(0, read));
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== wheel.sha256) {
    throw new SetupError(
      `${path} has the sha256 ${sha256}, but ${wheel.sha256} is pinned for ${wheel.file}: it is another file or was ` +
        "altered on its way, so nothing of it was installed; remove it and run this again.",
    );
  }
}

async function unpack(wheel: Wheel, path: string, folder: string, { show }: Report): Promise<void> {
  const script = fileURLToPath(new URL("./extract.py", import.meta.url));
  let process;
  try {
    process = new Deno.Command("python3", {
      args: ["-I", script, path, folder, ...wheel.prefixes],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw pythonMissing(error);
  }
  const failure = new Response(process.stderr).text();
  let rest = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    const [written, total] = (lines.at(-1) ?? "").split(" ").map(Number);
    if (total > 0) {
      show(`Unpacking ${wheel.name}: ${megabytes(written)} of ${megabytes(total)} ...`);
    }
  }
  if (!(await process.status).success) {
    const reason = (await failure).trim().split("\n").at(-1);
    throw new SetupError(`${wheel.file} could not be unpacked into ${folder} (${reason}).`);
  }
}

function requireSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free < bytes) {
    throw new SetupError(
      `TensorFlow needs ${megabytes(bytes)} on the disk of ${folder} and ${megabytes(free)} are free: ` +
        "free some, or set XDG_CACHE_HOME to a folder on a larger disk.",
    );
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** "274 MB". */
export function megabytes(bytes: number): string {
  return bytes >= 1e10 ? `${(bytes / 1e9).toFixed(0)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
