/**
 * A film with boxes, points, names and bars drawn onto it, coded by ffmpeg as MP4. Frames follow one another at the
 * film's mean rate; sound is left out.
 * @module
 */
import { actionUnit } from "@emoco/web/facs";
import type { Pixels } from "@emoco/web/image";
import type { Ffmpeg } from "./film.ts";
import { blend, type Colour, fill, Glyphs, type Target } from "./glyphs.ts";
import type { NumberedFace } from "./row.ts";

const COLOURS: readonly Colour[] = [
  [0x4c, 0xc9, 0xf0],
  [0xff, 0xb3, 0x47],
  [0x9b, 0xe1, 0x5d],
  [0xff, 0x6f, 0xa3],
  [0xb7, 0x94, 0xf6],
];
const PAPER: Colour = [0x14, 0x1a, 0x22],
  TRACK: Colour = [0x2a, 0x34, 0x42],
  INK: Colour = [0xff, 0xff, 0xff];
const QUIET: Colour = [0x88, 0x96, 0xa8], DARK: Colour = [0, 0, 0];
/** The panel beside the film, and a row of it. */
const PANEL = 320, ROW = 20, PADDING = 10, BAR = 90;

/** A film that is being written. */
export class DrawnFilm {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #said: Promise<string>;

  private constructor(
    private readonly process: Deno.ChildProcess,
    private readonly canvas: Target,
    private readonly glyphs: Glyphs,
  ) {
    this.#writer = process.stdin.getWriter();
    this.#said = new Response(process.stderr).text();
  }

  /**
   * Begins one.
   * @param path where it goes while it is written
   * @param units how many bars have to find room
   * @param mark stands in its metadata
   */
  static async begin(
    ffmpeg: Ffmpeg,
    path: string,
    { width, height }: Pixels,
    units: number,
    rate: number,
    mark: string,
  ): Promise<DrawnFilm> {
    const even = (length: number) => length + length % 2;
    const size = {
      width: even(width + PANEL),
      height: even(Math.max(height, 2 * PADDING + (units + 2) * ROW)),
    };
    const process = new Deno.Command(ffmpeg.program, {
      args: [
        ...["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgba", "-s", `${size.width}x${size.height}`],
        ...[
          "-framerate",
          String(rate),
          "-i",
          "pipe:0",
          "-c:v",
          "libx264",
          "-preset",
          "veryfast",
          "-crf",
          "20",
        ],
        ...["-pix_fmt", "yuv420p", "-metadata", `comment=${mark}`, "-f", "mp4", "-y", `file:${path}`],
      ],
      detached: true, // as the ffmpeg that reads: Ctrl-C is not for it
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const data = new Uint8Array(size.width * size.height * 4).fill(255);
    return new DrawnFilm(process, { ...size, data }, await Glyphs.open());
  }

  /** Adds a frame; one of another size is cut. */
  async add(frame: Pixels, faces: readonly NumberedFace[]): Promise<void> {
    const { canvas } = this, right = canvas.width - PANEL;
    fill(canvas, 0, 0, canvas.width, canvas.height, PAPER);
    const width = Math.min(frame.width, right), height = Math.min(frame.height, canvas.height);
    for (let y = 0; y < height; y++) {
      const row = frame.data.subarray(4 * y * frame.width, 4 * (y * frame.width + width));
      canvas.data.set(row, 4 * y * canvas.width);
    }
    for (const face of faces) this.#mark(face);
    if (faces.length > 0) this.#bars(faces[0], right + PADDING);
    await this.#writer.write(canvas.data.slice()).catch(() => undefined); // why it ended is said by `end`
  }

  /** Ends the film. @throws {Error} it could not be written, in ffmpeg's words */
  async end(): Promise<void> {
    await this.#writer.close().catch(() => undefined);
    const { success } = await this.process.status, said = await this.#said;
    if (!success) throw new Error(`ffmpeg could not write it (${said.trim().split("\n")[0]}).`);
  }

  /** Gives the film up. */
  async drop(): Promise<void> {
    try {
      this.process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#writer.abort().catch(() => undefined);
    await this.process.status;
    await this.#said.catch(() => "");
  }

  #mark({ id, box, points, points68 }: NumberedFace): void {
    const { canvas } = this, colour = COLOURS[(id - 1) % COLOURS.length];
    for (const [thick, tone] of [[4, DARK], [2, colour]] as const) {
      fill(canvas, box.x - thick / 2, box.y - thick / 2, box.width + thick, thick, tone);
      fill(canvas, box.x - thick / 2, box.y + box.height - thick / 2, box.width + thick, thick, tone);
      fill(canvas, box.x - thick / 2, box.y, thick, box.height, tone);
      fill(canvas, box.x + box.width - thick / 2, box.y, thick, box.height, tone);
    }
    for (const [x, y] of points68 ?? Object.values(points)) {
      for (const [dx, dy] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
        blend(canvas, Math.round(x) + dx, Math.round(y) + dy, colour);
      }
    }
    const name = String(id);
    fill(canvas, box.x, box.y - ROW, this.glyphs.widthOf(name) + 10, ROW, colour);
    this.glyphs.write(canvas, name, box.x + 5, box.y - ROW, DARK);
  }

  #bars({ id, aus }: NumberedFace, x: number): void {
    const { canvas, glyphs } = this, colour = COLOURS[(id - 1) % COLOURS.length];
    const bar = canvas.width - PADDING - BAR;
    glyphs.write(canvas, `Face ${id}`, x, PADDING, colour);
    aus.forEach(({ au, probability, threshold, present }, i) => {
      const y = PADDING + (i + 1) * ROW;
      glyphs.write(canvas, `${au} ${actionUnit(au).name}`, x, y, present ? INK : QUIET);
      fill(canvas, bar, y + 5, BAR, 10, TRACK);
      if (present !== null) fill(canvas, bar, y + 5, BAR * probability, 10, present ? colour : QUIET);
      fill(canvas, bar + BAR * threshold, y + 3, 1, 14, INK);
    });
  }
}
