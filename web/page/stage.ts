/**
 * The frame with what was found drawn over it.
 * @module
 */
import { faceColor } from "./face_colors.ts";
import type { Point } from "../similarity.ts";
import type { TrackedFace } from "./recording.ts";

/** A smaller frame is drawn enlarged, so that the marks on it are sharp. */
const LEAST_SIDE = 800;
/** Faces of fewer pixels on screen have finer points. */
const FINE_BELOW = 160;
const POINTS = ["leftEye", "rightEye", "nose", "mouth"] as const;
const DARK = "rgb(0 0 0 / 0.72)";

/** The canvas that shows the frame. */
export class Stage {
  readonly #context: CanvasRenderingContext2D;
  #frame?: ImageBitmap;
  #faces: readonly TrackedFace[] = [];
  #isMirrored = false;
  /** How many faces the canvas says it shows. */
  #told?: number;

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
    if (faces.length !== this.#told) this.#tell(faces.length);
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

  #tell(faces: number): void {
    this.#told = faces;
    const count = faces === 1 ? "1 face" : `${faces || "no"} faces`;
    this.canvas.setAttribute("aria-label", `The picture, with ${count} found in it`);
  }

  #draw(frame: CanvasImageSource, width: number, height: number, isMirrored: boolean): void {
    const { canvas } = this, context = this.#context;
    const scale = Math.max(1, Math.ceil(LEAST_SIDE / Math.max(width, height)));
    if (canvas.width !== width * scale || canvas.height !== height * scale) {
      canvas.width = width * scale;
      canvas.height = height * scale;
    }
    // As thick on screen for a photograph of 24 megapixels as for a camera's frame.
    const { clientWidth, clientHeight } = canvas;
    const unit = Math.max(width / (clientWidth || width * scale), height / (clientHeight || height * scale));
    context.setTransform(isMirrored ? -scale : scale, 0, 0, scale, isMirrored ? width * scale : 0, 0);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(frame, 0, 0, width, height);
    for (let i = 0; i < this.#faces.length; i++) this.#drawMarks(this.#faces[i], unit);
    context.setTransform(scale, 0, 0, scale, 0, 0); // words are never mirrored
    for (let i = 0; i < this.#faces.length; i++) this.#drawLabel(this.#faces[i], unit, width, isMirrored);
  }

  /**
   * Box and points, each with a dark edge: seen on any picture. Every frame passes here, so it makes no lists: what is left
   * behind, and the code that V8 compiles of it, is the page's memory.
   */
  #drawMarks({ id, box, points, points68, gaze }: TrackedFace, unit: number): void {
    const context = this.#context, color = faceColor(id);
    // Sixty-eight points leave room between them on small faces, too.
    const fine = points68 ? unit * Math.min(1, box.width / unit / FINE_BELOW) : unit;
    const radius = (points68 ? 1.6 : 3) * fine;
    context.beginPath();
    context.roundRect(box.x, box.y, box.width, box.height, 10 * unit);
    this.#stroke(DARK, 5 * unit);
    this.#stroke(color, 2.5 * unit);
    context.beginPath();
    for (let i = 0; i < (points68 ?? POINTS).length; i++) {
      const point = points68?.[i] ?? points[POINTS[i]];
      context.moveTo(point[0] + radius, point[1]);
      context.arc(point[0], point[1], radius, 0, 2 * Math.PI);
    }
    this.#stroke(DARK, 3 * fine);
    context.fillStyle = color;
    context.fill();
    if (!gaze) return;
    const far = 0.8 *
      Math.hypot(points.leftEye[0] - points.rightEye[0], points.leftEye[1] - points.rightEye[1]);
    context.beginPath();
    this.#look(points.leftEye, gaze.left, far);
    this.#look(points.rightEye, gaze.right, far);
    this.#stroke(DARK, 4 * unit);
    this.#stroke(color, 2 * unit);
  }

  /** A line from an eye to where it looks; the subject's left is the picture's right. */
  #look(eye: Point, [yaw, pitch]: readonly [yaw: number, pitch: number], far: number): void {
    const y = yaw * Math.PI / 180, p = pitch * Math.PI / 180;
    this.#context.moveTo(eye[0], eye[1]);
    this.#context.lineTo(eye[0] + far * Math.sin(y) * Math.cos(p), eye[1] - far * Math.sin(p));
  }

  #stroke(style: string, width: number): void {
    this.#context.strokeStyle = style;
    this.#context.lineWidth = width;
    this.#context.stroke();
  }

  /** The face's number and its action units, over the box or, where there is no room, inside it. */
  #drawLabel({ id, box, aus }: TrackedFace, unit: number, frameWidth: number, isMirrored: boolean): void {
    const context = this.#context, height = 22 * unit, gap = 7 * unit;
    const x = isMirrored ? frameWidth - box.x - box.width : box.x;
    let text = "";
    for (let i = 0; i < aus.length; i++) if (aus[i].present) text += `${text && " "}AU${aus[i].au}`;
    context.font = `600 ${13 * unit}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    const chip = context.measureText(`${id}`).width + 2 * gap;
    const width = chip + (text ? context.measureText(text).width + 2 * gap : 0);
    const left = Math.max(0, Math.min(x, frameWidth - width));
    const above = box.y - height - 4 * unit, top = above >= 0 ? above : Math.max(0, box.y) + 4 * unit;
    this.#fillBox(DARK, left, top, width, height, 5 * unit);
    this.#fillBox(faceColor(id), left, top, chip, height, 5 * unit);
    context.fillStyle = "#111";
    context.fillText(`${id}`, left + gap, top + height / 2 + unit);
    context.fillStyle = "#fff";
    context.fillText(text, left + chip + gap, top + height / 2 + unit);
  }

  #fillBox(style: string, x: number, y: number, width: number, height: number, radius: number): void {
    const context = this.#context;
    context.fillStyle = style;
    context.beginPath();
    context.roundRect(x, y, width, height, radius);
    context.fill();
  }
}
