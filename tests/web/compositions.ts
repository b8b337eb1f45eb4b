/** Heads with known points, laid onto made-up backgrounds at any size and angle. */
import { AuDetector } from "@emoco/web/detector";
import { BlazeFace } from "@emoco/web/face-finder";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import {
  type FacePoints,
  type Pixels,
  type Point,
  resize,
  type Similarity,
  transformPoint,
  warp,
} from "@emoco/web/image";

/** A head cut out (RGBA, straight alpha) and where its points lie. */
export interface Head {
  readonly image: Pixels;
  readonly points: FacePoints;
  /** In-plane angle of the head in degrees, clockwise as seen. */
  readonly roll: number;
  /** Whether it shows an action unit, by number: 1 or 0. */
  readonly present: Readonly<Record<string, number>>;
}

/** A picture with one head in it. */
export interface Composition {
  readonly image: Pixels;
  readonly points: FacePoints;
  /** Distance of the eyes in pixels. */
  readonly eyes: number;
}

/** Numbers from 0 to 1 out of a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

/** A slope of two colours with blots, bars and grain: edges and skin tones that are no face. */
export function drawBackground(width: number, height: number, random: () => number): Pixels {
  return resize(drawShapes(width >> 1, height >> 1, random), width, height);
}

function drawShapes(width: number, height: number, random: () => number): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  const colour = () => [0, 1, 2].map(() => 20 + 215 * random());
  const from = colour(), to = colour(), angle = random() * 2 * Math.PI;
  const shapes = Array.from({ length: 4 + Math.floor(random() * 10) }, () => ({
    x: random() * width,
    y: random() * height,
    rx: (0.02 + 0.2 * random()) * width,
    ry: (0.02 + 0.3 * random()) * height,
    round: random() < 0.5,
    colour: colour(),
  }));
  const grain = random() * 16;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const t = 0.5 + 0.5 * ((x / width - 0.5) * Math.cos(angle) + (y / height - 0.5) * Math.sin(angle));
      let rgb = from.map((value, c) => value * (1 - t) + to[c] * t);
      for (const shape of shapes) {
        const dx = Math.abs(x - shape.x) / shape.rx, dy = Math.abs(y - shape.y) / shape.ry;
        if (shape.round ? dx * dx + dy * dy < 1 : dx < 1 && dy < 1) rgb = shape.colour;
      }
      const noise = (random() - 0.5) * grain;
      for (let c = 0; c < 3; c++) data[at + c] = rgb[c] + noise;
      data[at + 3] = 255;
    }
  }
  return { width, height, data };
}

/** Lays the head onto the background with its eyes `eyes` pixels apart, turned by `turn` degrees, wholly inside. */
export function compose(
  background: Pixels,
  head: Head,
  { eyes, turn, at }: { eyes: number; turn: number; at: Point },
): Composition {
  const { leftEye, rightEye, nose } = head.points;
  const scale = eyes / Math.hypot(leftEye[0] - rightEye[0], leftEye[1] - rightEye[1]);
  const a = scale * Math.cos(turn * Math.PI / 180), b = scale * Math.sin(turn * Math.PI / 180);
  const [x, y] = transformPoint({ a, b, x: 0, y: 0 }, nose);
  const place: Similarity = { a, b, x: at[0] - x, y: at[1] - y };
  // Only the square that the head can reach is drawn: its picture is five eye distances wide.
  const side = Math.ceil(7.5 * eyes), left = Math.round(at[0] - side / 2), top = Math.round(at[1] - side / 2);
  const laid = warp(premultiply(head.image), { ...place, x: place.x - left, y: place.y - top }, side);
  const data = background.data.slice() as Uint8ClampedArray<ArrayBuffer>;
  for (let row = 0, from = 0; row < side; row++) {
    for (let column = 0; column < side; column++, from += 4) {
      const x = left + column, y = top + row;
      if (x < 0 || y < 0 || x >= background.width || y >= background.height) continue;
      const to = (y * background.width + x) * 4, rest = 1 - laid.data[from + 3] / 255;
      for (let c = 0; c < 3; c++) data[to + c] = laid.data[from + c] + rest * data[to + c];
    }
  }
  const points = Object.fromEntries(
    Object.entries(head.points).map(([name, point]) => [name, transformPoint(place, point as Point)]),
  ) as unknown as FacePoints;
  return { image: { ...background, data }, points, eyes };
}

function premultiply({ width, height, data }: Pixels): Pixels {
  const out = new Uint8ClampedArray(data);
  for (let i = 0; i < out.length; i += 4) {
    for (let c = 0; c < 3; c++) out[i + c] = data[i + c] * data[i + 3] / 255;
  }
  return { width, height, data: out };
}

/** The heads of a folder with their manifest. */
export async function readHeads(folder: URL): Promise<Head[]> {
  const lines = (await Deno.readTextFile(new URL("manifest.jsonl", folder))).trim().split("\n");
  return await Promise.all(lines.map(async (line) => {
    const { image, points, pose, present } = JSON.parse(line);
    const { data, info } = await sharp(await Deno.readFile(new URL(image, folder))).ensureAlpha().raw()
      .toBuffer({ resolveWithObject: true });
    return {
      image: { width: info.width, height: info.height, data: new Uint8ClampedArray(data) },
      points,
      roll: pose.roll,
      present,
    };
  }));
}

/** The committed finder and model, and the rendered heads to show them. */
export async function openCommitted(): Promise<
  { detector: AuDetector; heads: Head[]; release: () => Promise<void> }
> {
  const read = (name: string) => Deno.readFile(new URL(`../../web/model/${name}`, import.meta.url));
  const finder = await BlazeFace.load({ model: await read("blazeface.onnx"), ort });
  const [model, card] = [await read("emoco.onnx"), await read("emoco.json")];
  const detector = await AuDetector.load({ model, card, finder, ort });
  const release = async () => {
    await detector.release();
    await finder.release();
  };
  return { detector, heads: await readHeads(new URL("../faces/", import.meta.url)), release };
}
