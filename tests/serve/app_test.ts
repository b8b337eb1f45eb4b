import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { type AppOptions, createApp, type LogEntry } from "@emoco/serve";
import type { ImageDetector, LocalDetector } from "../../serve/image_detector.ts";
import { answerSchema, modelSchema } from "../../serve/schemas.ts";
import { assertRefused, JPEG, openLocal, readPortrait } from "./local.ts";
import sharp from "sharp";
import { writeTinyModel } from "../web/tiny_model.ts";
import { TINY_OUTPUTS } from "../web/tiny_outputs.ts";
import { TINY, tinyFiles } from "./tiny_server.ts";

describe("the app", () => {
  let detector: LocalDetector, portrait: Uint8Array<ArrayBuffer>, app: ReturnType<typeof createApp>;
  const withOptions = (options: AppOptions) => createApp(detector, options);
  const post = (body: BodyInit, headers: HeadersInit = JPEG, path = "/v1/detect", asked = app) =>
    Promise.resolve(asked.request(path, { method: "POST", body, headers }));

  beforeAll(async () => {
    [detector, portrait] = await Promise.all([openLocal(), readPortrait()]);
    app = withOptions({});
  });

  it("answers a picture with its face, its action units and emotions", async () => {
    const response = await post(portrait);
    assertEquals(response.status, 200);
    const answer = answerSchema.strict().parse(await response.json());
    assertEquals(answer.model, { name: "tiny", version: "1.0.0" });
    assertEquals(answer.engine, "wasm");
    assertEquals(answer.images.length, 1);
    const [{ width, height, faces }] = answer.images;
    assertEquals([width, height, faces.length], [512, 512, 1]);
    assertEquals(faces[0].aus.map(({ au, name }) => [au, name]), [[12, "Lip corner puller"], [
      4,
      "Brow lowerer",
    ]]);
    for (const { probability, threshold, present } of faces[0].aus) {
      assertEquals(present, probability >= threshold);
    }
    const emotions = Object.values(faces[0].emotions!);
    assertAlmostEquals(emotions.reduce((sum, value) => sum + value), 1, 1e-5);
    const [x, y] = faces[0].points.leftEye;
    assert(Math.hypot(x - 247, y - 104) < 6, `left eye at ${x}, ${y}`);
  });

  it("answers what else a model knows of a face, as its description says", async () => {
    const model = writeTinyModel({ ...TINY, outputs: TINY_OUTPUTS }, 32);
    const outputs = Object.keys(TINY_OUTPUTS) as (keyof typeof TINY_OUTPUTS)[];
    const aus = [{ au: 12, threshold: 0.5, calibration: [2, 1] as const }, { au: 4, threshold: 0.3 }];
    const knowing = createApp(await openLocal(await tinyFiles({ outputs, aus }, model)), {});
    const answer = answerSchema.strict().parse(
      await (await post(portrait, JPEG, "/v1/detect", knowing)).json(),
    );
    const [face] = answer.images[0].faces;
    assertEquals(face.aus.map(({ present }) => present === null), [false, true]);
    assertEquals([face.points68!.length, face.pose!.pitch, face.warnings], [68, -7, ["covered"]]);
    assertEquals(Object.keys(face.gaze!), ["left", "right"]);
    assertAlmostEquals(face.openness!.mouth, 0.3, 1e-6);
    const { card } = modelSchema.parse(await (await knowing.request("/v1/model")).json());
    assertEquals([card.outputs, card.aus[0].calibration], [outputs, [2, 1]]);
    const metadata = await (await knowing.request("/v2/models/tiny")).json();
    const shapes = metadata.outputs.map((
      { name, shape }: { name: string; shape: number[] },
    ) => [name, ...shape]);
    assertEquals(shapes.slice(3), [
      ["points", -1, 68, 2],
      ["pose", -1, 3],
      ["gaze", -1, 2, 2],
      ["openness", -1, 3],
      ["visible", -1, 2],
    ]);
  });

  it("answers several pictures of a form in order, those without a face with none", async () => {
    const form = new FormData();
    form.append("image", new File([await sharp(blank(90, 70)).png().toBuffer()], "a.png"));
    form.append("image", new File([portrait], "b.jpg", { type: "image/jpeg" }));
    const response = await app.request("/v1/detect", { method: "POST", body: form });
    const answer = answerSchema.strict().parse(await response.json());
    assertEquals(answer.images.map(({ width, height, faces }) => [width, height, faces.length]), [
      [90, 70, 0],
      [512, 512, 1],
    ]);
  });

  it("refuses what is no picture, in one shape, with the number of the picture in a form", async () => {
    await assertRefused(await post("hello"), 415, "image-unsupported", "not a JPEG, PNG or WebP");
    await assertRefused(await post(""), 400, "image-empty", "0 bytes");
    await assertRefused(await post(portrait.slice(0, 9000)), 422, "image-broken", "cut off");
    await assertRefused(await post(portrait, { "content-type": "text/plain" }), 415, "unsupported-type");
    await assertRefused(await post(portrait, {}), 415, "unsupported-type");
  });

  it("answers the others of a form beside pictures that cannot be read, and refuses where none can be", async () => {
    const send = (...files: [content: BlobPart, name: string][]) => {
      const form = new FormData();
      for (const [content, name] of files) form.append("image", new File([content], name));
      return Promise.resolve(app.request("/v1/detect", { method: "POST", body: form }));
    };
    const cut = portrait.slice(0, 9000);
    const response = await send(["hello", "a.txt"], [portrait, "b.jpg"], ["", "c.jpg"], [cut, "d.jpg"]);
    assertEquals(response.status, 200);
    const { images } = answerSchema.strict().parse(await response.json());
    assertEquals(
      images.map(({ name, width, faces, error }) => [name, width, faces.length, error?.code]),
      [
        ["a.txt", 0, 0, "image-unsupported"],
        ["b.jpg", 512, 1, undefined],
        ["c.jpg", 0, 0, "image-empty"],
        ["d.jpg", 0, 0, "image-broken"],
      ],
    );
    assertStringIncludes(images[3].error!.message, "The image is cut off");
    assertEquals(Object.keys(images[1]), ["name", "width", "height", "faces"]);
    await assertRefused(
      await send(["hello", "a.txt"], [cut, "d.jpg"]),
      415,
      "image-unsupported",
      "Image 1 of 2: ",
    );
    await assertRefused(await send([cut, "d.jpg"]), 422, "image-broken", "cut off");
  });

  it("refuses forms that hold no pictures, something else, or too many", async () => {
    const send = (form: FormData) =>
      Promise.resolve(app.request("/v1/detect", { method: "POST", body: form }));
    const form = new FormData();
    await assertRefused(await send(form), 400, "bad-request", "must be a file");
    form.append("image", "text");
    await assertRefused(await send(form), 400, "bad-request", "must be a file");
    form.set("image", new File([portrait], "a.jpg"));
    form.append("other", new File([portrait], "a.jpg"));
    await assertRefused(await send(form), 400, "bad-request", '"other"');
    const many = new FormData();
    for (let i = 0; i < 17; i++) many.append("image", new File(["x"], "a.jpg"));
    await assertRefused(await send(many), 413, "too-many-images", "17 images, at most 16");
    await assertRefused(await post("no form", { "content-type": "multipart/form-data" }), 400, "bad-request");
  });

  it("refuses a body longer than 8 MB, announced or not", async () => {
    await assertRefused(await post(new Uint8Array(8_000_001)), 413, "body-too-large", "8 MB");
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 100_000;
        controller.enqueue(new Uint8Array(100_000));
      },
    });
    await assertRefused(await post(endless), 413, "body-too-large");
    assert(sent < 9_000_000, `read ${sent} bytes`);
  });

  it("refuses a body that does not arrive in time", async () => {
    const quick = withOptions({ deadlineMs: 100 });
    const stalled = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(portrait) });
    await assertRefused(await post(stalled, JPEG, "/v1/detect", quick), 408, "body-late");
  });

  it("refuses what finds the queue full, and what is not answered in time", async () => {
    const asked: AbortSignal[] = [];
    const stuck: ImageDetector = {
      engine: "wasm",
      card: detector.card,
      concurrency: 1,
      detect: (_, signal) => {
        asked.push(signal!);
        return new Promise(() => {});
      },
      infer: () => new Promise(() => {}),
    };
    const full = createApp(stuck, { queue: 1, deadlineMs: 60_000 }), gone = new AbortController();
    const waiting = [1, 2].map(() =>
      full.request("/v1/detect", { method: "POST", body: portrait, headers: JPEG, signal: gone.signal })
    );
    const places = async () =>
      /^emoco_queue_places (\d+)$/m.exec(await (await full.request("/metrics")).text())![1];
    while (await places() !== "2") await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = await post(portrait, JPEG, "/v1/detect", full);
    assertEquals(refused.headers.get("retry-after"), "1");
    await assertRefused(refused, 503, "busy");
    gone.abort();
    for (const { status } of await Promise.all(waiting)) assertEquals(status, 499);
    const late = createApp(stuck, { deadlineMs: 100 });
    await assertRefused(await post(portrait, JPEG, "/v1/detect", late), 504, "deadline");
    assertEquals(asked.map(({ aborted }) => aborted), [true, true], "the one that waited never began");
  });

  it("drops the work of a client that has gone", async () => {
    const gone = new AbortController();
    let signal: AbortSignal | undefined;
    const slow: ImageDetector = {
      engine: "wasm",
      card: detector.card,
      concurrency: 1,
      detect: (_, given) => {
        signal = given;
        gone.abort();
        return new Promise(() => {});
      },
      infer: () => new Promise(() => {}),
    };
    const lines: LogEntry[] = [];
    const response = await createApp(slow, { log: (line) => lines.push(line) })
      .request("/v1/detect", { method: "POST", body: portrait, headers: JPEG, signal: gone.signal });
    assertEquals([response.status, signal?.aborted, lines[0].error], [499, true, "client-gone"]);
  });

  it("says what model it serves", async () => {
    const { engine, card } = modelSchema.strict().parse(await (await app.request("/v1/model")).json());
    assertEquals([engine, card.name, card.aus.length], ["wasm", "tiny", 2]);
  });
});

function blank(width: number, height: number) {
  return { create: { width, height, channels: 3 as const, background: "#888" } };
}
