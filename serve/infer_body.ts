/**
 * Bodies of the Open Inference Protocol: JSON, or JSON with the tensors' bytes behind it (the binary tensor data
 * extension, which Triton's clients use unless they are told otherwise).
 * @module
 */
import type { z } from "@hono/zod-openapi";
import { ApiError } from "./api_error.ts";
import { parseMediaType } from "./media_type.ts";
import type { inferResponseSchema } from "./schemas.ts";

/** Tells how many bytes of a body are JSON, where others follow. */
export const JSON_LENGTH = "Inference-Header-Content-Length";

/** A body in its two parts. */
export interface InferBody {
  readonly json: Uint8Array<ArrayBuffer>;
  /** The tensors' bytes, one after the other. */
  readonly binary: Uint8Array<ArrayBuffer>;
}

/** Refuses a body that is said to be neither JSON nor bytes; clients of the protocol say nothing of what they send. */
export function checkInferType(contentType: string | undefined): void {
  if (contentType === undefined || contentType.trim() === "") return;
  const essence = parseMediaType(contentType)?.essence ?? "";
  if (/^application\/([\w.-]+\+)?json$/.test(essence) || essence === "application/octet-stream") return;
  throw new ApiError(
    415,
    "unsupported-type",
    "This Content-Type is not taken; send application/json, or application/octet-stream with binary tensors.",
  );
}

/** Parts a body by its header. */
export function splitBody(body: Uint8Array<ArrayBuffer>, length: string | undefined): InferBody {
  if (length === undefined) return { json: body, binary: new Uint8Array() };
  const count = /^\d+$/.test(length) ? Number(length) : NaN;
  if (!(count <= body.length)) {
    throw new ApiError(
      400,
      "bad-request",
      `${JSON_LENGTH} must be the bytes of JSON at the beginning of the body, which has ${body.length}.`,
    );
  }
  return { json: body.subarray(0, count), binary: body.subarray(count) };
}

/** Bytes as the floats that they are, least significant byte first. */
export function floatsOf(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

type Outputs = z.infer<typeof inferResponseSchema>["outputs"];

/**
 * An answer whose outputs are bytes behind the JSON where that was asked for; undefined where all are numbers in it.
 */
export function binaryAnswer(
  answer: z.infer<typeof inferResponseSchema>,
  isBinary: (name: string) => boolean,
): { body: Uint8Array<ArrayBuffer>; jsonLength: number } | undefined {
  if (!answer.outputs.some(({ name }) => isBinary(name))) return undefined;
  const blocks: Uint8Array[] = [];
  const outputs = answer.outputs.map((output): Outputs[number] => {
    if (!isBinary(output.name)) return output;
    const { data = [], ...rest } = output,
      block = new Uint8Array(4 * data.length),
      view = new DataView(block.buffer);
    data.forEach((value, i) => view.setFloat32(4 * i, value, true));
    blocks.push(block);
    return { ...rest, parameters: { binary_data_size: block.length } };
  });
  const json = new TextEncoder().encode(JSON.stringify({ ...answer, outputs }));
  const body = new Uint8Array(json.length + blocks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const block of [json, ...blocks]) {
    body.set(block, at);
    at += block.length;
  }
  return { body, jsonLength: json.length };
}
