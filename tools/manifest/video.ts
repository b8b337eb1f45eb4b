/**
 * The frames of a video, through the program ffmpeg: one after the other as it decodes them, none on disk.
 * @module
 */
import { LayoutError } from "./data_set.ts";

const HOW_TO_GET_IT =
  "install it (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg; Windows: winget " +
  "install ffmpeg) and run the same command again.";

/** Pixels that are not square are made so by enlarging, as players show them; others stay as they are. */
const SQUARE_PIXELS = "scale=w='if(gt(sar,1),round(iw*sar),iw)':h='if(gt(sar,0)*lt(sar,1),round(ih/sar),ih)'";

/** A frame as RGBA; no pixels where nobody wants them. */
export interface Frame {
  /** Place in the video, from 0. */
  readonly position: number;
  readonly pixels?: {
    readonly width: number;
    readonly height: number;
    readonly data: Uint8Array<ArrayBuffer>;
  };
}

/** An ffmpeg that was found. */
export class Ffmpeg {
  private constructor(private readonly program: string, private readonly everyFrame: readonly string[]) {}

  /** Looks for ffmpeg. @throws {LayoutError} it is not there; the message says how to get it */
  static async open(program = "ffmpeg"): Promise<Ffmpeg> {
    let version: string;
    try {
      const { stdout } = await new Deno.Command(program, { args: ["-version"], stdin: "null" }).output();
      version = new TextDecoder().decode(stdout);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable)) throw error;
      throw new LayoutError(
        `Videos are read by the program ffmpeg, which is not on the PATH: ${HOW_TO_GET_IT}`,
      );
    }
    // Else ffmpeg repeats and drops frames to hold a steady pace, and every label after that is one frame off.
    const old = /^ffmpeg version n?([0-4]\.|5\.0)/.test(version);
    return new Ffmpeg(program, old ? ["-vsync", "passthrough"] : ["-fps_mode", "passthrough"]);
  }

  /**
   * Decodes every frame, and hands over the pixels of those wanted. At the first frame that cannot be decoded it stops,
   * since what came after might carry a neighbour's label; then what it returns says why.
   */
  async *frames(
    path: string,
    wants: (position: number) => boolean,
  ): AsyncGenerator<Frame, string | undefined> {
    const process = new Deno.Command(this.program, {
      args: [
        ...["-v", "error", "-nostdin", "-xerror", "-i", `file:${path}`, "-map", "0:v:0", ...this.everyFrame],
        ...["-vf", SQUARE_PIXELS],
        ...["-f", "image2pipe", "-c:v", "pam", "-pix_fmt", "rgba", "pipe:1"],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const complaint = firstLine(process.stderr);
    const bytes = new Bytes(process.stdout.getReader());
    let hasEnded = false;
    try {
      for (let position = 0;; position++) {
        const size = await readHeader(bytes);
        if (!size) break;
        const length = size.width * size.height * 4;
        const data = wants(position) ? new Uint8Array(length) : undefined;
        if (!await bytes.take(length, data)) break;
        yield data ? { position, pixels: { ...size, data } } : { position };
      }
      hasEnded = true;
    } finally {
      if (!hasEnded) process.kill("SIGKILL");
      await bytes.cancel();
      await process.status;
    }
    const { success } = await process.status, said = await complaint;
    return success ? undefined : said || "ffmpeg could not decode it";
  }
}

/** Width and height from a PAM header; nothing at the end of the stream. */
async function readHeader(bytes: Bytes): Promise<{ width: number; height: number } | undefined> {
  let header = "";
  while (!header.endsWith("ENDHDR\n")) {
    const byte = await bytes.next();
    if (byte === undefined) return undefined;
    header += String.fromCharCode(byte);
  }
  const number = (name: string) => Number(new RegExp(`${name} (\\d+)`).exec(header)![1]);
  return { width: number("WIDTH"), height: number("HEIGHT") };
}

/** What a stream brings, by the byte or by the block. */
class Bytes {
  #chunk = new Uint8Array(0);

  constructor(private readonly reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>) {}

  async next(): Promise<number | undefined> {
    if (this.#chunk.length === 0 && !await this.#more()) return undefined;
    const [byte] = this.#chunk;
    this.#chunk = this.#chunk.subarray(1);
    return byte;
  }

  /** Passes `length` bytes over, into `target` if there is one; false where the stream ends before. */
  async take(length: number, target?: Uint8Array): Promise<boolean> {
    for (let done = 0; done < length;) {
      if (this.#chunk.length === 0 && !await this.#more()) return false;
      const part = this.#chunk.subarray(0, length - done);
      target?.set(part, done);
      done += part.length;
      this.#chunk = this.#chunk.subarray(part.length);
    }
    return true;
  }

  async cancel(): Promise<void> {
    await this.reader.cancel();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.reader.read();
    this.#chunk = value ?? new Uint8Array(0);
    return !done;
  }
}

/** The first line of what a program complains about; the rest is read too, so that it does not wait. */
async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) if (text.length < 1000) text += part;
  return text.trim().split("\n")[0];
}
