/**
 * Where the faces are: MediaPipe's BlazeFace (back model, 256 x 256; Bazarevsky et al. 2019, arXiv 1907.05047)
 * behind an interface, so that a better finder can stand in.
 * @module
 */
import {
  type FacePoints,
  invert,
  type Pixels,
  type Point,
  type Similarity,
  transformPoint,
  warp,
} from "./image.ts";
import { loadModel, type Model, type OrtLike, type SessionOptions } from "./inference.ts";

/** An upright rectangle in pixels; x, y is its top-left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A face in a picture. */
export interface FoundFace {
  readonly box: Box;
  /** How sure the finder is, 0-1. */
  readonly score: number;
  readonly points: FacePoints;
}

/** What finds faces. */
export interface FaceFinder {
  /** All faces of the picture, in no particular order; none is an empty list. */
  find(image: Pixels, signal?: AbortSignal): Promise<FoundFace[]>;
}

/** How BlazeFace is asked. */
export interface BlazeFaceOptions extends SessionOptions {
  /** The least score of a face. */
  readonly minScore?: number;
  /** Whether to look again in finer tiles when the whole picture shows no face or only small ones. */
  readonly tiles?: boolean;
  readonly refine?: boolean;
}

/** Side of the model's input in pixels. */
const SIDE = 256;
/** The two grids of anchors: cells a side, anchors a cell, and the outputs with their scores and boxes. */
const GRIDS = [
  { cells: 16, anchors: 2, scores: "Identity:0", boxes: "Identity_2:0" },
  { cells: 8, anchors: 6, scores: "Identity_1:0", boxes: "Identity_3:0" },
] as const;
/** Numbers a box: centre, extent and six points, of which the subject's right eye comes first. */
const VALUES = 16;
/** Boxes that overlap more than this (intersection over union) are the same face. */
const SAME_FACE = 0.3;

/** Box centre, box extent, right eye, left eye, nose, mouth, right ear, left ear: x and y in turn. */
type Candidate = { score: number; values: Float64Array };

/** The BlazeFace finder. */
export class BlazeFace implements FaceFinder {
  private constructor(private readonly model: Model, private readonly options: BlazeFaceOptions) {}

  /** Loads `blazeface.onnx`; refuses a file that is not the 256 x 256 back model. */
  static async load(
    { model, ort }: { model: Uint8Array; ort: OrtLike },
    options: BlazeFaceOptions = {},
  ): Promise<BlazeFace> {
    const loaded = await loadModel(ort, model, "The face finder's model", options);
    const missing = GRIDS.flatMap((grid) => [grid.scores, grid.boxes]).filter((name) =>
      !loaded.outputs.includes(name)
    );
    if (missing.length > 0) {
      throw new TypeError(
        `The face finder's model is not BlazeFace's back model: output ${missing[0]} is missing.`,
      );
    }
    return new BlazeFace(loaded, options);
  }

  async find(image: Pixels): Promise<FoundFace[]> {
    const longest = Math.max(image.width, image.height);
    const whole = { side: longest, x: (image.width - longest) / 2, y: (image.height - longest) / 2 };
    let found = await this.look(image, squareToInput(whole.x, whole.y, whole.side));
    if (this.options.refine) found = await this.refine(image, found);
    return found.map(toFace);
  }

  async refine(image: Pixels, found: Candidate[]): Promise<Candidate[]> {
    const out: Candidate[] = [];
    for (const face of found) {
      const [cx, cy, w, h, rx, ry, lx, ly] = face.values;
      const angle = Math.atan2(ly - ry, lx - rx);
      const scale = SIDE / (Math.max(w, h) * 2);
      const a = Math.cos(angle) * scale, b = -Math.sin(angle) * scale;
      const toInput = { a, b, x: SIDE / 2 - a * cx + b * cy, y: SIDE / 2 - b * cx - a * cy };
      const again = await this.look(image, toInput);
      let best = face, bestD = w / 2;
      for (const c of again) {
        const d = Math.hypot(c.values[0] - cx, c.values[1] - cy);
        if (d < bestD) best = c, bestD = d;
      }
      out.push(best);
    }
    return out;
  }

  /** The faces in the square of the picture that the similarity takes to the model's input. */
  private async look(image: Pixels, toInput: Similarity): Promise<Candidate[]> {
    const input = warp(image, toInput, SIDE);
    const data = new Float32Array(SIDE * SIDE * 3);
    for (let i = 0, at = 0; i < input.data.length; i += 4) {
      data[at++] = input.data[i] / 127.5 - 1;
      data[at++] = input.data[i + 1] / 127.5 - 1;
      data[at++] = input.data[i + 2] / 127.5 - 1;
    }
    const outputs = await this.model.run({ data, dims: [1, SIDE, SIDE, 3] });
    const back = invert(toInput);
    const scale = Math.hypot(back.a, back.b);
    const candidates: Candidate[] = [];
    for (const { cells, anchors, scores, boxes } of GRIDS) {
      const logits = outputs[scores].data, raw = outputs[boxes].data;
      for (let i = 0; i < logits.length; i++) {
        const score = 1 / (1 + Math.exp(-logits[i]));
        if (score < (this.options.minScore ?? 0.6)) continue;
        const cell = Math.floor(i / anchors);
        const anchorX = (cell % cells + 0.5) / cells * SIDE,
          anchorY = (Math.floor(cell / cells) + 0.5) / cells * SIDE;
        const values = new Float64Array(VALUES);
        for (let v = 0; v < VALUES; v += 2) {
          const x = raw[i * VALUES + v], y = raw[i * VALUES + v + 1];
          [values[v], values[v + 1]] = v === 2
            ? [x * scale, y * scale]
            : transformPoint(back, [anchorX + x, anchorY + y]);
        }
        candidates.push({ score, values });
      }
    }
    return blend(candidates);
  }
}

function squareToInput(x: number, y: number, side: number): Similarity {
  const a = SIDE / side;
  return { a, b: 0, x: -x * a, y: -y * a };
}

/** Weighted suppression (BlazeFace, section 4): faces that overlap the surest one are averaged into it by score. */
function blend(candidates: Candidate[]): Candidate[] {
  const rest = [...candidates].sort((one, other) => other.score - one.score);
  const blended: Candidate[] = [];
  while (rest.length > 0) {
    const surest = rest[0];
    const same = rest.filter((candidate) => overlap(surest, candidate) > SAME_FACE || candidate === surest);
    const total = same.reduce((sum, { score }) => sum + score, 0);
    const values = surest.values.map((_, v) =>
      same.reduce((sum, c) => sum + c.score * c.values[v], 0) / total
    );
    blended.push({ score: surest.score, values });
    for (const candidate of same) rest.splice(rest.indexOf(candidate), 1);
  }
  return blended;
}

function overlap({ values: one }: Candidate, { values: other }: Candidate): number {
  const width = Math.min(one[0] + one[2] / 2, other[0] + other[2] / 2) -
    Math.max(one[0] - one[2] / 2, other[0] - other[2] / 2);
  const height = Math.min(one[1] + one[3] / 2, other[1] + other[3] / 2) -
    Math.max(one[1] - one[3] / 2, other[1] - other[3] / 2);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (one[2] * one[3] + other[2] * other[3] - shared);
}

function toFace({ score, values }: Candidate): FoundFace {
  const point = (index: number): Point => [values[index], values[index + 1]];
  return {
    box: { x: values[0] - values[2] / 2, y: values[1] - values[3] / 2, width: values[2], height: values[3] },
    score,
    points: { rightEye: point(4), leftEye: point(6), nose: point(8), mouth: point(10) },
  };
}
