import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import edge, { createEdge } from "@emoco/serve/edge";
import { buildEdge } from "../../tools/build_edge.ts";
import { HostedEdge } from "../../tools/edge/hosted.ts";
import { answerSchema, errorSchema } from "../../serve/schemas.ts";
import { JPEG, readPortrait } from "./local.ts";
import { openDetector } from "../../tools/detect/open.ts";
import { writePng } from "./png_writer.ts";
import { assertSameFaces } from "./same_faces.ts";
import { tinyFiles, writeModelFolder } from "./tiny_server.ts";

describe("the edge", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await writeModelFolder(folder, await tinyFiles());
    await Deno.copyFile(
      new URL("../../web/model/blazeface.onnx", import.meta.url),
      `${folder}/blazeface.onnx`,
    );
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("answers a picture when it may do nothing but read, and listen for this test", async () => {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--unstable-no-legacy-abort",
        "--allow-read",
        "--allow-net=127.0.0.1",
        fileURLToPath(new URL("edge_server.ts", import.meta.url)),
        folder,
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    try {
      const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const url = `http://127.0.0.1:${(await lines.read()).value!.trim()}`;
      await lines.cancel();
      const response = await fetch(`${url}/v1/detect`, {
        method: "POST",
        body: await readPortrait(),
        headers: JPEG,
      });
      const answer = answerSchema.strict().parse(await response.json());
      assertEquals([answer.engine, answer.images[0].faces.length], ["wasm", 1]);
      assertEquals((await (await fetch(`${url}/v2/health/ready`)).json()).ready, true);
    } finally {
      process.kill("SIGTERM");
      await process.status;
    }
  });

  it("answers as a built folder too, with the permission to read that folder alone", async () => {
    const parent = await Deno.makeTempDir();
    const edge = await buildEdge(`${parent}/edge`, { model: folder }), hosted = await HostedEdge.start(edge);
    try {
      const answer = answerSchema.strict().parse(await hosted.detect(await readPortrait()));
      assertEquals([answer.engine, answer.images[0].faces.length], ["wasm", 1]);
      const licences = await Deno.readTextFile(`${edge.folder}/licences.txt`);
      for (const part of [/^hono \d/m, /^zod \d/m, /^prom-client \d/m, /^@jsquash\/jpeg \d/m]) {
        assertMatch(licences, part);
      }
      const refused = await fetch(`${hosted.url}/v1/detect`, { method: "POST", body: "no picture" });
      assertEquals(errorSchema.parse(await refused.json()).error.code, "unsupported-type");
    } finally {
      await hosted.end();
      await Deno.remove(parent, { recursive: true });
    }
  });

  for (const target of ["node", "workerd"] as const) {
    it(`answers on ${target} what the native engine answers`, async () => {
      const parent = await Deno.makeTempDir();
      const hosted = await HostedEdge.start(await buildEdge(`${parent}/edge`, { target }));
      try {
        const photo = await readPortrait();
        const answer = answerSchema.strict().parse(await hosted.detect(photo));
        assertEquals([answer.engine, answer.images.length], ["wasm", 1]);
        const { detector, decoder } = await openDetector();
        assertSameFaces(answer.images[0].faces, (await detector.detect(await decoder.decode(photo))).faces);
        const png = await fetch(`${hosted.url}/v1/detect`, {
          method: "POST",
          body: await writePng({ width: 40, height: 40, depth: 8, colour: 2, interlaced: false }, () => 90),
          headers: { "content-type": "image/png" },
        });
        assertEquals([png.status, (await png.json()).images[0].faces], [200, []]);
        const broken = await fetch(`${hosted.url}/v1/detect`, {
          method: "POST",
          body: photo.subarray(0, 3000),
          headers: JPEG,
        });
        assertEquals(errorSchema.parse(await broken.json()).error.code, "image-broken");
        if (target === "workerd") {
          const { heap, buffers, shared } = await hosted.isolate();
          assert(shared > 10e6, `${shared} bytes are less than the models take: something else was measured`);
          assert(heap + buffers + shared < 128e6, `${heap} + ${buffers} + ${shared} bytes`);
        }
      } finally {
        await hosted.end();
        await Deno.remove(parent, { recursive: true });
      }
    });
  }

  it("says 503 while its model cannot be loaded, and tries again", async () => {
    const elsewhere = await Deno.makeTempDir();
    const lines: unknown[] = [];
    const late = createEdge({ model: new URL(`file://${elsewhere}/`), log: (line) => lines.push(line) });
    const refused = await late.fetch(new Request("http://edge/v1/model"));
    assertEquals([refused.status, errorSchema.parse(await refused.json()).error.code], [503, "not-ready"]);
    // The files are read side by side: any of them may be the first that is missed.
    assert(/emoco|blazeface/.test(JSON.stringify(lines)), JSON.stringify(lines));
    for (const name of ["emoco.onnx", "emoco.json", "blazeface.onnx"]) {
      await Deno.copyFile(`${folder}/${name}`, `${elsewhere}/${name}`);
    }
    assertEquals((await late.fetch(new Request("http://edge/v1/model"))).status, 200);
    await Deno.remove(elsewhere, { recursive: true });
  });

  it("is a module with fetch as its default", () => {
    assertEquals(typeof edge.fetch, "function");
  });
});
