import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isLinked, linkAddon } from "../../../tools/setup/addon.ts";
import { LIBRARY, missing } from "./tiny_wheel.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
let scratch: string;

/** Builds the addon from no libraries in a process of its own, since PATH is read where a process starts. */
async function buildWith(path: string): Promise<string> {
  const program = join(scratch, "build.ts");
  const [addon, stamp] = ["addon", "stamp"].map((name) =>
    new URL(`../../../tools/setup/${name}.ts`, import.meta.url)
  );
  await Deno.writeTextFile(
    program,
    `import { buildAddon } from "${addon}";
     import { SetupError } from "${stamp}";
     const [folder, libraries, tfjs, headers] = Deno.args;
     const report = { say() {}, show() {} };
     try {
       await buildAddon({ folder, libraries, sources: { tfjs, headers }, madeFrom: "it", compiler: "g++", report });
     } catch (error) {
       console.log(error instanceof SetupError, error.message);
     }`,
  );
  const packages = ["@tensorflow/tfjs-node-gpu", "node-api-headers"].map((name) =>
    join(ROOT, "node_modules", name)
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--no-check", "--allow-read", "--allow-write", "--allow-run", program]
      .concat(join(scratch, "addon"), join(scratch, "libraries"), packages),
    env: { NO_COLOR: "1", PATH: path },
  }).output();
  return new TextDecoder().decode(stdout);
}

describe("buildAddon", () => {
  beforeEach(async () => {
    scratch = await Deno.makeTempDir();
  });
  afterEach(() => Deno.remove(scratch, { recursive: true }));

  it("says what to install when there is no compiler", async () => {
    const said = await buildWith(scratch);
    assertStringIncludes(said, "true The C++ compiler g++ is missing: install it");
    assertStringIncludes(said, "apt-get install g++");
    assertEquals(await missing(join(scratch, "addon")), true);
  });

  it("gives the compiler's reason when it fails, and leaves nothing that looks finished", async () => {
    const said = await buildWith(Deno.env.get("PATH") ?? "");
    assertStringIncludes(said, "true g++ could not compile the addon");
    assertStringIncludes(said, "tensorflow/c"); // The header it has not found.
    assertEquals(await missing(join(scratch, "addon")), true);
  });
});

describe("linkAddon", () => {
  beforeEach(async () => {
    scratch = await Deno.makeTempDir();
    await Deno.mkdir(join(scratch, "addon"));
    await Deno.mkdir(join(scratch, "libraries/tensorflow"), { recursive: true });
    await Deno.writeTextFile(join(scratch, "addon/tfjs_binding.node"), "addon");
    await Deno.writeTextFile(join(scratch, "libraries", LIBRARY), "library");
  });
  afterEach(() => Deno.remove(scratch, { recursive: true }));

  const places = () => [join(scratch, "tfjs"), join(scratch, "addon"), join(scratch, "libraries")] as const;

  it("leads from the package to addon and libraries", async () => {
    assertEquals(isLinked(...places()), false);
    await linkAddon(...places());
    assertEquals(isLinked(...places()), true);
    assertEquals(await Deno.readTextFile(join(scratch, "tfjs/deps/lib/libtensorflow_cc.so.2")), "library");
    assertEquals(await Deno.readTextFile(join(scratch, "tfjs/lib/napi-v8/tfjs_binding.node")), "addon");
  });

  it("is seen to be gone after a reinstall, and to be old after a new build", async () => {
    await linkAddon(...places());
    await Deno.writeTextFile(join(scratch, "addon/tfjs_binding.node"), "newer");
    assertEquals(isLinked(...places()), false);
    await linkAddon(...places());
    assertEquals(isLinked(...places()), true);
    await Deno.remove(join(scratch, "tfjs"), { recursive: true });
    assertEquals(isLinked(...places()), false);
  });
});
