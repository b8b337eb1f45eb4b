import { assert, assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { hc } from "hono/client";
import type { AppType } from "@emoco/serve";
import { answerSchema } from "../../serve/schemas.ts";
import { taskCommand } from "../../tools/served.ts";
import { JPEG, readPortrait } from "./local.ts";
import { startTiny } from "./tiny_server.ts";

describe("deno task serve", () => {
  let server: Awaited<ReturnType<typeof startTiny>>, portrait: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    [server, portrait] = await Promise.all([
      startTiny(["--workers=2", "--queue=6", "--token=secret"]),
      readPortrait(),
    ]);
  });
  afterAll(async () => {
    assertEquals(await server.end(), 0);
  });
  const headers = { ...JPEG, authorization: "Bearer secret" };

  it("has no more permissions than it lists: no writing, no programs, no network beyond this machine", () => {
    const allowed = taskCommand("serve").args.filter((argument) => /^(-A|--allow)/.test(argument));
    assertEquals(allowed.map((argument) => argument.split("=")[0]).sort(), [
      "--allow-env",
      "--allow-ffi",
      "--allow-net",
      "--allow-read",
    ]);
    assertEquals(
      allowed.find((argument) => argument.startsWith("--allow-net")),
      "--allow-net=127.0.0.1,localhost,0.0.0.0,[::],[::1]",
    );
  });

  it("says which engine answers in its log, its card and its answers", async () => {
    const { engine, workers } = await server.served.logged(({ event }) => event === "open");
    assertEquals([engine, workers], ["native", 2]);
    assertEquals((await (await fetch(`${server.url}/v1/model`, { headers })).json()).engine, "native");
    const response = await fetch(`${server.url}/v1/detect`, { method: "POST", body: portrait, headers });
    assertEquals(answerSchema.strict().parse(await response.json()).engine, "native");
  });

  it("answers Hono's typed client", async () => {
    const client = hc<AppType>(server.url, { headers: { authorization: "Bearer secret" } });
    const image = new File([portrait], "portrait.jpg");
    const response = await client.v1.detect.$post({ form: { image: [image, image] } });
    assert(response.status === 200);
    const { images } = await response.json();
    assertEquals(images.map(({ faces }) => faces.length), [1, 1]);
    assertEquals(images[0].faces[0].aus[0].name, "Lip corner puller");
    const model = await client.v1.model.$get();
    assert(model.status === 200);
    assertEquals((await model.json()).card.name, "tiny");
  });

  it("shows its reference page, which names no other origin", async () => {
    for (
      const path of ["/reference", "/reference/start.js", "/reference/script.js", "/reference/style.css"]
    ) {
      const response = await fetch(server.url + path, { headers });
      assertEquals(response.status, 200, path);
      assertStringIncludes(response.headers.get("content-security-policy")!, "default-src 'none'");
      const text = await response.text();
      assert(text.length > 50);
      if (path !== "/reference/script.js") assertNotMatch(text, /(src|href|url)[=(]["']?https?:/);
    }
  });

  it("wants the right token", async () => {
    for (const authorization of ["Bearer wrong", ""]) {
      const response = await fetch(`${server.url}/v1/detect`, {
        method: "POST",
        body: portrait,
        headers: { ...JPEG, authorization },
      });
      assertEquals(response.status, 401);
      await response.body?.cancel();
    }
  });

  it("says in one sentence why it does not start", async () => {
    const port = new URL(server.url).port;
    const folder = server.folder;
    for (
      const [options, sentence] of [
        [["--model=/nowhere"], /^error: There is no \/nowhere\/emoco\.onnx\. .+\n$/],
        [[`--model=${folder}`, `--port=${port}`], /^error: Port \d+ of 127\.0\.0\.1 is taken: .+\n$/],
        [[`--model=${folder}`, "--host=10.1.2.3"], /^error: 10\.1\.2\.3 is not among the addresses .+\n$/],
      ] as const
    ) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...taskCommand("serve").args, ...options],
        cwd: fileURLToPath(new URL("../..", import.meta.url)),
      }).output();
      assertMatch(new TextDecoder().decode(stderr).replace(/^.*waiting for file lock.*\n/gm, ""), sentence);
      assert(code === 1 || code === 2, `${options}: ${code}`);
    }
  });
});
