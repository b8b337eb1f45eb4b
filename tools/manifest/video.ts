/**
 * The frames of a video, through the program ffmpeg: one after the other as it decodes them, none on disk.
 * @module
 */
import { ByteStream } from "../films/byte_stream.ts";
import { findFfmpeg, type FoundFfmpeg, readPamHeader, withoutFfmpeg } from "../films/ffmpeg.ts";
import { LayoutError } from "./data_set.ts";

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
  private constructor(private readonly found: FoundFfmpeg) {}

  /** Looks for ffmpeg. @throws {LayoutError} it is not there; the message says how to get it */
  static async open(program = "ffmpeg"): Promise<Ffmpeg> {
    const found = await findFfmpeg(program);
    if (!found) throw new LayoutError(withoutFfmpeg("Videos"));
    return new Ffmpeg(found);
  }

  /**
   * Decodes every frame, and hands over the pixels of those wanted. At the first frame that cannot be decoded it stops,
   * since what came after might carry a neighbour's label; then what it returns says why.
   */
  async *frames(
    path: string,
    wants: (position: number) => boolean,
  ): AsyncGenerator<Frame, string | undefined> {
    const process = new Deno.Command(this.found.program, {
      args: [
        ...[
          "-v",
          "error",
          "-nostdin",
          "-xerror",
          "-i",
          `file:${path}`,
          "-map",
          "0:v:0",
          ...this.found.everyFrame,
        ],
        ...["-vf", SQUARE_PIXELS],
        ...["-f", "image2pipe", "-c:v", "pam", "-pix_fmt", "rgba", "pipe:1"],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const complaint = firstLine(process.stderr);
    const bytes = new ByteStream(process.stdout);
    let hasEnded = false;
    try {
      for (let position = 0;; position++) {
        const size = await readPamHeader(bytes);
        if (!size) break;
        const length = size.width * size.height * 4;
        const data = wants(position) ? new Uint8Array(length) : undefined;
        if (!await (data ? bytes.fill(data) : bytes.pass(length))) break;
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

/** The first line of what a program complains about; the rest is read too, so that it does not wait. */
async function firstLine(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const part of stream.pipeThrough(new TextDecoderStream())) if (text.length < 1000) text += part;
  return text.trim().split("\n")[0];
}
