import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { basename, join } from "node:path";
import { installLibraries, librariesMadeFrom, type Report } from "../../../tools/setup/libraries.ts";
import { isWhole, SetupError } from "../../../tools/setup/stamp.ts";
import type { Engine } from "../../../tools/setup/wheels.ts";
import { HEADER, LIBRARY, missing, writeWheel } from "./tiny_wheel.ts";

let scratch: string, folder: string, downloads: string, wheelPath: string, engine: Engine;
let said: string[];
const report: Report = { say: (line) => said.push(line), show: (line) => said.push(line) };

const install = (given?: string) => installLibraries({ folder, engine, downloads, given, report });
const sizeOf = async (path: string) => (await Deno.stat(join(folder, path))).size;

describe("installLibraries", () => {
  beforeEach(async () => {
    scratch = await Deno.makeTempDir();
    folder = join(scratch, "libraries");
    downloads = join(scratch, "downloads");
    wheelPath = join(scratch, "tiny-1-py3-none-any.whl");
    await Deno.mkdir(downloads);
    engine = await writeWheel(wheelPath);
    said = [];
  });
  afterEach(() => Deno.remove(scratch, { recursive: true }));

  it("unpacks what is asked for and nothing else", async () => {
    await install(wheelPath);
    assertEquals(await sizeOf(LIBRARY), 300_000);
    assertEquals(await sizeOf(HEADER), 13);
    assertEquals(await missing(join(folder, "tensorflow/python")), true);
    assert(isWhole(folder, librariesMadeFrom(engine)));
  });

  it("does nothing more once all is in place", async () => {
    await install(wheelPath);
    said = [];
    await install("/nowhere");
    assertEquals(said, []);
  });

  it("puts a truncated library right", async () => {
    await install(wheelPath);
    await Deno.truncate(join(folder, LIBRARY), 1000);
    assertEquals(isWhole(folder, librariesMadeFrom(engine)), false);
    await install(wheelPath);
    assertEquals(await sizeOf(LIBRARY), 300_000);
  });

  it("puts a missing header right", async () => {
    await install(wheelPath);
    await Deno.remove(join(folder, HEADER));
    await install(wheelPath);
    assertEquals(await sizeOf(HEADER), 13);
  });

  it("takes nothing over from a set-up that was killed while unpacking", async () => {
    const left = `${folder}.4321.partial`;
    await Deno.mkdir(join(left, "tensorflow"), { recursive: true });
    await Deno.writeTextFile(join(left, LIBRARY), "half");
    await install(wheelPath);
    assertEquals(await sizeOf(LIBRARY), 300_000);
    assertEquals(await missing(left), true);
  });

  it("takes a folder without a stamp for unfinished", async () => {
    await install(wheelPath);
    await Deno.remove(join(folder, "stamp.json"));
    said = [];
    await install(wheelPath);
    assert(said.some((line) => line.startsWith("Unpacking")));
  });

  it("refuses a wheel whose sha256 is not the pinned one, and installs nothing", async () => {
    const bytes = await Deno.readFile(wheelPath);
    bytes[100] ^= 1;
    await Deno.writeFile(wheelPath, bytes);
    const error = await assertRejects(() => install(wheelPath), SetupError, "has the sha256");
    assertStringIncludes(error.message, engine.wheels[0].sha256);
    assertStringIncludes(error.message, "nothing of it was installed");
    assertEquals(await missing(folder), true);
  });

  it("goes on with the wheel that an interrupted set-up has downloaded", async () => {
    await Deno.copyFile(wheelPath, join(downloads, basename(wheelPath)));
    await install();
    assertEquals(await sizeOf(LIBRARY), 300_000);
    assertEquals(await missing(join(downloads, basename(wheelPath))), true);
  });

  it("says so in one sentence when the wheel named does not exist", async () => {
    await assertRejects(() => install("/nowhere"), SetupError, "--wheel=/nowhere does not exist");
  });

  it("says so in one sentence when the disk is too small", async () => {
    engine = { ...engine, bytes: 1e18 };
    const error = await assertRejects(() => install(wheelPath), SetupError, "TensorFlow needs");
    assertStringIncludes(error.message, "XDG_CACHE_HOME");
  });
});
