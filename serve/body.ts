/**
 * Reads the bodies of requests within limits: bytes a body, bytes of all bodies together, and time.
 * @module
 */
import { ApiError, busy } from "./api_error.ts";

/** Bytes of bodies that are held at one time, by all requests together. */
export class BodyBudget {
  #held = 0;

  constructor(readonly limit: number) {}

  /** Bytes held now. */
  get held(): number {
    return this.#held;
  }

  /** Counts bytes in; throws when there is no room for them. */
  take(bytes: number): void {
    if (this.#held + bytes > this.limit) throw busy();
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * The whole body; its bytes stay counted in the budget until the caller gives them back. Throws an ApiError when it is
 * longer than the limit, when there is no room, and with the signal's reason when the time is over.
 */
export async function readBody(
  request: Request,
  limit: number,
  budget: BodyBudget,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLong(limit);
  if (!request.body) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = request.body.getReader();
  const stop = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", stop);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      budget.take(value.length);
      length += value.length;
      if (length > limit) throw tooLong(limit);
      parts.push(value);
    }
  } catch (error) {
    budget.give(length);
    stop();
    throw signal.aborted || error instanceof ApiError ? error : new ApiError(
      400,
      "bad-request",
      "The body broke off before its end, or is not packed as its Content-Encoding says.",
    );
  } finally {
    signal.removeEventListener("abort", stop);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

function tooLong(limit: number): ApiError {
  return new ApiError(
    413,
    "body-too-large",
    `The body is longer than ${limit / 1e6} MB, the most that is taken.`,
  );
}
