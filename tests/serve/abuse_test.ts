import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import sharp from "sharp";
import { answerSchema, errorSchema, protocolErrorSchema } from "../../serve/schemas.ts";
import { JPEG, readPortrait } from "./local.ts";
import { pngOf, writePng } from "./png_writer.ts";
import { startTiny } from "./tiny_server.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const ROUTES = [
  "/v1/detect",
  "/v1/stream",
  "/v1/model",
  "/v2",
  "/v2/health/live",
  "/v2/health/ready",
  "/v2/models/tiny",
  "/v2/models/tiny/ready",
  "/v2/models/tiny/infer",
  "/metrics",
  "/openapi.json",
  "/reference",
  "/",
];

describe("a server under abuse", () => {
  let server: Awaited<ReturnType<typeof startTiny>>, portrait: Bytes;
  beforeAll(async () => {
    [server, portrait] = await Promise.all([
      startTiny(["--workers=1", "--queue=30"]),
      readPortrait(),
    ]);
  });
  afterAll(async () => {
    assertEquals(server.served.log.filter(({ event }) => event === "error" || event === "worker"), []);
    assertEquals(server.served.errors, "");
    assertEquals(await server.end(), 0);
  });
  const post = (body: BodyInit, headers: HeadersInit = JPEG, path = "/v1/detect") =>
    fetch(server.url + path, { method: "POST", body, headers, redirect: "manual" });

  /** Whatever is answered is no accident of the server, and a refusal has the one shape. */
  async function assertSound(response: Response) {
    const text = await response.text();
    assert(response.status < 500, `${response.status}: ${text}`);
    const schema = new URL(response.url).pathname.startsWith("/v2") ? protocolErrorSchema : errorSchema;
    if (response.status >= 400 && text) schema.strict().parse(JSON.parse(text));
    return response.status;
  }

  it("answers or refuses any bytes, JSON and forms at every route, by any method", async () => {
    const headers = fc.record({
      "content-type": fc.oneof(
        fc.constantFrom(
          "image/jpeg",
          "image/png",
          "application/json",
          "multipart/form-data; boundary=x",
          "text/plain",
        ),
        fc.string({ unit: "grapheme-ascii", maxLength: 30 }).filter((text) => !/[^ -~]/.test(text)),
      ),
      "x-request-id": fc.string({ unit: "grapheme-ascii", maxLength: 300 }),
      authorization: fc.string({ unit: "grapheme-ascii", maxLength: 20 }),
    }, { requiredKeys: [] });
    const magic = fc.constantFrom([0xff, 0xd8, 0xff], [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], [
      0x52,
      0x49,
      0x46,
      0x46,
    ], []);
    const bytes = fc.tuple(magic, fc.uint8Array({ maxLength: 400 })).map(([start, rest]) =>
      Uint8Array.of(...start, ...rest)
    );
    const form = fc.array(
      fc.tuple(fc.oneof(fc.constant("image"), fc.string()), fc.oneof(fc.string(), bytes)),
      { maxLength: 5 },
    )
      .map((fields) => {
        const form = new FormData();
        for (const [name, value] of fields) {
          if (typeof value === "string") form.append(name, value);
          else form.append(name, new File([value], "file"));
        }
        return form;
      });
    const tensor = fc.record({
      inputs: fc.array(
        fc.record({
          name: fc.oneof(fc.constant("image"), fc.string()),
          shape: fc.array(fc.oneof(fc.constantFrom(1, 3, 32), fc.integer(), fc.double()), { maxLength: 5 }),
          datatype: fc.constantFrom("FP32", "INT8"),
          data: fc.array(fc.anything(), { maxLength: 5 }),
        }, { requiredKeys: [] }),
        { maxLength: 2 },
      ),
      outputs: fc.anything(),
    }, { requiredKeys: [] });
    const json = fc.oneof(
      fc.json(),
      tensor.map((value) => JSON.stringify(value, (_, part) => typeof part === "bigint" ? 0 : part)),
    );
    const body = fc.oneof(bytes, json, form);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ROUTES),
        fc.constantFrom("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"),
        headers,
        body,
        async (path, method, headers, body) => {
          const { "content-type": type, ...others } = headers;
          const sent = body instanceof FormData || type === undefined ? others : headers;
          const hasBody = method !== "GET" && method !== "HEAD";
          await assertSound(
            await fetch(server.url + path, {
              method,
              headers: sent as Record<string, string>,
              body: hasBody ? body : undefined,
              redirect: "manual",
            }),
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  it("answers or refuses pictures with any bytes changed or missing", async () => {
    const small = () => sharp(portrait).resize(64);
    const pictures = await Promise.all([
      small().jpeg().toBuffer(),
      small().jpeg({ progressive: true }).toBuffer(),
      small().png().toBuffer(),
      small().webp().toBuffer(),
      small().webp({ lossless: true }).toBuffer(),
    ]);
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...pictures),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.option(fc.nat(), { freq: 4 }),
        async (picture, changes, cut) => {
          const bytes = Uint8Array.from(picture);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          statuses.add(
            await assertSound(await post(cut === null ? bytes : bytes.slice(0, cut % bytes.length))),
          );
        },
      ),
      { numRuns: 100 },
    );
    assert(statuses.has(200) && statuses.has(422), [...statuses].join());
  });

  it("takes pictures of every ordinary kind, upright, and refuses the rest in a sentence", async () => {
    const image = () => sharp(portrait);
    const turned = sharp(await image().rotate(-90).png().toBuffer());
    const taken = {
      progressive: await image().jpeg({ progressive: true }).toBuffer(),
      grey: await image().greyscale().jpeg().toBuffer(),
      cmyk: await image().toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer(),
      png: await image().png().toBuffer(),
      "16 bits": await image().toColourspace("rgb16").png().toBuffer(),
      alpha: await image().ensureAlpha(0.9).png().toBuffer(),
      webp: await image().webp().toBuffer(),
      "turned by EXIF": await turned.withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    };
    for (const [kind, bytes] of Object.entries(taken)) {
      const answer = answerSchema.strict().parse(await (await post(Uint8Array.from(bytes))).json());
      const [{ faces }] = answer.images;
      assertEquals(faces.length, 1, kind);
      const [x, y] = faces[0].points.leftEye;
      assert(Math.hypot(x - 247, y - 104) < 6, `${kind}: left eye at ${x}, ${y}`);
    }

    const wide = Uint8Array.from(taken.progressive);
    const frame = wide.findIndex((byte, i) => byte === 0xff && wide[i + 1] === 0xc2);
    wide.set([20_000 >> 8, 20_000 & 255], frame + 7);
    const bombKind = { width: 12_000, height: 12_000, depth: 8, colour: 2, interlaced: false };
    const apng = await writePng(
      { width: 4, height: 4, depth: 8, colour: 2, interlaced: false, extra: [["acTL", new Uint8Array(8)]] },
      () => 9,
    );
    const frames = await sharp({ create: { width: 8, height: 16, channels: 3, background: "red" } }).png()
      .toBuffer();
    const animated = await sharp(frames, { pages: 1 }).webp().toBuffer();
    const vp8x = Uint8Array.from([...webpWithAnimation(animated)]);
    const refused: [string, Bytes, number, string][] = [
      ["nothing", new Uint8Array(), 400, "0 bytes"],
      ["cut off", portrait.slice(0, portrait.length >> 1), 422, "cut off"],
      ["bomb", pngOf(bombKind, new Uint8Array(440_000)), 413, "12000 x 12000"],
      ["20,000 wide", wide, 413, "20000 x 512"],
      ["animated PNG", apng, 415, "animated"],
      ["animated WebP", vp8x, 415, "animated"],
      ["GIF", new TextEncoder().encode("GIF89a..............."), 415, "not a JPEG"],
      ["text", new TextEncoder().encode("hello"), 415, "not a JPEG"],
    ];
    for (const [kind, bytes, status, message] of refused) {
      const response = await post(bytes);
      assertEquals(response.status, status, kind);
      assertStringIncludes(errorSchema.strict().parse(await response.json()).error.message, message);
    }
  });

  it("drops the work of clients that have gone", async () => {
    const from = server.served.log.length;
    // The first picture keeps the only worker busy for a while; the rest wait behind it and go.
    const form = new FormData();
    for (let i = 0; i < 12; i++) form.append("image", new File([portrait], "a.jpg"));
    const first = fetch(`${server.url}/v1/detect`, { method: "POST", body: form });
    const places = async () =>
      /^emoco_queue_places (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())![1];
    while (await places() === "0") await new Promise((resolve) => setTimeout(resolve, 5));
    const gone = new AbortController();
    const waiting = Array.from(
      { length: 20 },
      () =>
        fetch(`${server.url}/v1/detect`, {
          method: "POST",
          body: portrait,
          headers: JPEG,
          signal: gone.signal,
        })
          .then((response) => response.body?.cancel(), () => undefined),
    );
    while (Number(await places()) < 2) await new Promise((resolve) => setTimeout(resolve, 5)); // one waits at least
    gone.abort();
    await Promise.all(waiting);
    await (await first).body?.cancel();
    await server.served.logged(({ error }) => error === "client-gone", from);
    const settled = () => server.served.log.slice(from).filter(({ route }) => route === "/v1/detect").length;
    while (await places() !== "0" || settled() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const log = server.served.log.slice(from).filter(({ route }) => route === "/v1/detect");
    const dropped = log.filter(({ error }) => error === "client-gone");
    assert(dropped.length > 0 && dropped.every(({ faces }) => faces === undefined));
  });
});

/** A still WebP wrapped as its extended kind, with the flag that says it is animated. */
function webpWithAnimation(still: Uint8Array): Uint8Array {
  const chunk = [..."VP8X"].map((letter) => letter.charCodeAt(0)).concat(
    10,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    7,
    0,
    0,
    15,
    0,
    0,
  );
  const out = Uint8Array.of(...still.subarray(0, 12), ...chunk, ...still.subarray(12));
  new DataView(out.buffer).setUint32(4, out.length - 8, true);
  return out;
}
