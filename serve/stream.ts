/**
 * Video by the frame: concatenated JPEG in, one line of JSON a frame out, in order, as the frames come.
 * @module
 */
import { ApiError, errorBody, toApiError } from "./api_error.ts";
import { startDeadline } from "./deadline.ts";
import type { Answer } from "./image_detector.ts";
import { JpegFrames } from "./jpeg_frames.ts";

/** What a stream needs beside its frames. */
export interface StreamOptions {
  readonly requestId: string;
  /** The most bytes of a frame. */
  readonly frameBytes: number;
  /** Time until the next frame is whole, and for each frame's answer. */
  readonly deadlineMs: number;
  /** Frames that are worked on at one time. */
  readonly concurrency: number;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** Aborts when the server stops taking work. */
  readonly draining: AbortSignal;
  detect(frame: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Answer>;
  /** Called once at the end with the number of frames answered and the error that ended the stream, if one did. */
  ended(frames: number, error?: ApiError): void;
  /** Called with what no client is told. */
  failed(error: unknown): void;
}

/** The answers' lines; backpressure reaches the sender, since no frame is read while its predecessors wait. */
export function streamLines(
  body: ReadableStream<Uint8Array>,
  options: StreamOptions,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  pump(body, writable.getWriter(), options);
  return readable;
}

async function pump(
  body: ReadableStream<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  options: StreamOptions,
): Promise<void> {
  const { requestId, concurrency, deadlineMs, signal } = options;
  const encoder = new TextEncoder();
  const write = (line: unknown) => writer.write(encoder.encode(`${JSON.stringify(line)}\n`));
  const tell = (error: unknown) => {
    const told = toApiError(error);
    if (told.status === 500) options.failed(error);
    return errorBody(told, requestId);
  };
  const work = async (number: number, frame: Uint8Array<ArrayBuffer>, before: Promise<void>) => {
    const deadline = startDeadline(deadlineMs, signal);
    const line = await options.detect(frame, deadline.signal)
      .then((answer) => ({ frame: number, ...answer }), (error) => ({ frame: number, ...tell(error) }))
      .finally(() => deadline.end());
    await before;
    await write(line);
  };
  let frames = 0, ending: ApiError | undefined;
  let last = Promise.resolve();
  const open: Promise<void>[] = [];
  try {
    try {
      for await (const frame of readFrames(body, options)) {
        last = work(frames++, frame, last);
        last.catch(() => undefined); // awaited below; this keeps an early failure from counting as unhandled
        open.push(last);
        if (open.length >= concurrency) await open.shift();
      }
      if (frames === 0) throw new ApiError(400, "image-empty", "The stream is empty: it has no frame.");
    } catch (error) {
      ending = toApiError(error);
      await last;
      await write({ frame: frames, ...tell(error) });
    }
    await last;
    await writer.close();
  } catch {
    ending = new ApiError(499, "client-gone", "The client has gone."); // only writing fails here
    await writer.abort().catch(() => undefined);
  }
  options.ended(frames, ending);
}

async function* readFrames(
  body: ReadableStream<Uint8Array>,
  { frameBytes, deadlineMs, signal, draining }: StreamOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const frames = new JpegFrames(frameBytes);
  const reader = body.getReader();
  let why: ApiError | undefined;
  const stop = (reason: ApiError) => {
    why ??= reason;
    reader.cancel().catch(() => undefined); // ends the read that is waited for
  };
  const gone = () => stop(new ApiError(499, "client-gone", "The client has gone."));
  const drained = () => stop(new ApiError(503, "draining", "The server stops; send the rest to another."));
  const late = () => stop(new ApiError(408, "frame-late", "The next frame did not arrive in time."));
  let timer = setTimeout(late, deadlineMs);
  signal.addEventListener("abort", gone);
  draining.addEventListener("abort", drained);
  try {
    if (signal.aborted) gone();
    if (draining.aborted) drained();
    for (;;) {
      const { value, done } = await reader.read();
      if (why) throw why;
      if (done) break;
      for (const frame of frames.push(value)) {
        clearTimeout(timer); // while the frame waits for its turn, the sender is not late
        yield frame;
        timer = setTimeout(late, deadlineMs);
      }
    }
    if (frames.pending > 0) {
      throw new ApiError(422, "image-broken", "The stream ends in the middle of a picture.");
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", gone);
    draining.removeEventListener("abort", drained);
    await reader.cancel().catch(() => undefined);
  }
}
