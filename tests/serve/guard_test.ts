import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { type AppOptions, createApp, type LogEntry } from "@emoco/serve";
import type { ErrorBody } from "../../serve/api_error.ts";
import type { ImageDetector, LocalDetector } from "../../serve/image_detector.ts";
import { assertProtocolRefused, assertRefused, JPEG, openLocal, readPortrait } from "./local.ts";

describe("the app's guard", () => {
  let detector: LocalDetector, portrait: Uint8Array<ArrayBuffer>, app: ReturnType<typeof createApp>;
  const log: LogEntry[] = [];
  const withOptions = (options: AppOptions) => createApp(detector, options);
  const post = (body: BodyInit, headers: HeadersInit = JPEG, path = "/v1/detect", asked = app) =>
    Promise.resolve(asked.request(path, { method: "POST", body, headers }));

  beforeAll(async () => {
    [detector, portrait] = await Promise.all([openLocal(), readPortrait()]);
    app = withOptions({ log: (entry) => log.push(entry) });
  });

  it("asks for the token everywhere but at /v2/health, and gives it to nobody", async () => {
    const guarded = withOptions({ token: "abc.123", log: (entry) => log.push(entry) });
    const paths = [
      "/v1/model",
      "/v1/detect",
      "/metrics",
      "/openapi.json",
      "/v2",
      "/v2/models/tiny",
      "/nowhere",
      "/",
    ];
    for (const path of paths) {
      for (
        const authorization of [
          undefined,
          "Bearer wrong",
          "Bearer abc.1234",
          "Basic abc.123",
          "Bearer",
          "abc.123",
        ]
      ) {
        const response = await guarded.request(path, { headers: authorization ? { authorization } : {} });
        assertMatch(response.headers.get("www-authenticate") ?? "", /^Bearer/);
        if (path.startsWith("/v2")) await assertProtocolRefused(response, 401, "token is missing or wrong");
        else await assertRefused(response, 401, "unauthorized");
      }
    }
    for (const path of ["/v2/health/live", "/v2/health/ready"]) {
      assertEquals((await guarded.request(path)).status, 200);
    }
    const headers = { authorization: "Bearer abc.123" };
    assertEquals((await guarded.request("/v1/model", { headers })).status, 200);
    assert(!JSON.stringify(log).includes("abc.123"));
  });

  it("opens its page to a browser that sends the token as a password, and nothing else to it", async () => {
    const reference = { script: new Uint8Array([1]), style: new Uint8Array([2]) };
    const guarded = withOptions({ token: "abc.123", reference });
    const ask = (path: string, word: string, method = "GET") =>
      Promise.resolve(guarded.request(path, { method, headers: { authorization: `Basic ${btoa(word)}` } }));
    for (const path of ["/reference", "/reference/script.js", "/openapi.json"]) {
      const { status, headers } = await guarded.request(path);
      assertEquals([status, /, Basic realm="emoco"/.test(headers.get("www-authenticate")!)], [401, true]);
      assertEquals((await ask(path, "anyone:abc.123")).status, 200);
      assertEquals((await ask(path, "anyone:abc.1234")).status, 401);
      assertEquals((await ask(path, "abc.123")).status, 401);
    }
    assertEquals((await ask("/", ":abc.123")).headers.get("location"), "/reference");
    assertEquals((await ask("/v1/model", "anyone:abc.123")).status, 401);
    assertEquals((await ask("/v1/detect", "anyone:abc.123", "POST")).status, 401);
    assert(!(await guarded.request("/v1/model")).headers.get("www-authenticate")!.includes("Basic"));
  });

  it("limits the requests of each client by itself", async () => {
    const limited = withOptions({ ratePerMinute: 3 });
    const ask = (client: string, path = "/v1/model") =>
      Promise.resolve(limited.request(path, {}, { client }));
    for (let i = 0; i < 3; i++) assertEquals((await ask("10.0.0.1")).status, 200);
    const refused = await ask("10.0.0.1");
    const wait = Number(refused.headers.get("retry-after"));
    assert(wait >= 15 && wait <= 20, `wait ${wait}`);
    await assertRefused(refused, 429, "too-many-requests");
    assertEquals((await ask("10.0.0.2")).status, 200);
    assertEquals((await ask("10.0.0.1", "/v2/health/ready")).status, 200);
  });

  it("lets pages of the origins named read its answers, and no others", async () => {
    const open = withOptions({ cors: ["https://example.org"], token: "t" });
    const preflight = (origin: string) =>
      open.request("/v1/detect", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
    const allowed = await preflight("https://example.org");
    assertEquals([allowed.status, allowed.headers.get("access-control-allow-origin")], [
      204,
      "https://example.org",
    ]);
    assertEquals((await preflight("https://evil.example")).headers.get("access-control-allow-origin"), null);
    const closed = await app.request("/v1/model", { headers: { origin: "https://example.org" } });
    assertEquals(closed.headers.get("access-control-allow-origin"), null);
  });

  it("carries the request's number and secure headers, and logs a line without any of the picture", async () => {
    log.length = 0;
    const response = await post(portrait, { ...JPEG, "x-request-id": "mine-1" });
    await response.body?.cancel();
    assertEquals(response.headers.get("x-request-id"), "mine-1");
    assertEquals(response.headers.get("x-content-type-options"), "nosniff");
    assertStringIncludes(response.headers.get("content-security-policy")!, "default-src 'none'");
    assertEquals(log.length, 1);
    const { ms, ...line } = log[0];
    assert(typeof ms === "number");
    assertEquals(line, {
      event: "request",
      requestId: "mine-1",
      method: "POST",
      route: "/v1/detect",
      status: 200,
      client: undefined,
      bytes: portrait.length,
      engine: "wasm",
      images: 1,
      faces: 1,
    });
  });

  it("answers what nobody foresaw with 500 and tells only the log why", async () => {
    const lines: LogEntry[] = [];
    const broken: ImageDetector = {
      engine: "wasm",
      card: detector.card,
      concurrency: 1,
      detect: () => Promise.reject(new Error("secret path")),
      infer: () => Promise.reject(new Error("secret path")),
    };
    const response = await post(
      portrait,
      JPEG,
      "/v1/detect",
      createApp(broken, { log: (line) => lines.push(line) }),
    );
    assertEquals(response.status, 500);
    const { error } = await response.json() as ErrorBody;
    assert(!error.message.includes("secret"));
    assertStringIncludes(String(lines[0].message), "secret path");
  });

  it("counts for Prometheus", async () => {
    const counted = withOptions({ memory: () => 123 });
    await (await post(portrait, JPEG, "/v1/detect", counted)).body?.cancel();
    const response = await counted.request("/metrics");
    assertStringIncludes(response.headers.get("content-type")!, "text/plain");
    const text = await response.text();
    for (
      const line of [
        'http_request_duration_seconds_count{method="POST",route="/v1/detect",status="200"} 1',
        'emoco_stage_duration_seconds_count{stage="run"} 1',
        "emoco_faces_total 1",
        "emoco_images_total 1",
        "emoco_queue_places 0",
        'emoco_model_info{name="tiny",version="1.0.0",engine="wasm"} 1',
        "process_resident_memory_bytes 123",
      ]
    ) assertStringIncludes(text, line);
  });

  it("describes itself in OpenAPI 3.1 and shows that on a page of its own origin", async () => {
    const { openapi, paths } = await (await app.request("/openapi.json")).json();
    assertEquals(openapi, "3.1.0");
    assertEquals(Object.keys(paths).sort(), [
      "/v1/detect",
      "/v1/model",
      "/v1/stream",
      "/v2",
      "/v2/health/live",
      "/v2/health/ready",
      "/v2/models/{model}",
      "/v2/models/{model}/infer",
      "/v2/models/{model}/ready",
      "/v2/models/{model}/versions/{version}",
      "/v2/models/{model}/versions/{version}/infer",
      "/v2/models/{model}/versions/{version}/ready",
    ]);
    assertEquals(Object.keys(paths["/v1/detect"].post.requestBody.content).sort(), [
      "image/jpeg",
      "image/png",
      "image/webp",
      "multipart/form-data",
    ]);
    const shown = withOptions({ reference: { script: new Uint8Array([1]), style: new Uint8Array([2]) } });
    const page = await (await shown.request("/reference")).text();
    assert(!/https?:/.test(page), "names a foreign origin");
    for (const [, path] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      assertEquals((await shown.request(path)).status, 200, path);
    }
    assertEquals((await shown.request("/")).headers.get("location"), "/reference");
    assertEquals((await app.request("/reference")).status, 404);
  });

  it("says 404 for an unknown address and 405 for a known one asked in another way", async () => {
    await assertRefused(await app.request("/nowhere"), 404, "not-found");
    const response = await app.request("/v1/detect");
    assertEquals(response.headers.get("allow"), "POST");
    await assertRefused(response, 405, "method-not-allowed");
  });

  it("is not ready while it drains, but answers", async () => {
    const draining = new AbortController();
    const stopping = withOptions({ draining: draining.signal });
    assertEquals((await stopping.request("/v2/health/ready")).status, 200);
    draining.abort();
    await assertProtocolRefused(await stopping.request("/v2/health/ready"), 503, "about to stop");
    await assertProtocolRefused(await stopping.request("/v2/models/tiny/ready"), 503, "about to stop");
    assertEquals((await stopping.request("/v2/health/live")).status, 200);
    const response = await post(portrait, JPEG, "/v1/detect", stopping);
    assertEquals([response.status, response.headers.get("connection")], [200, "close"]);
    await response.body?.cancel();
  });
});
