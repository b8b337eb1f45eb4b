/**
 * The frames of a film, through the program ffmpeg: as it decodes them, none on disk, upright, with square pixels, each
 * with its own time.
 * @module
 */
import type { Pixels } from "@emoco/web/image";
import { ByteStream } from "./byte_stream.ts";
import { findFfmpeg, readPamHeader, withoutFfmpeg } from "./ffmpeg.ts";
import { FfmpegReport } from "./ffmpeg_report.ts";

/** A frame of a film. */
export interface FilmFrame {
  /** Its place, from 0: in the film, or from the first frame after `from` on. */
  readonly number: number;
  /** Seconds as players show them. */
  readonly time: number;
  readonly pixels: Pixels & { readonly data: Uint8Array<ArrayBuffer> };
}

/** Which frames are read. */
export interface FilmPart {
  /** Every how many-th frame, 1 unless given. */
  readonly every?: number;
  /** Seconds. */
  readonly from?: number;
  readonly to?: number;
}

/** A film that could not be read at all: one sentence. */
export class FilmError extends Error {
  override name = "FilmError";
}

/** An ffmpeg that was found. */
export class Ffmpeg {
  private constructor(readonly program: string, private readonly everyFrame: readonly string[]) {}

  /** Looks for ffmpeg. @throws {FilmError} it is not there; the message says how to get it */
  static async find(program = "ffmpeg"): Promise<Ffmpeg> {
    const found = await findFfmpeg(program);
    if (!found) throw new FilmError(withoutFfmpeg("Films"));
    return new Ffmpeg(found.program, found.everyFrame);
  }

  /** Opens a film; "-" is one on standard input. @throws {FilmError} the file is empty or cannot be read */
  open(path: string, part: FilmPart = {}): Film {
    if (path !== "-") checkFile(path);
    const { every = 1, from, to } = part;
    const filters = [
      ...every > 1 ? [`select='not(mod(n,${every}))'`] : [],
      // Pixels that are not square make faces narrow or wide.
      "scale=w='if(gt(sar,0),max(1,round(iw*sar)),iw)':h=ih",
      "showinfo=checksum=0",
    ];
    const args = [
      ...["-v", "level+info", "-nostats", "-hide_banner", ...path === "-" ? [] : ["-nostdin"]],
      ...from === undefined ? [] : ["-ss", String(from)],
      ...to === undefined ? [] : ["-to", String(to)],
      ...["-i", path === "-" ? "pipe:0" : `file:${path}`, "-map", "0:V:0", ...this.everyFrame],
      ...["-vf", filters.join(","), "-f", "image2pipe", "-c:v", "pam", "-pix_fmt", "rgba", "pipe:1"],
    ];
    const command = new Deno.Command(this.program, {
      args,
      // Ctrl-C is for this program alone: of an ffmpeg that stops by itself a film would seem to be shorter than it is.
      detached: true,
      stdin: path === "-" ? "inherit" : "null",
      stdout: "piped",
      stderr: "piped",
    });
    return new Film(command.spawn(), part);
  }
}

/** A film that is being decoded. */
export class Film {
  readonly #report = new FfmpegReport();
  readonly #reading: Promise<void>;
  readonly #bytes: ByteStream;

  /** @param process ffmpeg as `Ffmpeg.open` starts it */
  constructor(private readonly process: Deno.ChildProcess, private readonly part: FilmPart) {
    this.#reading = this.#report.read(process.stderr);
    this.#reading.catch(() => undefined);
    this.#bytes = new ByteStream(process.stdout);
  }

  /** Seconds that are read in all, where the file tells; known with the first frame. */
  get duration(): number | undefined {
    const { duration } = this.#report, { from = 0, to = Infinity } = this.part;
    return duration === undefined ? undefined : Math.max(0, Math.min(duration, to) - from);
  }

  /** Frames a second, where the file tells; known with the first frame. */
  get frameRate(): number | undefined {
    return this.#report.frameRate;
  }

  /**
   * The frames in the order they are shown.
   * @returns what was wrong on the way or at the end, where something was: what could be decoded was handed over
   * @throws {FilmError} no frame could be read, and why
   */
  async *frames(): AsyncGenerator<FilmFrame, string | undefined> {
    const { every = 1, from = 0 } = this.part;
    let hasEnded = false, count = 0, last = -Infinity;
    try {
      for (;; count++) {
        const size = await readPamHeader(this.#bytes);
        if (!size) break;
        if (/^image2$|_pipe$/.test(this.#report.format)) {
          throw new FilmError(
            `It is a picture (${
              this.#report.format.replace(/_?pipe$/, "")
            }), not a film: give it its own ending.`,
          );
        }
        const data = new Uint8Array(size.width * size.height * 4);
        if (!await this.#bytes.fill(data)) break;
        const told = await this.#report.nextTime();
        // A frame without a time comes one step after the one before it.
        const step = every / (this.frameRate ?? 25);
        const time = told !== undefined && Number.isFinite(told) ? told + from : Math.max(from, last + step);
        last = time;
        yield { number: count * every, time, pixels: { ...size, data } };
      }
      hasEnded = true;
    } finally {
      if (!hasEnded) this.#kill();
      await this.#bytes.cancel();
      await this.process.status;
      await this.#reading;
    }
    const { success } = await this.process.status;
    const [complaint = success ? undefined : "ffmpeg could not decode it"] = this.#report.complaints;
    if (count > 0) return complaint;
    throw new FilmError(this.#whyNothing(complaint));
  }

  #whyNothing(complaint: string | undefined): string {
    if (complaint && /matches no streams|no streams/i.test(complaint)) return "It has no video track.";
    const { from, to } = this.part;
    if (!complaint && (from !== undefined || to !== undefined)) {
      return "It has no frame in the part asked for.";
    }
    return `No frame of it can be decoded (${complaint ?? "it has none"}).`;
  }

  #kill(): void {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

function checkFile(path: string): void {
  let size: number;
  try {
    const file = Deno.statSync(path);
    if (file.isDirectory) throw new FilmError("It is a folder.");
    size = file.isFile ? file.size : 1;
  } catch (error) {
    if (error instanceof FilmError) throw error;
    if (error instanceof Deno.errors.NotFound) throw new FilmError("There is no such file.");
    throw new FilmError(`The file cannot be read (${(error as Error).message.split(" (os error")[0]}).`);
  }
  if (size === 0) throw new FilmError("The file is empty (0 bytes).");
}
