import { assert, assertEquals, assertThrows } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { createApp, type LogEntry } from "@emoco/serve";
import fc from "fast-check";
import sharp, { type JpegOptions } from "sharp";
import { ApiError } from "../../serve/api_error.ts";
import type { ImageDetector, LocalDetector } from "../../serve/image_detector.ts";
import { JpegFrames } from "../../serve/jpeg_frames.ts";
import { answerSchema, errorSchema } from "../../serve/schemas.ts";
import { assertRefused, openLocal, readPortrait } from "./local.ts";

type Bytes = Uint8Array<ArrayBuffer>;

async function jpeg(width: number, height: number, options: JpegOptions = {}): Promise<Bytes> {
  const noise = { type: "gaussian" as const, mean: 128, sigma: 60 };
  const image = sharp({ create: { width, height, channels: 3, background: "#888", noise } });
  return new Uint8Array(await image.jpeg(options).toBuffer());
}

/** A JPEG with another one inside an APP1 segment, as cameras store a thumbnail. */
function withThumbnail(picture: Bytes, thumbnail: Bytes): Bytes {
  const length = thumbnail.length + 2;
  return join(
    picture.slice(0, 2),
    Uint8Array.of(0xff, 0xe1, length >> 8, length & 255),
    thumbnail,
    picture.slice(2),
  );
}

function join(...parts: Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

describe("JpegFrames", () => {
  let pictures: Bytes[];
  beforeAll(async () => {
    const [baseline, progressive, small] = await Promise.all([
      jpeg(40, 30),
      jpeg(33, 21, { progressive: true }),
      jpeg(8, 8),
    ]);
    pictures = [
      baseline,
      progressive,
      withThumbnail(baseline, small),
      join(baseline.slice(0, 2), Uint8Array.of(0xff), baseline.slice(2)),
    ];
  });

  it("gives back the pictures that were joined, however the bytes are cut", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 12 });
    const orders = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(cuts, orders, (cuts, order) => {
        const sent = order.map((i) => pictures[i]), all = join(...sent);
        const frames = new JpegFrames(1e6), got: Uint8Array[] = [];
        let from = 0;
        for (const cut of [...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length]) {
          got.push(...frames.push(all.subarray(from, cut)));
          from = cut;
        }
        assertEquals(got, sent);
        assertEquals(frames.pending, 0);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps what is not whole, byte by byte", () => {
    const frames = new JpegFrames(1e6), all = join(pictures[2], pictures[0]);
    const got = [...all].flatMap((byte) => [...frames.push(Uint8Array.of(byte))]);
    assertEquals(got, [pictures[2], pictures[0]]);
    assertEquals([...frames.push(pictures[1].subarray(0, 50))], []);
    assertEquals(frames.pending, 50);
  });

  it("refuses what is no JPEG, and a picture longer than the limit before it is whole", () => {
    assertThrows(
      () => [...new JpegFrames(1e6).push(new TextEncoder().encode("hello"))],
      ApiError,
      "must be JPEG",
    );
    const frames = new JpegFrames(1e6);
    assertThrows(() => [...frames.push(join(pictures[0], Uint8Array.of(1, 2)))], ApiError, "must be JPEG");
    assertThrows(() => [...new JpegFrames(500).push(pictures[0].subarray(0, 501))], ApiError, "longer than");
  });
});

describe("POST /v1/stream", () => {
  let detector: LocalDetector, portrait: Bytes, blank: Bytes;
  const lines = async (response: Response) =>
    (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));

  beforeAll(async () => {
    [detector, portrait, blank] = await Promise.all([openLocal(), readPortrait(), jpeg(90, 60)]);
  });

  it("answers each frame with a line, in order, a broken one with an error of its own", async () => {
    const broken = blank.slice();
    broken.fill(0, 2, 3); // no marker after the first: the stream cannot be followed any further
    const log: LogEntry[] = [];
    const app = createApp(detector, { log: (entry) => log.push(entry) });
    const undecodable = join(Uint8Array.of(0xff, 0xd8, 0xff, 0xda, 0, 2, 0xff, 0xd9)); // cut like a frame, but empty
    const response = await app.request("/v1/stream", {
      method: "POST",
      body: join(portrait, undecodable, blank),
    });
    assertEquals(response.headers.get("content-type"), "application/x-ndjson");
    const [first, second, third, ...more] = await lines(response);
    assertEquals(more, []);
    const { frame, ...answer } = first;
    assertEquals([frame, answerSchema.strict().parse(answer).images[0].faces.length], [0, 1]);
    assertEquals(second.frame, 1);
    assertEquals(errorSchema.parse(second).error.code, "image-broken");
    assertEquals([third.frame, third.images[0].width, third.images[0].faces.length], [2, 90, 0]);
    assertEquals(log.find(({ event }) => event === "stream")?.frames, 3);

    const rest = await lines(
      await app.request("/v1/stream", { method: "POST", body: join(blank, broken, blank) }),
    );
    assertEquals(rest.map(({ frame, error }) => [frame, error?.code]), [[0, undefined], [1, "image-broken"]]);
  });

  it("numbers faces and follows them with track=1, each stream by itself, and not without", async () => {
    const small = new Uint8Array(await sharp(await readPortrait()).resize(256).jpeg().toBuffer());
    const body = join(small, blank, small, small), app = createApp(detector);
    const ask = async (query: string) =>
      (await lines(await app.request(`/v1/stream${query}`, { method: "POST", body }))).map(({ images }) =>
        images![0].faces.map(({ id }: { id?: number }) => id)
      );
    assertEquals(await ask(""), [[undefined], [], [undefined], [undefined]]);
    assertEquals(await ask("?track=1"), [[1], [], [1], [1]]);
    assertEquals(await ask("?track=1"), [[1], [], [1], [1]], "another stream begins with 1 again");
    await assertRefused(
      await app.request("/v1/stream?track=yes", { method: "POST", body }),
      400,
      "bad-request",
    );
  });

  it("answers a frame before the next one is sent", async () => {
    let source!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (source = controller) });
    const response = await createApp(detector).request("/v1/stream", { method: "POST", body });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let frame = 0; frame < 3; frame++) {
      source.enqueue(blank);
      assertEquals(JSON.parse((await reader.read()).value!).frame, frame);
    }
    source.close();
    assert((await reader.read()).done);
  });

  it("ends a stream that stalls, is cut off, is empty, or finds the server stopping", async () => {
    const begun = performance.now();
    await lines(await createApp(detector).request("/v1/stream", { method: "POST", body: blank }));
    const deadlineMs = 100 + 5 * (performance.now() - begun); // of what an answer takes on this machine now
    const draining = new AbortController();
    const app = createApp(detector, { deadlineMs });
    const send = async (body: BodyInit, asked = app) =>
      (await lines(await asked.request("/v1/stream", { method: "POST", body }))).map((
        { frame, error },
      ) => [frame, error?.code]);
    const stalled = () =>
      new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(blank) });
    assertEquals(await send(stalled()), [[0, undefined], [1, "frame-late"]]);
    assertEquals(await send(join(blank, blank.slice(0, 99))), [[0, undefined], [1, "image-broken"]]);
    await assertRefused(await app.request("/v1/stream", { method: "POST" }), 400, "image-empty");
    const stopping: ImageDetector = {
      engine: "wasm",
      card: detector.card,
      concurrency: 1,
      async detect(images, signal) {
        const answer = await detector.detect(images, signal);
        setTimeout(() => draining.abort()); // once this frame is answered
        return answer;
      },
      infer: () => Promise.reject(new Error("not asked")),
    };
    const stopped = createApp(stopping, { draining: draining.signal });
    assertEquals(await send(stalled(), stopped), [[0, undefined], [1, "draining"]]);
  });

  it("reads no further than it answers", async () => {
    let isHeld = true;
    const release = Promise.withResolvers<void>();
    const held: ImageDetector = {
      engine: "wasm",
      card: detector.card,
      concurrency: 2,
      async detect(images, signal) {
        if (isHeld) await release.promise;
        return await detector.detect(images, signal);
      },
      infer: () => Promise.reject(new Error("not asked")),
    };
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === 12) return controller.close();
        sent++;
        controller.enqueue(blank);
      },
    });
    const response = createApp(held).request("/v1/stream", { method: "POST", body });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert(sent <= 5, `${sent} frames were read while two are worked on`);
    isHeld = false;
    release.resolve();
    assertEquals(
      (await lines(await response)).map(({ frame }) => frame),
      Array.from({ length: 12 }, (_, i) => i),
    );
  });

  it("leaves places for others: streams beyond a quarter of the queue are refused", async () => {
    const app = createApp(detector, { queue: 7 }); // eight places, two for streams
    const senders: ReadableStreamDefaultController[] = [];
    const idle = () => {
      const body = new ReadableStream({ start: (sender) => void senders.push(sender) });
      return app.request("/v1/stream", { method: "POST", body });
    };
    const open = [await idle(), await idle()];
    await assertRefused(await idle(), 503, "busy");
    for (const sender of senders) sender.close();
    for (const response of open) await response.text();
    const another = await idle();
    assertEquals(another.status, 200, "places are given back");
    senders.at(-1)!.close();
    await another.text();
  });
});
