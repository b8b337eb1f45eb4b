/**
 * The API over HTTP. It knows neither what it runs on nor how the model is run: whoever serves it hands in a detector.
 * @module
 */
import { OpenAPIHono, type z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import type { App, Declared } from "./api.ts";
import { ApiError, busy, imageCode } from "./api_error.ts";
import { BodyBudget, readBody } from "./body.ts";
import { type AppEnv, DEADLINE_MS, guard, type GuardOptions } from "./guard.ts";
import type { Answer, ImageDetector } from "./image_detector.ts";
import { Metrics } from "./metrics.ts";
import { binaryAnswer, checkInferType, JSON_LENGTH, splitBody } from "./infer_body.ts";
import { checkModel, modelMetadata, readInput, wantsBinary, writeOutputs } from "./open_inference.ts";
import { WorkQueue } from "./queue.ts";
import { REFERENCE_POLICY, type ReferenceFiles, referencePage } from "./reference.ts";
import { checkImageType, readImages } from "./request_images.ts";
import * as routes from "./routes.ts";
import type { answerSchema, inferRequestSchema, modelSchema } from "./schemas.ts";
import { streamLines } from "./stream.ts";

export type { App, AppSchema } from "./api.ts";
export type { GuardOptions, LogEntry } from "./guard.ts";
export type { ImageDetector } from "./image_detector.ts";
export type { ReferenceFiles } from "./reference.ts";

/** How the app serves; every limit has a default. */
export interface AppOptions extends GuardOptions {
  /** Requests that may wait beside those that run; 64 unless given. */
  readonly queue?: number;
  /** Resident memory in bytes, for the metrics. */
  readonly memory?: () => number;
  /** Files of the reference page at /reference; without them there is no page. */
  readonly reference?: ReferenceFiles;
}

/** Bytes of a body, and of a frame of a stream. */
export const MAX_BODY = 8_000_000;
/** Bytes of all bodies that are held at one time. */
const MAX_HELD = 256_000_000;
/** Of the queue's places, streams may take one in this many: they hold theirs for as long as they last. */
const STREAM_SHARE = 4;

const VERSION = "0.1.0";
const INFO = {
  title: "EmoCo",
  version: VERSION,
  description: "A picture in, the facial action units of every face out.",
  license: { name: "MIT" },
};

/** The type of the app, for Hono's typed client: `hc<AppType>(url)`. */
export type AppType = App;

/** The app around a detector; `fetch` serves it. */
export function createApp(detector: ImageDetector, options: AppOptions = {}): App {
  const { draining = new AbortController().signal, log = () => {}, deadlineMs = DEADLINE_MS } = options;
  const queue = new WorkQueue(detector.concurrency, options.queue ?? 64);
  const metrics = new Metrics(detector, queue, options.memory);
  const budget = new BodyBudget(MAX_HELD);
  let streams = 0;

  const app = new OpenAPIHono<AppEnv>({
    defaultHook(result) {
      if (result.success) return;
      const [{ path, message }] = result.error.issues;
      const where = path.length > 0 ? `"${path.join(".")}": ` : "";
      throw new ApiError(400, "bad-request", `The request does not fit its description: ${where}${message}.`);
    },
  });
  guard(app, options, metrics);

  /** Runs a job in the queue, or refuses it when there is no room. */
  const inQueue = async <T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> => {
    const place = queue.enter();
    if (!place) throw busy();
    try {
      return await place.run(job, signal);
    } finally {
      place.leave();
    }
  };
  const detect = async (images: readonly Uint8Array<ArrayBuffer>[], signal: AbortSignal): Promise<Answer> => {
    const answer = await inQueue(signal, () => detector.detect(images, signal));
    metrics.countAnswer(answer);
    return answer;
  };
  /** Reads the body within its limits, and leaves what is taken of it where validators and handlers find it. */
  const wholeBody = (
    take: (
      c: Context<AppEnv>,
      body: Uint8Array<ArrayBuffer>,
    ) => { type: string; body?: Uint8Array<ArrayBuffer> },
  ): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    if (queue.isFull) throw busy(); // before the body is read, which would cost memory for nothing
    const signal = c.get("signal");
    const body = await readBody(unpacked(c.req.raw), MAX_BODY, budget, signal).catch((error) => {
      throw error.code === "deadline"
        ? new ApiError(408, "body-late", "The body did not arrive in time; send it faster or smaller.")
        : error;
    });
    const { length } = body; // its bytes are handed on
    try {
      c.get("noted").bytes = length;
      const taken = take(c, body), { url, method, headers } = c.req.raw;
      if (taken.body || c.req.raw.body) c.req.raw = new Request(url, { method, headers, body: taken.body });
      c.req.raw.headers.set("content-type", taken.type);
      await next();
    } finally {
      budget.give(length);
    }
  };
  // Read here, in every spelling that clients have; the routes' validators then see the plainest one.
  const imagesBody = wholeBody((c, body) => {
    c.set("images", readImages(body, c.req.header("content-type")));
    return { type: "image/jpeg" };
  });
  const inferBody = wholeBody((c, body) => {
    const { json, binary } = splitBody(body, c.req.header(JSON_LENGTH));
    c.set("binary", binary);
    return { type: "application/json", body: json };
  });
  const checkJson: MiddlewareHandler<AppEnv> = async (c, next) => {
    checkInferType(c.req.header("content-type"));
    await next();
  };
  app.on("POST", "/v1/detect", checkImageType, imagesBody);
  app.on(
    "POST",
    ["/v2/models/:model/infer", "/v2/models/:model/versions/:version/infer"],
    checkJson,
    inferBody,
  );

  type Asked = { model: string; version?: string };
  const describe = (asked: Asked) => {
    checkModel(asked, detector.card);
    return modelMetadata(detector.card);
  };
  const readiness = (asked: Asked) => {
    checkModel(asked, detector.card);
    if (draining.aborted) throw new ApiError(503, "draining", "The server is about to stop.");
    return { ready: true as const };
  };
  const infer = async (c: Context<AppEnv>, asked: Asked, request: z.infer<typeof inferRequestSchema>) => {
    checkModel(asked, detector.card);
    const signal = c.get("signal"), input = readInput(request, c.get("binary"), detector.card);
    const answer = writeOutputs(request, await inQueue(signal, () => detector.infer(input, signal)));
    const packed = binaryAnswer(answer, wantsBinary(request));
    if (!packed) return c.json(answer, 200);
    // @hono/zod-openapi has no type for JSON with bytes behind it.
    return c.body(packed.body, 200, {
      "Content-Type": "application/octet-stream",
      [JSON_LENGTH]: `${packed.jsonLength}`,
    }) as never;
  };

  app.get(
    "/metrics",
    async (c) => c.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }),
  );
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  let document: string | undefined; // making it takes a while, during which no other request is answered
  app.get("/openapi.json", (c) => {
    document ??= JSON.stringify(app.getOpenAPI31Document({ openapi: "3.1.0", info: INFO }));
    return c.body(document, 200, { "Content-Type": "application/json" });
  });
  if (options.reference) {
    app.get("/", (c) => c.redirect("/reference"));
    for (const [path, [type, content]] of Object.entries(referencePage(options.reference))) {
      app.get(path, (c) =>
        c.body(content, 200, {
          "Content-Type": type,
          "Content-Security-Policy": REFERENCE_POLICY,
          "Cache-Control": "no-cache",
        }));
    }
  }

  const built = app
    .openapi(routes.detectRoute, async (c) => {
      const sent = c.get("images");
      const answer = await detect(sent.map(({ bytes }) => bytes), c.get("signal"));
      const faces = answer.images.reduce((sum, image) => sum + image.faces.length, 0);
      Object.assign(c.get("noted"), { engine: answer.engine, images: sent.length, faces });
      const images = answer.images.map(({ error, ...image }, i) => ({
        ...sent[i].name && { name: sent[i].name },
        ...image,
        ...error && { error: { code: imageCode(error.code), message: error.message } },
      }));
      return c.json({ ...answer, images } as z.infer<typeof answerSchema>, 200);
    })
    .openapi(routes.streamRoute, (c) => {
      const { body, signal } = c.req.raw;
      if (!body) throw new ApiError(400, "image-empty", "The stream is empty: it has no frame.");
      const place = streams * STREAM_SHARE < queue.concurrency + queue.length ? queue.enter() : undefined;
      if (!place) throw busy();
      streams++;
      const requestId = c.get("requestId"), start = performance.now();
      const film = c.req.valid("query").track === "1" ? crypto.randomUUID() : undefined;
      const lines = streamLines(body, {
        requestId,
        signal,
        draining,
        deadlineMs,
        frameBytes: MAX_BODY,
        concurrency: film === undefined ? detector.concurrency : 1,
        async detect(frame, signal) {
          const answer = await place.run(() => detector.detect([frame], signal, film), signal);
          metrics.countAnswer(answer);
          return answer;
        },
        ended(frames, error) {
          if (film !== undefined) detector.forget?.(film);
          streams--;
          place.leave();
          log({ event: "stream", requestId, frames, ms: performance.now() - start, error: error?.code });
        },
        failed: (error) => log({ event: "error", requestId, message: `${(error as Error).stack ?? error}` }),
      });
      // @hono/zod-openapi has no type for lines of JSON; the shape stands in the route's description.
      return c.body(lines, 200, { "Content-Type": "application/x-ndjson" }) as never;
    })
    .openapi(routes.modelRoute, (c) => {
      const { engine, card } = detector;
      return c.json({ engine, card } as unknown as z.infer<typeof modelSchema>, 200);
    })
    .openapi(routes.liveRoute, (c) => c.json({ live: true as const }, 200))
    .openapi(routes.readyRoute, (c) => {
      if (draining.aborted) throw new ApiError(503, "draining", "The server is about to stop.");
      return c.json({ ready: true as const }, 200);
    })
    .openapi(
      routes.serverRoute,
      (c) => c.json({ name: "emoco", version: VERSION, extensions: ["binary_tensor_data"] }, 200),
    )
    .openapi(routes.modelMetadataRoute, (c) => c.json(describe(c.req.valid("param")), 200))
    .openapi(routes.versionMetadataRoute, (c) => c.json(describe(c.req.valid("param")), 200))
    .openapi(routes.modelReadyRoute, (c) => c.json(readiness(c.req.valid("param")), 200))
    .openapi(routes.versionReadyRoute, (c) => c.json(readiness(c.req.valid("param")), 200))
    .openapi(routes.inferRoute, (c) => infer(c, c.req.valid("param"), c.req.valid("json")))
    .openapi(routes.versionInferRoute, (c) => infer(c, c.req.valid("param"), c.req.valid("json")));
  return built satisfies Declared<typeof built>;
}

/** The request with its body as it was before Content-Encoding (RFC 9110, 8.4). */
function unpacked(request: Request): Request {
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (coding === "" || coding === "identity" || !request.body) return request;
  const format = ({ gzip: "gzip", "x-gzip": "gzip", deflate: "deflate" } as const)[coding];
  if (!format) {
    throw new ApiError(
      415,
      "unsupported-encoding",
      "This Content-Encoding is not taken; send gzip, deflate, or none.",
      {
        "Accept-Encoding": "gzip, deflate, identity",
      },
    );
  }
  const body = request.body.pipeThrough(new DecompressionStream(format));
  return new Request(request.url, { method: "POST", body });
}
