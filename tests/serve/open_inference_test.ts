import { assertAlmostEquals, assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { createApp } from "@emoco/serve";
import { inferResponseSchema } from "../../serve/schemas.ts";
import { assertProtocolRefused, openLocal } from "./local.ts";
import { TINY } from "./tiny_server.ts";

describe("the app by the Open Inference Protocol", () => {
  let app: ReturnType<typeof createApp>;
  const post = (body: BodyInit, headers: HeadersInit, path: string) =>
    Promise.resolve(app.request(path, { method: "POST", body, headers }));

  beforeAll(async () => {
    app = createApp(await openLocal());
  });

  it("speaks the Open Inference Protocol", async () => {
    const get = async (path: string) => await (await app.request(path)).json();
    assertEquals(await get("/v2/health/live"), { live: true });
    assertEquals(await get("/v2/health/ready"), { ready: true });
    assertEquals((await get("/v2")).name, "emoco");
    assertEquals(await get("/v2/models/tiny/ready"), { ready: true });
    const { inputs, outputs } = await get("/v2/models/tiny");
    assertEquals(inputs, [{ name: "image", datatype: "FP32", shape: [-1, 3, 32, 32] }]);
    assertEquals(outputs.map(({ name }: { name: string }) => name), [
      "probabilities",
      "features",
      "emotions",
    ]);

    // Two faces of one colour each, so that the tiny model's mean is that colour.
    const colours = [[0.2, -0.3, 0.5], [1, 0, -0.5]];
    const data = colours.flatMap((colour) => colour.flatMap((value) => Array<number>(32 * 32).fill(value)));
    const infer = (body: unknown) =>
      post(JSON.stringify(body), { "content-type": "application/json" }, "/v2/models/tiny/infer");
    const input = { name: "image", shape: [2, 3, 32, 32], datatype: "FP32", data };
    const response = await infer({ id: "7", inputs: [input], outputs: [{ name: "probabilities" }] });
    assertEquals(response.status, 200);
    const answer = inferResponseSchema.strict().parse(await response.json());
    assertEquals([answer.model_name, answer.model_version, answer.id], ["tiny", "1.0.0", "7"]);
    const [{ name, shape, data: probabilities }] = answer.outputs;
    assertEquals([answer.outputs.length, name, shape], [1, "probabilities", [2, 2]]);
    colours.forEach((rgb, face) =>
      TINY.bias.forEach((bias, au) => {
        const logit = bias + rgb.reduce((sum, value, c) => sum + value * TINY.weights[c][au], 0);
        assertAlmostEquals(probabilities![face * 2 + au], 1 / (1 + Math.exp(-logit)), 1e-5);
      })
    );
    const rows = (size: number, values: number[]) =>
      Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size));
    const nested = rows(3, rows(32, rows(32, data) as never) as never);
    const again = await (await infer({ inputs: [{ ...input, data: nested }] })).json();
    assertEquals(again.outputs.map(({ name }: { name: string }) => name), [
      "probabilities",
      "features",
      "emotions",
    ]);
    assertEquals(again.outputs[0].data, probabilities);

    await assertProtocolRefused(
      await infer({ inputs: [{ ...input, shape: [2, 3, 16, 16] }] }),
      400,
      "[N, 3, 32, 32]",
    );
    await assertProtocolRefused(
      await infer({ inputs: [{ ...input, data: data.slice(1) }] }),
      400,
      "6144 numbers",
    );
    await assertProtocolRefused(
      await infer({ inputs: [{ ...input, data: [null, ...data.slice(1)] }] }),
      400,
      "FP32",
    );
    await assertProtocolRefused(
      await infer({ inputs: [input], outputs: [{ name: "x" }] }),
      400,
      "no output",
    );
    await assertProtocolRefused(await infer({ inputs: [] }), 400);
    await assertProtocolRefused(
      await post("{", { "content-type": "application/json" }, "/v2/models/tiny/infer"),
      400,
    );
    await assertProtocolRefused(
      await post("{}", {}, "/v2/models/tiny/infer"),
      415,
      "application/json",
    );
    await assertProtocolRefused(await app.request("/v2/models/other"), 404, '"tiny"');
    await assertProtocolRefused(await app.request("/v2/models/tiny/versions/2"), 404, '"1.0.0"');
    await assertProtocolRefused(await app.request("/v2/nowhere"), 404, "nothing at this address");
    await assertProtocolRefused(await app.request("/v2/models/tiny/infer"), 405, "POST only");
    assertEquals(await get("/v2/models/tiny/versions/1.0.0/ready"), { ready: true });
    assertEquals(await get("/v2/models/tiny/versions/1.0.0"), await get("/v2/models/tiny"));
  });

  it("holds nested data to the shape, dimension by dimension", async () => {
    const zeros = (...shape: number[]): unknown =>
      shape.length === 0 ? 0 : Array.from({ length: shape[0] }, () => zeros(...shape.slice(1)));
    const infer = (shape: number[], data: unknown) =>
      post(
        JSON.stringify({ inputs: [{ name: "image", shape, datatype: "FP32", data }] }),
        { "content-type": "application/json" },
        "/v2/models/tiny/versions/1.0.0/infer",
      );
    assertEquals((await infer([2, 3, 32, 32], zeros(2, 3, 32, 32))).status, 200);
    assertEquals((await infer([2, 3, 32, 32], zeros(2 * 3 * 32 * 32))).status, 200);
    const wrong = [[2, 32, 32, 3], [2, 3, 1024], [6, 32, 32], [2, 3072], [1, 3, 32, 32], [2, 3, 16, 64], [
      1,
      6144,
    ]];
    for (const shape of wrong) {
      await assertProtocolRefused(await infer([2, 3, 32, 32], zeros(...shape)), 400, "nested as its shape");
    }
    const ragged = zeros(1, 3, 32, 32) as number[][][][];
    ragged[0][1][5] = ragged[0][1][5].slice(1);
    ragged[0][1][6].push(0);
    await assertProtocolRefused(await infer([1, 3, 32, 32], ragged), 400, "nested as its shape");
    await assertProtocolRefused(await infer([1, 3, 32, 32], zeros(1, 3, 32, 32, 1)), 400, "finite FP32");
  });

  it("takes and gives tensors as bytes, JSON without Content-Type, and packed bodies", async () => {
    const length = 3 * 32 * 32, values = Float32Array.from({ length }, (_, i) => (i % 7 - 3) / 4);
    const path = "/v2/models/tiny/infer";
    const input = { name: "image", shape: [1, 3, 32, 32], datatype: "FP32" };
    const asJson = new TextEncoder().encode(JSON.stringify({ inputs: [{ ...input, data: [...values] }] }));
    const plain = await (await post(asJson, {}, path)).json();
    assertEquals(plain.outputs.length, 3);
    for (const encoding of ["gzip", "deflate"] as const) {
      const packed = new Response(new Blob([asJson]).stream().pipeThrough(new CompressionStream(encoding)));
      assertEquals(
        await (await post(await packed.arrayBuffer(), { "content-encoding": encoding }, path)).json(),
        plain,
      );
    }
    await assertProtocolRefused(await post(asJson, { "content-encoding": "br" }, path), 415, "gzip");
    await assertProtocolRefused(
      await post(asJson, { "content-encoding": "gzip" }, path),
      400,
      "Content-Encoding",
    );

    const send = (size: number, data: Uint8Array, more: Record<string, unknown> = {}, header?: string) => {
      const json = new TextEncoder().encode(
        JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: size } }], ...more }),
      );
      return post(
        new Blob([json, data as Uint8Array<ArrayBuffer>]),
        {
          "inference-header-content-length": header ?? `${json.length}`,
          "content-type": "application/octet-stream",
        },
        path,
      );
    };
    const bytes = new Uint8Array(values.buffer);
    assertEquals(await (await send(bytes.length, bytes)).json(), plain);
    const answer = await send(bytes.length, bytes, {
      outputs: [{ name: "emotions" }, { name: "probabilities", parameters: { binary_data: true } }],
    });
    assertEquals(answer.headers.get("content-type"), "application/octet-stream");
    const whole = new Uint8Array(await answer.arrayBuffer());
    const count = Number(answer.headers.get("inference-header-content-length"));
    const { outputs } = JSON.parse(new TextDecoder().decode(whole.subarray(0, count)));
    assertEquals(outputs, [
      plain.outputs[2],
      { name: "probabilities", shape: [1, 2], datatype: "FP32", parameters: { binary_data_size: 8 } },
    ]);
    assertEquals([...new Float32Array(whole.slice(count).buffer)], plain.outputs[0].data);
    const all = await send(bytes.length, bytes, { parameters: { binary_data_output: true } });
    assertEquals(all.headers.get("content-type"), "application/octet-stream");
    await all.body?.cancel();

    await assertProtocolRefused(await send(bytes.length, bytes.subarray(4)), 400, "bytes as its shape says");
    await assertProtocolRefused(await send(bytes.length - 4, bytes), 400, "bytes as its shape says");
    await assertProtocolRefused(await send(bytes.length, bytes, {}, "999999"), 400, "bytes of JSON");
    await assertProtocolRefused(await send(bytes.length, bytes, {}, "x"), 400, "bytes of JSON");
    await assertProtocolRefused(await send(bytes.length, bytes, {}, "10"), 400, "JSON");
    const bad = values.slice();
    bad[9] = NaN;
    await assertProtocolRefused(await send(bytes.length, new Uint8Array(bad.buffer)), 400, "finite FP32");
    const neither = new TextEncoder().encode(JSON.stringify({ inputs: [input] }));
    await assertProtocolRefused(await post(neither, {}, path), 400, 'either "data" or');
  });
});
