import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { dirname, join } from "node:path";
import { checkFloors, checkPortableTypes } from "../../tools/check_floors.ts";

/** A house in order; each test breaks one rule of it. */
const HOUSE: Record<string, string> = {
  "README.md": "# House\n",
  "LICENSE": "MIT\n",
  ".gitignore": "node_modules/\n",
  "deno.json": JSON.stringify({
    workspace: ["./train", "./web", "./serve", "./tools", "./tests"],
    compilerOptions: { strict: true },
  }),
  "mod.ts": `export { au } from "./web/facs.ts";\n`,
  "train/deno.json": JSON.stringify({ name: "@emoco/train", version: "0.1.0", exports: "./emoco.ts" }),
  "train/emoco.ts": `import { au } from "../web/facs.ts";\nimport "node:fs";\nexport const n = au;\n`,
  "web/deno.json": JSON.stringify({ name: "@emoco/web", version: "0.1.0", exports: "./facs.ts" }),
  "web/facs.ts": `export const au = 12;\n`,
  "web/image.ts": `import "./facs.ts";\n`,
  "web/detector.ts": `import { au } from "./facs.ts";\nexport const one = au;\n`,
  "web/app.ts": `import "./detector.ts";\n`,
  "serve/deno.json": JSON.stringify({ name: "@emoco/serve", version: "0.1.0", exports: "./app.ts" }),
  "serve/app.ts": `// Deno.serve stays in main.ts.\nexport { one } from "../web/detector.ts";\n`,
  "serve/main.ts": `import "./app.ts";\nDeno.serve(() => new Response());\n`,
  "tools/deno.json": JSON.stringify({ name: "@emoco/tools", version: "0.1.0", exports: {} }),
  "tools/render.ts": `import "../train/emoco.ts";\nimport "../serve/app.ts";\n`,
  "tests/deno.json": JSON.stringify({ name: "@emoco/tests", version: "0.1.0", exports: {} }),
  "tests/a_test.ts": `import "../tools/render.ts";\n`,
};

let root: string;

async function write(file: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(join(root, file)), { recursive: true });
  await Deno.writeTextFile(join(root, file), text);
}

/** Adds lines to the house and gives the breaches found, as "file: rule". */
async function breachesWith(file: string, text: string): Promise<string[]> {
  await write(file, (HOUSE[file] ?? "") + text);
  return (await checkFloors(root)).map((found) => `${found.file}: ${found.rule}`);
}

describe("checkFloors", () => {
  beforeEach(async () => {
    root = await Deno.makeTempDir();
    for (const [file, text] of Object.entries(HOUSE)) await write(file, text);
  });
  afterEach(() => Deno.remove(root, { recursive: true }));

  it("finds nothing in a house in order", async () => {
    assertEquals(await checkFloors(root), []);
  });

  it("reports floor 0 when facs imports a package of Node", async () => {
    assertEquals(await breachesWith("web/facs.ts", `import "node:fs";\n`), ["web/facs.ts: floor 0"]);
  });

  it("reports floor 0 when image imports the detector, even as a type", async () => {
    const text = `import type { one } from "./detector.ts";\nexport type One = typeof one;\n`;
    assertEquals(await breachesWith("web/image.ts", text), ["web/image.ts: floor 0"]);
  });

  it("reports floor 1 when the detector imports the page", async () => {
    await write("web/app.ts", "export {};\n");
    assertEquals(await breachesWith("web/detector.ts", `import "./app.ts";\n`), ["web/detector.ts: floor 1"]);
  });

  it("reports floor 1 and the door when the detector loads an onnxruntime", async () => {
    const text = `await import("npm:onnxruntime-web@1.30.0");\n`;
    assertEquals(await breachesWith("web/detector.ts", text), [
      "web/detector.ts: floor 1",
      "web/detector.ts: onnxruntime door",
    ]);
  });

  it("reports page when the page imports serve", async () => {
    assertEquals(await breachesWith("web/app.ts", `import "../serve/app.ts";\n`), ["web/app.ts: page"]);
  });

  it("reports serve when serve imports the page or train", async () => {
    assertEquals(
      await breachesWith("serve/app.ts", `import "../web/app.ts";\nimport "../train/emoco.ts";\n`),
      [
        "serve/app.ts: serve",
        "serve/app.ts: serve",
      ],
    );
  });

  it("reports serve when a file other than main says Deno", async () => {
    assertEquals(await breachesWith("serve/app.ts", `Deno.exit();\n`), ["serve/app.ts: serve"]);
  });

  it("reports train when train imports the detector", async () => {
    assertEquals(await breachesWith("train/data.ts", `import "../web/detector.ts";\n`), [
      "train/data.ts: train",
    ]);
  });

  it("reports rooms when a lower room of train imports a higher one, not the other way round", async () => {
    await write("train/runs/a.ts", "/** The room `runs`: what stays. */\nexport const a = 1;\n");
    await write("train/nets/b.ts", `/** The room \`nets\`: parts. */\nexport { a } from "../runs/a.ts";\n`);
    assertEquals(await checkFloors(root), []);
    assertEquals(await breachesWith("train/runs/c.ts", `export { a } from "../nets/b.ts";\n`), [
      "train/runs/c.ts: rooms",
    ]);
  });

  it("reports rooms when a room stands on no floor or does not introduce itself", async () => {
    assertEquals(await breachesWith("train/attic/a.ts", "/** The room `attic`. */\nexport {};\n"), [
      "train/attic: rooms",
    ]);
    await Deno.remove(join(root, "train/attic"), { recursive: true });
    assertEquals(await breachesWith("train/runs/a.ts", "export {};\n"), ["train/runs: rooms"]);
  });

  it("reports a circle of values, not of types", async () => {
    await write("tools/a.ts", `import type { B } from "./b.ts";\nexport const a: B = 1;\n`);
    await write("tools/b.ts", `export { a } from "./a.ts";\nexport type B = number;\n`);
    assertEquals(await checkFloors(root), []);
    await write("tools/a.ts", `import { a as b } from "./b.ts";\nexport const a: number = b;\n`);
    assertEquals((await checkFloors(root)).map(({ rule }) => rule), ["circle"]);
  });

  it("reports roof when mod.ts opens train", async () => {
    assertEquals(await breachesWith("mod.ts", `export * from "./train/emoco.ts";\n`), ["mod.ts: roof"]);
  });

  it("reports tests when a tool imports a test", async () => {
    await write("tests/b_test.ts", "export {};\n");
    assertEquals(await breachesWith("tools/render.ts", `import "../tests/b_test.ts";\n`), [
      "tools/render.ts: tests",
    ]);
  });

  it("reports tools when train imports a tool", async () => {
    await write("tools/alone.ts", "export {};\n");
    assertEquals(await breachesWith("train/emoco.ts", `import "../tools/alone.ts";\n`), [
      "train/emoco.ts: train",
      "train/emoco.ts: tools",
    ]);
  });

  it("reports the tfjs door when a file takes tfjs by itself, not when it takes its types", async () => {
    const types =
      `import type { Tensor } from "npm:@tensorflow/tfjs-node-gpu@4.22.0";\nexport type T = Tensor;\n`;
    assertEquals(await breachesWith("train/losses.ts", types), []);
    const value = `import * as tf from "npm:@tensorflow/tfjs-node-gpu@4.22.0";\nexport const t = tf;\n`;
    assertEquals(await breachesWith("train/losses.ts", value), ["train/losses.ts: tfjs door"]);
    const door = "/** The room `engine`: TensorFlow. */\n" + value;
    assertEquals(await breachesWith("train/engine/backend.ts", door), ["train/losses.ts: tfjs door"]);
  });

  it("reports the tfjs door when serve takes the types of tfjs", async () => {
    const types =
      `import type { Tensor } from "npm:@tensorflow/tfjs-node-gpu@4.22.0";\nexport type T = Tensor;\n`;
    assertEquals(await breachesWith("serve/app.ts", types), ["serve/app.ts: tfjs door"]);
  });

  it("reports the onnxruntime door when train or the server's main imports it, not when its worker does", async () => {
    const text = `import "npm:onnxruntime-node@1.30.0";\n`;
    assertEquals(await breachesWith("serve/runtime.ts", text), []);
    assertEquals(await breachesWith("serve/main.ts", text), ["serve/main.ts: onnxruntime door"]);
    assertEquals(await breachesWith("train/onnx.ts", text), [
      "serve/main.ts: onnxruntime door",
      "train/onnx.ts: onnxruntime door",
    ]);
  });

  it("reports imports when a member's own map lacks a package", async () => {
    assertEquals(await breachesWith("web/app.ts", `import "sharp";\n`), ["web/app.ts: imports"]);
  });

  it("reports root imports when the root has an import map", async () => {
    await write("deno.json", JSON.stringify({ ...JSON.parse(HOUSE["deno.json"]), imports: {} }));
    assertEquals((await checkFloors(root)).map(({ file, rule }) => `${file}: ${rule}`), [
      "deno.json: root imports",
    ]);
  });

  it("reports length beyond 280 lines, and beyond 40 for mod.ts", async () => {
    assertEquals(await breachesWith("train/long.ts", "export {};\n".repeat(280)), []);
    assertEquals(await breachesWith("train/long.ts", "export {};\n".repeat(281)), ["train/long.ts: length"]);
    assertEquals(await breachesWith("mod.ts", "\n".repeat(40) + "export {};\n"), [
      "mod.ts: length",
      "train/long.ts: length",
    ]);
  });

  it("reports the top level when something is not in the plan", async () => {
    assertEquals(await breachesWith("utils/a.ts", ""), ["utils: top level"]);
  });
});

describe("checkPortableTypes", () => {
  beforeEach(async () => {
    root = await Deno.makeTempDir();
    for (const [file, text] of Object.entries(HOUSE)) await write(file, text);
  });
  afterEach(() => Deno.remove(root, { recursive: true }));

  it("is content with what a web worker has", async () => {
    await write("web/facs.ts", `export const au = new OffscreenCanvas(1, 1).width;\n`);
    assertEquals(await checkPortableTypes(root), "");
  });

  it("names the place where the browser-safe half says Deno", async () => {
    await write("web/facs.ts", `export const au = Deno.pid;\n`);
    const said = await checkPortableTypes(root);
    assertStringIncludes(said, "Cannot find name 'Deno'");
    assertStringIncludes(said, "facs.ts:1:19");
  });

  it("names the place where the browser-safe half says document", async () => {
    await write("web/detector.ts", `export const one = document.title;\n`);
    assertStringIncludes(await checkPortableTypes(root), "Cannot find name 'document'");
  });
});
