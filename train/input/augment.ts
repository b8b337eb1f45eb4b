/**
 * The random views of a face that form a positive pair (paper, IV-B.1: "follows MoCo").
 *
 * A view is drawn first (plain numbers, from a stream of its own) and rendered second, so that a resumed run repeats
 * it and a test can render the same draw by other means. Images are RGB bytes [height, width, 3].
 */
import { applyCover } from "./cover.ts";
import { type Cover, drawCover } from "./cover_kinds.ts";
import { type Degradation, degrade, drawDegradation } from "./degrade.ts";
import { blur, resample, type RgbImage } from "./filters.ts";
import type { Random } from "../runs/random.ts";

/** Everything that was drawn for one view. */
export interface View {
  /** Part of the picture, in pixels. */
  crop: { x: number; y: number; width: number; height: number };
  flip: boolean;
  /** Colour jitter in the order it is applied, each with its factor (hue: shift in turns). */
  jitter: { kind: JitterKind; amount: number }[];
  grey: boolean;
  /** `moco-v1` turns grey before its jitter, `moco-v2` after. */
  greyFirst: boolean;
  /** Standard deviation of the Gaussian blur in pixels of the view, 0 for none. */
  blur: number;
  /** What a bad picture does to a face; absent where the list has none of it. */
  degradation?: Degradation;
  /** What is laid over the face; absent where nothing is. */
  cover?: Cover;
  /** Quarters by which it is turned clockwise in the end; absent where it stands as the face does. */
  turn?: number;
}

/** The two lists of augmentations that MoCo's authors published, and ours for finetuning. */
export type ViewKind = keyof typeof VIEWS;

type JitterKind = "brightness" | "contrast" | "saturation" | "hue";

/** ImageNet mean and standard deviation of RGB in [0, 1]: what views are normalised with, and the model card's. */
export const MEAN = [0.485, 0.456, 0.406] as const;
export const STD = [0.229, 0.224, 0.225] as const;

/**
 * Draws one view.
 * @param cropScale least and greatest share of the picture's area (MoCo: 0.2 to 1)
 * @param covers share of the views over which something is laid, see `cover.ts`
 * @param turns share of the views that lie on their side or stand on their head
 * @param size side of the view in pixels: blur is drawn for 224 px, as MoCo does, and scaled to it
 */
export function drawView(
  random: Random,
  { width, height }: { width: number; height: number },
  { views, cropScale, size, covers = 0, turns = 0 }: {
    views: ViewKind;
    cropScale: readonly [number, number];
    size: number;
    covers?: number;
    turns?: number;
  },
): View {
  const kind = VIEWS[views];
  const crop = drawCrop(random, width, height, cropScale, kind.aspect);
  const jitter: View["jitter"] = [];
  if (random() < kind.jitterProbability) {
    for (const name of ["brightness", "contrast", "saturation"] as const) {
      jitter.push({ kind: name, amount: 1 + kind.jitter * (2 * random() - 1) });
    }
    jitter.push({ kind: "hue", amount: kind.hue * (2 * random() - 1) });
    for (let i = jitter.length - 1; i > 0; i--) { // torchvision applies them in random order
      const j = Math.floor(random() * (i + 1));
      [jitter[i], jitter[j]] = [jitter[j], jitter[i]];
    }
  }
  const grey = random() < kind.greyProbability;
  const blur = random() < kind.blurProbability ? (0.1 + 1.9 * random()) * size / 224 : 0;
  const view = { crop, jitter, grey, greyFirst: kind.greyFirst, blur, flip: random() < 0.5 };
  const seen = kind.degrades ? { ...view, degradation: drawDegradation(random) } : view;
  const behind = covers > 0 && random() < covers ? { ...seen, cover: drawCover(random) } : seen;
  return turns > 0 && random() < turns ? { ...behind, turn: 1 + Math.floor(3 * random()) } : behind;
}

/** The view without any draw: the whole picture, as the probes, the finetuning and the detector see it. */
export function plainView({ width, height }: { width: number; height: number }): View {
  return {
    crop: { x: 0, y: 0, width, height },
    flip: false,
    jitter: [],
    grey: false,
    greyFirst: false,
    blur: 0,
  };
}

/** Renders a view at `size` px, normalised, to `out` from `offset` on: [size, size, 3]. */
export function renderView(
  image: RgbImage,
  view: View,
  size: number,
  out: Float32Array,
  offset: number,
): void {
  let pixels = resample(image, view.crop, view.flip, size);
  if (view.cover) applyCover(pixels, size, view.cover, view, image);
  for (let quarter = 0; quarter < (view.turn ?? 0); quarter++) pixels = turnQuarter(pixels, size);
  if (view.grey && view.greyFirst) turnGrey(pixels);
  for (const { kind, amount } of view.jitter) JITTER[kind](pixels, amount);
  if (view.grey && !view.greyFirst) turnGrey(pixels);
  let blurred = view.blur > 0 ? blur(pixels, size, view.blur) : pixels;
  if (view.degradation) blurred = degrade(blurred, size, view.degradation);
  for (let i = 0, to = offset; i < blurred.length; i += 3, to += 3) {
    out[to] = blurred[i] * SCALE[0] - SHIFT[0];
    out[to + 1] = blurred[i + 1] * SCALE[1] - SHIFT[1];
    out[to + 2] = blurred[i + 2] * SCALE[2] - SHIFT[2];
  }
}

/** A square of pixels turned clockwise by a quarter. */
function turnQuarter(pixels: Float32Array, size: number): Float32Array {
  const turned = new Float32Array(pixels.length);
  for (let y = 0, from = 0; y < size; y++) {
    for (let x = 0; x < size; x++, from += 3) {
      turned.set(pixels.subarray(from, from + 3), 3 * (x * size + size - 1 - y));
    }
  }
  return turned;
}

/** (v / 255 - mean) / std as v * scale - shift. */
const SCALE = STD.map((std) => 1 / (255 * std)), SHIFT = MEAN.map((mean, c) => mean / STD[c]);

/** Random resized crop: area and aspect (1 / `widest` to `widest`, log-uniform) in the picture, as torchvision draws it. */
function drawCrop(
  random: Random,
  width: number,
  height: number,
  [least, most]: readonly [number, number],
  widest: number,
) {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * (least + (most - least) * random());
    const aspect = Math.exp(Math.log(widest) * (2 * random() - 1));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w <= width && h <= height) {
      const x = Math.floor(random() * (width - w + 1));
      return { x, y: Math.floor(random() * (height - h + 1)), width: w, height: h };
    }
  }
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), width: side, height: side };
}

/** Jitter of [pixels, 3] in 0-255, in place: blends towards black, the mean grey, the pixel's own grey; turns the hue. */
const JITTER: Record<JitterKind, (pixels: Float32Array, amount: number) => void> = {
  brightness(pixels, amount) {
    for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(pixels[i] * amount);
  },
  contrast(pixels, amount) {
    let sum = 0;
    for (let i = 0; i < pixels.length; i += 3) sum += luma(pixels, i);
    const rest = (1 - amount) * sum / (pixels.length / 3);
    for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(pixels[i] * amount + rest);
  },
  saturation(pixels, amount) {
    for (let i = 0; i < pixels.length; i += 3) {
      const rest = (1 - amount) * luma(pixels, i);
      pixels[i] = clamp(pixels[i] * amount + rest);
      pixels[i + 1] = clamp(pixels[i + 1] * amount + rest);
      pixels[i + 2] = clamp(pixels[i + 2] * amount + rest);
    }
  },
  hue(pixels, amount) {
    for (let i = 0; i < pixels.length; i += 3) turnHue(pixels, i, 6 * amount);
  },
};

/** Adds `turn`, in sixths of a whole one, to the hue (HSV) of the pixel at `i`; value and saturation stay. */
function turnHue(pixels: Float32Array, i: number, turn: number): void {
  const r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
  const most = r > g ? (r > b ? r : b) : g > b ? g : b;
  const spread = most - (r < g ? (r < b ? r : b) : g < b ? g : b);
  if (spread === 0) return;
  const sector = most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
  const hue = within6(sector + turn + 6);
  pixels[i] = most - spread * ramp(within6(hue + 5)); // f(5), f(3), f(1) give red, green, blue
  pixels[i + 1] = most - spread * ramp(within6(hue + 3));
  pixels[i + 2] = most - spread * ramp(within6(hue + 1));
}

/** `value` modulo 6, for values of 0 to under 18. */
function within6(value: number): number {
  return value < 6 ? value : value < 12 ? value - 6 : value - 12;
}

/** How much of the spread a channel lacks at `k` sixths of a turn from where it is full. */
function ramp(k: number): number {
  const least = k < 4 - k ? k : 4 - k;
  return least < 0 ? 0 : least > 1 ? 1 : least;
}

function turnGrey(pixels: Float32Array): void {
  for (let i = 0; i < pixels.length; i += 3) {
    pixels[i] = pixels[i + 1] = pixels[i + 2] = luma(pixels, i);
  }
}

/** ITU-R 601 luma, as PIL's grey. */
function luma(pixels: Float32Array, i: number): number {
  return 0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2];
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

const VIEWS = {
  "moco-v1": {
    jitter: 0.4,
    hue: 0.4,
    jitterProbability: 1,
    greyProbability: 0.2,
    blurProbability: 0,
    greyFirst: true,
    aspect: 4 / 3,
    degrades: false,
  },
  "moco-v2": {
    jitter: 0.4,
    hue: 0.1,
    jitterProbability: 0.8,
    greyProbability: 0.2,
    blurProbability: 0.5,
    greyFirst: false,
    aspect: 4 / 3,
    degrades: false,
  },
  // Ours for finetuning, where the paper is silent: the whole expression stays in view, colours and sides vary.
  finetune: {
    jitter: 0.2,
    hue: 0.02,
    jitterProbability: 0.8,
    greyProbability: 0.05,
    blurProbability: 0,
    greyFirst: false,
    aspect: 4 / 3,
    degrades: false,
  },
  // Ours for faces that are to be read elsewhere than where they were made: tone and texture vary strongly, so that a
  // renderer or a studio is forgotten; geometry stays within a finder's own error, since turning or stretching a face
  // moves a brow as far as AU2 does.
  adverse: {
    jitter: 0.45,
    hue: 0.06,
    jitterProbability: 0.8,
    greyProbability: 0.2,
    blurProbability: 0.3,
    greyFirst: false,
    aspect: 1.05,
    degrades: true,
  },
  // For frames of a clip, whose colours must be equal for one to be drawn from the other (FAb-Net, TCAE): a square crop.
  clip: {
    jitter: 0,
    hue: 0,
    jitterProbability: 0,
    greyProbability: 0,
    blurProbability: 0,
    greyFirst: false,
    aspect: 1,
    degrades: false,
  },
} as const;
