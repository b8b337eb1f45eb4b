/** What the app's tests share: a detector in the test's own process: tiny model, real face finder, wasm. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { BlazeFace } from "@emoco/web/face-finder";
import type { OrtLike } from "@emoco/web/inference";
import * as ort from "onnxruntime-web";
import { openDecoder } from "@emoco/serve/decode";
import { LocalDetector } from "../../serve/image_detector.ts";
import { errorSchema, protocolErrorSchema } from "../../serve/schemas.ts";
import { type Files, tinyFiles } from "./tiny_server.ts";

/** Opens the detector. */
export async function openLocal(files?: Files): Promise<LocalDetector> {
  const finderModel = await Deno.readFile(new URL("../../web/model/blazeface.onnx", import.meta.url));
  const runtime = ort as unknown as OrtLike;
  return await LocalDetector.open({
    ...files ?? await tinyFiles(),
    ort: runtime,
    engine: "wasm",
    decoder: await openDecoder("wasm"),
    finder: await BlazeFace.load({ model: finderModel, ort: runtime }),
  }, {});
}

/** NASA's portrait of Eileen Collins, 512 x 512. */
export function readPortrait(): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL("../fixtures/astronaut.jpg", import.meta.url));
}

/** Headers of a JPEG body. */
export const JPEG = { "content-type": "image/jpeg" };

/** Holds a refusal to the one shape: its code, its request's number, one sentence. */
export async function assertRefused(response: Response, status: number, code: string, message?: string) {
  assertEquals(response.status, status);
  const { error } = errorSchema.strict().parse(await response.json());
  assertEquals(error.code, code);
  assertEquals(error.requestId, response.headers.get("x-request-id"));
  assertMatch(error.message, /^[A-Z0-9].*\.$/);
  if (message) assertStringIncludes(error.message, message);
}

/** Holds a refusal of the Open Inference Protocol to its form: one sentence, its request's number in a header. */
export async function assertProtocolRefused(response: Response, status: number, message?: string) {
  const { error } = protocolErrorSchema.strict().parse(await response.json());
  assertEquals([response.status, error], [status, error]);
  assertMatch(error, /^[A-Z0-9].*\.$/);
  assertMatch(response.headers.get("x-request-id") ?? "", /./);
  if (message) assertStringIncludes(error, message);
}
