/** The npm package as its users meet it: installed by npm, run by Node, bundled by Vite, opened in Chromium. */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { publint } from "publint";
import { answerSchema } from "../../serve/schemas.ts";
import { openDetector } from "../../tools/detect/open.ts";
import { npm } from "../../tools/npm_packages.ts";
import { pack, type Packed } from "../../tools/pack.ts";
import { pageServer } from "../../tools/web.ts";
import { cameraOf, startChromium } from "../../tools/web/browser.ts";
import { writeY4m } from "../../tools/web/film.ts";
import { JPEG, readPortrait } from "../serve/local.ts";
import { assertSameFaces } from "../serve/same_faces.ts";
import { readSmile } from "../web/page/smile.ts";

/** What a project has beside the package. */
const BESIDE = ["vite@7.3.6", "@hono/node-server@2.1.9", "typescript@5.9.3", "@types/node@22.20.5"];

/** A user's program that names the types; what it expects of them is an error when it is not so. */
const TYPED = `
import { ACTION_UNITS, AuDetector, type OrtLike } from "emoco";
import { openDetector, type SeenPhoto } from "emoco/node";
import type { AppType } from "emoco/serve";
import { readCamera } from "emoco/web";
import { hc } from "hono/client";
import * as ort from "onnxruntime-web";

const first: number = ACTION_UNITS[0].au;
const runtime: OrtLike = ort as unknown as OrtLike;
const seen: SeenPhoto = await (await openDetector()).detect("photo.jpg");
for await (const { faces, time } of readCamera(document.createElement("video"))) {
  const id: number = faces[0].id, probability: number = faces[0].aus[0].probability;
  console.log(id, probability, time, first, runtime, seen.faces.length, AuDetector.load);
}
const response = await hc<AppType>("http://127.0.0.1").v1.detect.$post({ form: { image: [] } });
if (response.ok) {
  const score: number = (await response.json()).images[0].faces[0].score;
  // @ts-expect-error: the answer has no such field, and is not of type any
  console.log(score, (await response.json()).pictures);
}
`;

describe("the npm package", () => {
  let packed: Packed, parent: string, project: string;
  let programs: Record<string, string>;
  const run = async (command: string, ...args: string[]) => {
    const options = { args, cwd: project, stdin: "null" as const, env: { NO_COLOR: "1" } };
    const { code, stdout, stderr } = await new Deno.Command(command, options).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };
  beforeAll(async () => {
    parent = await Deno.makeTempDir();
    packed = await pack(parent);
    project = join(parent, "project");
    await Deno.mkdir(project);
    await Deno.writeTextFile(join(project, "package.json"), '{ "type": "module", "private": true }');
    await npm(project, "install", "--prefer-offline", "--ignore-scripts", packed.file, ...BESIDE);
    await Deno.writeFile(join(project, "photo.jpg"), await readPortrait());
    const readme = await Deno.readTextFile(join(project, "node_modules/emoco/README.md"));
    const blocks = readme.matchAll(/```js\n(\/\/ (\w+\.js)\n.*?)```/gs);
    programs = Object.fromEntries(Array.from(blocks, ([, code, name]) => [name, code]));
    for (const [name, code] of Object.entries(programs)) await Deno.writeTextFile(join(project, name), code);
  });
  afterAll(() => Deno.remove(parent, { recursive: true }));

  it("has three programs in its README, of which that for a photo takes five lines", () => {
    assertEquals(Object.keys(programs), ["photo.js", "camera.js", "server.js"]);
    const lines = programs["photo.js"].split("\n").filter((line) =>
      /\w/.test(line) && !line.startsWith("//")
    );
    assertEquals(lines.length, 5);
  });

  it("is in order for publint, and its types for attw wherever modules are known", async () => {
    const { messages } = await publint({ pkgDir: packed.folder, strict: true });
    assertEquals(messages, []);
    const checked = await checkPackage(createPackageFromTarballData(await Deno.readFile(packed.file)));
    assert(checked.types, "attw finds types");
    // CommonJS cannot require it, which is the point of "type": "module"; node10 is older than "exports".
    const problems = checked.problems.filter((problem) =>
      !("resolutionKind" in problem) || ["node16-esm", "bundler"].includes(problem.resolutionKind)
    );
    assertEquals(problems, []);
    assertEquals(Object.keys(checked.entrypoints), [
      ".",
      "./node",
      "./web",
      "./serve",
      "./model/*",
      "./package.json",
    ]);
  });

  it("types a strict program, the client of the server included", async () => {
    await Deno.writeTextFile(join(project, "typed.ts"), TYPED);
    const options = [
      "--strict",
      "--noEmit",
      "--skipLibCheck",
      "--target",
      "esnext",
      "--lib",
      "esnext,dom,dom.asynciterable",
    ];
    const resolution = ["--module", "nodenext", "--moduleResolution", "nodenext", "--types", "node"];
    const { stdout } = await run(
      "node",
      "node_modules/typescript/bin/tsc",
      ...options,
      ...resolution,
      "typed.ts",
    );
    assertEquals(stdout, "");
  });

  it("prints a photo's action units in Node", async () => {
    const { stdout, stderr } = await run("node", "photo.js");
    assertEquals(stderr, "");
    const { detector, decoder } = await openDetector();
    const { faces: [face] } = await detector.detect(await decoder.decode(await readPortrait()));
    const printed = stdout.trim().split("\n").map((line) => line.match(/^AU(\d+) (.*) (\d\.\d\d)$/)!);
    assertEquals(
      printed.map(([, au, name]) => [Number(au), name]),
      face.aus.map(({ au, name }) => [au, name]),
    );
    for (const [i, [, , , value]] of printed.entries()) {
      assert(Math.abs(Number(value) - face.aus[i].probability) < 0.03, printed[i][0]);
    }
  });

  it("brings the program emoco: a table, the server's answer, or a sentence", async () => {
    const { stdout } = await run("npx", "emoco", "detect", "photo.jpg", "--json");
    const answer = answerSchema.strict().parse(JSON.parse(stdout));
    const { detector, decoder } = await openDetector();
    const { faces } = await detector.detect(await decoder.decode(await readPortrait()));
    assertSameFaces(answer.images[0].faces, faces);
    assertEquals(answer.engine, "wasm");
    const both = await run("npx", "emoco", "detect", "photo.jpg", "package.json");
    assertEquals(both.code, 1);
    assertStringIncludes(both.stdout, "photo.jpg: 512 x 512, 1 face");
    assertMatch(both.stderr, /^package\.json: .*JPEG, PNG.*\.$/m);
  });

  it("serves over HTTP", async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr;
    listener.close();
    const options = { args: ["server.js"], cwd: project, env: { PORT: `${port}` }, stdout: "piped" as const };
    const server = new Deno.Command("node", options).spawn();
    try {
      const ready = async (): Promise<Response> => {
        try {
          return await fetch(`http://127.0.0.1:${port}/v1/detect`, {
            method: "POST",
            body: await readPortrait(),
            headers: JPEG,
          });
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 100));
          return await ready();
        }
      };
      const answer = answerSchema.strict().parse(await (await ready()).json());
      assertEquals(answer.images[0].faces.length, 1);
    } finally {
      server.kill();
      assertStringIncludes(
        await server.output().then(({ stdout }) => new TextDecoder().decode(stdout)),
        '"status":200',
      );
    }
  });

  it("reads a camera in Chromium, built by Vite: the filmed smile comes and goes", async () => {
    const page =
      '<!DOCTYPE html><video></video><output></output><script type="module" src="camera.js"></script>';
    await Deno.writeTextFile(join(project, "index.html"), page);
    const built = await run("node", "node_modules/vite/bin/vite.js", "build");
    assertEquals(built.code, 0, built.stderr);
    const film = await Deno.makeTempFile({ dir: parent, suffix: ".y4m" });
    await writeY4m(film, (await readSmile()).map(({ jpeg }) => jpeg), 8);
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      pageServer(join(project, "dist"), {}).fetch,
    );
    const browser = await startChromium(cameraOf(film));
    try {
      const tab = await browser.newPage();
      tab.setDefaultTimeout(180_000); // a busy machine is slow, not broken
      const errors: string[] = [];
      tab.on("pageerror", ({ message }) => errors.push(message));
      await tab.goto(`http://127.0.0.1:${server.addr.port}/`);
      const shows = (pattern: string) =>
        tab.waitForFunction(`${pattern}.test(document.querySelector("output").textContent)`);
      await shows("/^face 1:.*AU12/");
      await shows("/^face 1:(?!.*AU12)/");
      assertEquals(errors, []);
    } finally {
      await browser.close();
      await server.shutdown();
    }
  });
});
