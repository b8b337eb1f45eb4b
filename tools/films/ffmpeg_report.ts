/**
 * What ffmpeg says while it decodes: what kind of file it is, each frame's own time, and what is wrong with it.
 * @module
 */

/** Reads the lines of `ffmpeg -v level+info -nostats` with the filter `showinfo`. */
export class FfmpegReport {
  /** What the file is to ffmpeg, such as "mpeg" or "jpeg_pipe"; empty before it is known. */
  format = "";
  /** Seconds of the whole film, where the file tells. */
  duration?: number;
  /** Frames a second, where the file tells. */
  frameRate?: number;
  /** What ffmpeg complained about, the first few lines. */
  readonly complaints: string[] = [];
  readonly #times: number[] = [];
  #waiting?: PromiseWithResolvers<number | undefined>;
  #hasEnded = false;

  /** Reads to the end. */
  async read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    try {
      for await (const part of stream.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + part).split(/\r?\n|\r/);
        rest = lines.pop()!.slice(0, 10_000);
        for (const line of lines) this.#take(line);
      }
      this.#take(rest);
    } finally {
      this.#hasEnded = true;
      this.#waiting?.resolve(undefined);
    }
  }

  /** Seconds of the next frame; undefined where there is none any more. */
  nextTime(): Promise<number | undefined> {
    const time = this.#times.shift();
    if (time !== undefined || this.#hasEnded) return Promise.resolve(time);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  #take(line: string): void {
    const time = /\[Parsed_showinfo\S* @ \S+\] \[info\] n:.*? pts_time:\s*(\S+)/.exec(line)?.[1];
    if (time !== undefined) return this.#tell(Number(time));
    this.format ||= /^\[info\] Input #0, (\S+), from /.exec(line)?.[1] ?? "";
    const length = /^\[info\] +Duration: (\d+):(\d+):([\d.]+)/.exec(line);
    if (length) this.duration = Number(length[1]) * 3600 + Number(length[2]) * 60 + Number(length[3]);
    const rate = / Video: .*?([\d.]+) fps/.exec(line)?.[1];
    if (rate) this.frameRate ??= Number(rate);
    if (/\[(error|fatal|panic)\]/.test(line) && this.complaints.length < 20) {
      this.complaints.push(line.replace(/^(\[[^\]]*\] )+/, "").trim());
    }
  }

  /** A time that is no number stays one, so that times and frames stay in step. */
  #tell(time: number): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting.resolve(time);
    else this.#times.push(time);
  }
}
