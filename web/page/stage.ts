/**
 * The frame with what was found drawn over it.
 * @module
 */
import type { Point } from "../image.ts";
import { faceColor } from "./face_colors.ts";
import type { TrackedFace } from "./recording.ts";

/** A smaller frame is drawn enlarged, so that the marks on it are sharp. */
const LEAST_SIDE = 800;
const DARK = "rgb(0 0 0 / 0.72)";

/** The canvas that shows the frame. */
export class Stage {
  readonly #context: CanvasRenderingContext2D;
  #frame?: ImageBitmap;
  #faces: readonly TrackedFace[] = [];
  #isMirrored = false;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("This browser cannot draw on a canvas.");
    this.#context = context;
  }

  /** Shows a frame that was analysed and keeps it for export; the one before is freed. */
  show(frame: ImageBitmap, faces: readonly TrackedFace[], isMirrored = false): void {
    if (this.#frame !== frame) this.#frame?.close();
    this.#frame = frame;
    this.#faces = faces;
    this.#isMirrored = isMirrored;
    this.#draw(frame, frame.width, frame.height, isMirrored);
    const count = faces.length === 1 ? "1 face" : `${faces.length || "no"} faces`;
    this.canvas.setAttribute("aria-label", `The picture, with ${count} found in it`);
  }

  /** Shows a frame that nothing is known of yet, under what the last one showed. */
  preview(frame: CanvasImageSource, width: number, height: number, isMirrored = false): void {
    this.#draw(frame, width, height, isMirrored);
  }

  /** Forgets the frame and what was found in it. */
  clear(): void {
    this.#frame?.close();
    this.#frame = undefined;
    this.#faces = [];
  }

  /** The last analysed frame as it was measured, never mirrored, with the marks; undefined where there is none. */
  async toPng(): Promise<Blob | undefined> {
    const frame = this.#frame;
    if (!frame) return undefined;
    this.#draw(frame, frame.width, frame.height, false);
    const png = await new Promise<Blob | null>((resolve) => this.canvas.toBlob(resolve, "image/png"));
    this.#draw(frame, frame.width, frame.height, this.#isMirrored);
    if (!png) throw new Error("There is not enough memory to write the picture.");
    return png;
  }

  #draw(frame: CanvasImageSource, width: number, height: number, isMirrored: boolean): void {
    const { canvas } = this, context = this.#context;
    const scale = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(width, height)));
    if (canvas.width !== width * scale || canvas.height !== height * scale) {
      Object.assign(canvas, { width: width * scale, height: height * scale });
    }
    context.setTransform(isMirrored ? -scale : scale, 0, 0, scale, isMirrored ? width * scale : 0, 0);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(frame, 0, 0, width, height);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const place = ([x, y]: Point): Point => [isMirrored ? width - x : x, y];
    // As thick on screen for a photograph of 24 megapixels as for a camera's frame.
    const { clientWidth, clientHeight } = canvas;
    const unit = Math.max(width / (clientWidth || width * scale), height / (clientHeight || height * scale));
    for (const face of this.#faces) this.#drawFace(face, place, unit, width);
  }

  #drawFace(
    { id, box, points, aus }: TrackedFace,
    place: (point: Point) => Point,
    unit: number,
    frameWidth: number,
  ): void {
    const context = this.#context, color = faceColor(id);
    const [x1] = place([box.x, 0]), [x2] = place([box.x + box.width, 0]), left = Math.min(x1, x2);
    for (const [style, width] of [[DARK, 5], [color, 2.5]] as const) {
      context.strokeStyle = style;
      context.lineWidth = width * unit;
      context.beginPath();
      context.roundRect(left, box.y, box.width, box.height, 10 * unit);
      context.stroke();
    }
    for (const point of Object.values(points)) {
      const [x, y] = place(point);
      for (const [style, radius] of [[DARK, 4.5], [color, 3]] as const) {
        context.fillStyle = style;
        context.beginPath();
        context.arc(x, y, radius * unit, 0, 2 * Math.PI);
        context.fill();
      }
    }
    const present = aus.filter(({ present }) => present).map(({ au }) => `AU${au}`);
    this.#drawLabel(left, box.y, [`${id}`, ...present], color, unit, frameWidth);
  }

  /** The face's number and its action units, over the box or, where there is no room, inside it. */
  #drawLabel(
    x: number,
    y: number,
    [id, ...units]: string[],
    color: string,
    unit: number,
    frameWidth: number,
  ): void {
    const context = this.#context, height = 22 * unit, gap = 7 * unit;
    context.font = `600 ${13 * unit}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    const text = units.join(" "), chip = context.measureText(id).width + 2 * gap;
    const width = chip + (text ? context.measureText(text).width + 2 * gap : 0);
    const left = Math.max(0, Math.min(x, frameWidth - width));
    const top = y - height - 4 * unit >= 0 ? y - height - 4 * unit : Math.max(0, y) + 4 * unit;
    context.fillStyle = DARK;
    context.beginPath();
    context.roundRect(left, top, width, height, 5 * unit);
    context.fill();
    context.fillStyle = color;
    context.beginPath();
    context.roundRect(left, top, chip, height, 5 * unit);
    context.fill();
    context.fillStyle = "#111";
    context.fillText(id, left + gap, top + height / 2 + unit);
    context.fillStyle = "#fff";
    context.fillText(text, left + chip + gap, top + height / 2 + unit);
  }
}
