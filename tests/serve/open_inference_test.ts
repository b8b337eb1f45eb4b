import { assertAlmostEquals, assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { createApp } from "@emoco/serve";
import { inferResponseSchema } from "../../serve/schemas.ts";
import { assertRefused, openLocal } from "./local.ts";
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
        assertAlmostEquals(probabilities[face * 2 + au], 1 / (1 + Math.exp(-logit)), 1e-5);
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

    await assertRefused(
      await infer({ inputs: [{ ...input, shape: [2, 3, 16, 16] }] }),
      400,
      "bad-request",
      "[N, 3, 32, 32]",
    );
    await assertRefused(
      await infer({ inputs: [{ ...input, data: data.slice(1) }] }),
      400,
      "bad-request",
      "6144 numbers",
    );
    await assertRefused(
      await infer({ inputs: [{ ...input, data: [null, ...data.slice(1)] }] }),
      400,
      "bad-request",
      "FP32",
    );
    await assertRefused(
      await infer({ inputs: [input], outputs: [{ name: "x" }] }),
      400,
      "bad-request",
      "no output",
    );
    await assertRefused(await infer({ inputs: [] }), 400, "bad-request");
    await assertRefused(
      await post("{", { "content-type": "application/json" }, "/v2/models/tiny/infer"),
      400,
      "bad-request",
    );
    await assertRefused(
      await post("{}", {}, "/v2/models/tiny/infer"),
      415,
      "unsupported-type",
      "application/json",
    );
    await assertRefused(await app.request("/v2/models/other"), 404, "no-such-model", '"tiny"');
  });
});
