/**
 * What a request is refused with: one shape everywhere, `{"error":{"code","message","requestId"}}`.
 * @module
 */
import { HTTPException } from "hono/http-exception";
import { ImageError } from "@emoco/web/image-header";

/** Status codes that this server refuses with. */
export type ErrorStatus = 400 | 401 | 404 | 405 | 408 | 413 | 415 | 422 | 429 | 499 | 500 | 503 | 504;

/** A refusal; the message is one sentence for whoever sent the request. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: ErrorStatus,
    /** Short name that programs may rely on. */
    readonly code: string,
    message: string,
    /** Headers of the answer, as `Retry-After`. */
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** The body of an answer that refuses. */
export interface ErrorBody {
  error: { code: string; message: string; requestId: string };
}

const IMAGE_STATUS = { empty: 400, unsupported: 415, "too-large": 413, broken: 422 } as const;

/** A picture's refusal as programs know it. */
export function imageCode(code: ImageError["code"]): string {
  return `image-${code}`;
}

/** What the client is told of an error; one that nobody foresaw is told without its details. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof ImageError) {
    return new ApiError(IMAGE_STATUS[error.code], imageCode(error.code), error.message);
  }
  if (error instanceof HTTPException && error.status === 400) {
    return new ApiError(400, "bad-request", `The body cannot be read: ${error.message.replace(/\.?$/, ".")}`);
  }
  if (error instanceof HTTPException && error.status === 415) { // thrown for routes that take JSON alone
    return new ApiError(415, "unsupported-type", "This Content-Type is not taken; send application/json.");
  }
  return new ApiError(500, "internal", "Something went wrong in the server; its log says what.");
}

/** The refusal as JSON. */
export function errorBody({ code, message }: ApiError, requestId: string): ErrorBody {
  return { error: { code, message, requestId } };
}

/** The refusal of work that there is no room for. */
export function busy(): ApiError {
  return new ApiError(503, "busy", "The server is busy: its queue is full. Try again in a moment.", {
    "Retry-After": "1",
  });
}
