/**
 * The random views of a face that form a positive pair (paper, IV-B.1: "follows MoCo").
 *
 * A view is drawn first (plain numbers, from a stream of its own) and rendered second, so that a resumed run repeats
 * it and a test can render the same draw by other means. Images are RGB bytes [height, width, 3].
 */
import type { Random } from "./random.ts";

/** An RGB picture, 3 bytes a pixel, row by row. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

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
 * @param size side of the view in pixels: blur is drawn for 224 px, as MoCo does, and scaled to it
 */
export function drawView(
  random: Random,
  { width, height }: { width: number; height: number },
  { views, cropScale, size }: { views: ViewKind; cropScale: readonly [number, number]; size: number },
): View {
  const kind = VIEWS[views];
  const crop = drawCrop(random, width, height, cropScale);
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
  return { crop, jitter, grey, greyFirst: kind.greyFirst, blur, flip: random() < 0.5 };
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
  const pixels = resample(image, view, size);
  if (view.grey && view.greyFirst) turnGrey(pixels);
  for (const { kind, amount } of view.jitter) JITTER[kind](pixels, amount);
  if (view.grey && !view.greyFirst) turnGrey(pixels);
  const blurred = view.blur > 0 ? blur(pixels, size, view.blur) : pixels;
  for (let i = 0; i < blurred.length; i += 3) {
    for (let c = 0; c < 3; c++) out[offset + i + c] = (blurred[i + c] / 255 - MEAN[c]) / STD[c];
  }
}

/** Random resized crop: area and aspect (3/4 to 4/3, log-uniform) within the picture, as torchvision draws it. */
function drawCrop(random: Random, width: number, height: number, [least, most]: readonly [number, number]) {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * (least + (most - least) * random());
    const aspect = Math.exp(Math.log(4 / 3) * (2 * random() - 1));
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

/** The crop at `size` px by a separable triangle filter, widened when shrinking so that nothing aliases. */
function resample(image: RgbImage, { crop, flip }: View, size: number): Float32Array {
  const columns = taps(crop.x, crop.width, image.width, size, flip);
  const rows = taps(crop.y, crop.height, image.height, size, false);
  const { first, count } = rows;
  const top = first[0], bottom = first[size - 1] + count[size - 1];
  const narrow = new Float32Array((bottom - top) * size * 3);
  for (let y = top, to = 0; y < bottom; y++) {
    const row = y * image.width;
    for (let x = 0; x < size; x++, to += 3) {
      let r = 0, g = 0, b = 0;
      for (
        let t = 0, w = x * columns.most, p = (row + columns.first[x]) * 3;
        t < columns.count[x];
        t++, w++, p += 3
      ) {
        const weight = columns.weights[w];
        r += weight * image.data[p];
        g += weight * image.data[p + 1];
        b += weight * image.data[p + 2];
      }
      narrow[to] = r;
      narrow[to + 1] = g;
      narrow[to + 2] = b;
    }
  }
  const stride = size * 3;
  const pixels = new Float32Array(size * stride);
  for (let y = 0; y < size; y++) {
    for (let t = 0; t < count[y]; t++) {
      const weight = rows.weights[y * rows.most + t], from = (first[y] - top + t) * stride, to = y * stride;
      for (let i = 0; i < stride; i++) pixels[to + i] += weight * narrow[from + i];
    }
  }
  return pixels;
}

/** For each of `size` outputs: the first input pixel, how many, and their weights. */
function taps(start: number, length: number, limit: number, size: number, reverse: boolean) {
  const scale = length / size, radius = Math.max(1, scale);
  const most = Math.ceil(2 * radius) + 1;
  const first = new Int32Array(size), count = new Int32Array(size), weights = new Float32Array(size * most);
  for (let i = 0; i < size; i++) {
    const centre = start + ((reverse ? size - 1 - i : i) + 0.5) * scale;
    const from = Math.max(0, Math.floor(centre - radius + 0.5));
    const to = Math.min(limit, Math.max(from + 1, Math.floor(centre + radius + 0.5)));
    first[i] = Math.min(from, limit - 1);
    count[i] = to - first[i];
    let sum = 0;
    for (let t = 0; t < count[i]; t++) {
      const weight = Math.max(0, 1 - Math.abs(first[i] + t + 0.5 - centre) / radius);
      sum += weights[i * most + t] = weight;
    }
    for (let t = 0; t < count[i]; t++) weights[i * most + t] /= sum;
  }
  return { first, count, weights, most };
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
      for (let c = i; c < i + 3; c++) pixels[c] = clamp(pixels[c] * amount + rest);
    }
  },
  hue(pixels, amount) {
    for (let i = 0; i < pixels.length; i += 3) turnHue(pixels, i, amount);
  },
};

/** Adds `turn` to the hue (HSV) of the pixel at `i`; value and saturation stay. */
function turnHue(pixels: Float32Array, i: number, turn: number): void {
  const r = pixels[i], g = pixels[i + 1], b = pixels[i + 2];
  const most = Math.max(r, g, b), spread = most - Math.min(r, g, b);
  if (spread === 0) return;
  const sector = most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread;
  const hue = ((sector + 6 * turn) % 6 + 6) % 6;
  for (let c = 0; c < 3; c++) {
    const k = (5 - 2 * c + hue) % 6; // f(5), f(3), f(1) give red, green, blue
    pixels[i + c] = most - spread * Math.max(0, Math.min(k, 4 - k, 1));
  }
}

function turnGrey(pixels: Float32Array): void {
  for (let i = 0; i < pixels.length; i += 3) pixels.fill(luma(pixels, i), i, i + 3);
}

/** Gaussian blur of [size, size, 3], edges replicated. */
function blur(pixels: Float32Array, size: number, deviation: number): Float32Array {
  const radius = Math.ceil(3 * deviation);
  const kernel = Float32Array.from(
    { length: 2 * radius + 1 },
    (_, i) => Math.exp(-0.5 * ((i - radius) / deviation) ** 2),
  );
  const sum = kernel.reduce((total, value) => total + value, 0);
  const pass = (input: Float32Array, along: number, across: number) => {
    const output = new Float32Array(input.length);
    for (let line = 0; line < size; line++) {
      for (let i = 0; i < size; i++) {
        const to = line * across + i * along;
        for (let t = -radius; t <= radius; t++) {
          const from = line * across + Math.max(0, Math.min(size - 1, i + t)) * along;
          const weight = kernel[t + radius] / sum;
          for (let c = 0; c < 3; c++) output[to + c] += weight * input[from + c];
        }
      }
    }
    return output;
  };
  return pass(pass(pixels, 3, 3 * size), 3 * size, 3);
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
  },
  "moco-v2": {
    jitter: 0.4,
    hue: 0.1,
    jitterProbability: 0.8,
    greyProbability: 0.2,
    blurProbability: 0.5,
    greyFirst: false,
  },
  // Ours for finetuning, where the paper is silent: the whole expression stays in view, colours and sides vary.
  finetune: {
    jitter: 0.2,
    hue: 0.02,
    jitterProbability: 0.8,
    greyProbability: 0.05,
    blurProbability: 0,
    greyFirst: false,
  },
} as const;
