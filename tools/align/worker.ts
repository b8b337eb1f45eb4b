/// <reference lib="webworker" />
/** Aligns faces on a core of its own: a photo's path or pixels come in, its record goes out. */
import { openDecoder } from "@emoco/serve/decode";
import { BlazeFace } from "@emoco/web/face-finder";
import { ALIGNMENT_POINTS } from "@emoco/web/model-card";
import type { FacePoints, Pixels } from "@emoco/web/image";
import { dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { alignPhoto, alignPixels, type Known } from "./align_photo.ts";
import type { Entry } from "./journal.ts";

/** A face to align. */
export interface Job {
  readonly source: string;
  /** Where the photo is, or its pixels, which go over to the worker. */
  readonly from: string | (Pixels & { readonly data: Uint8Array<ArrayBuffer> });
  readonly to: string;
  readonly image: string;
  readonly size: number;
  /** Where the face is, or the points to align by. */
  readonly known?: Known;
  /** Points that came with the photo: the finder is held against them. */
  readonly compare?: FacePoints;
}

const decoder = await openDecoder("auto", { isLocal: true });
const model = await Deno.readFile(new URL("../../web/model/blazeface.onnx", import.meta.url));
const finder = await BlazeFace.load({ model, ort }, { intraOpNumThreads: 1 });
sharp.concurrency(1);

self.onmessage = async ({ data }: MessageEvent<Job>) => {
  try {
    self.postMessage(await align(data));
  } catch (error) {
    self.postMessage({ source: data.source, failure: `${data.source}: ${(error as Error).message}` });
  }
};
self.postMessage("ready");

async function align({ source, from, to, image, size, known, compare }: Job): Promise<Entry> {
  const bytes = typeof from === "string" ? await read(from) : undefined;
  if (typeof bytes === "string") {
    const why = bytes === MISSING ? "missing" : "unreadable";
    return { source, reason: bytes, why };
  }
  const aligned = bytes
    ? await alignPhoto(bytes, size, decoder, finder, known)
    : await alignPixels(from as Pixels, size, finder, known);
  if ("reason" in aligned) return { source, ...aligned };
  const { crop, points, face, faces, warnings } = aligned;
  const jpeg = await sharp(crop.data, { raw: { width: size, height: size, channels: 4 } }).removeAlpha()
    .jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
  const path = join(to, image), half = `${path}.part`;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(half, jpeg);
  await Deno.rename(half, path);
  return {
    source,
    image,
    photo: {
      ...(face && { faces, score: round(face.score) }),
      points: Object.fromEntries(Object.entries(points).map(([name, at]) => [name, at.map(round)])),
      ...(warnings && { warnings }),
      ...(face && compare && { off: round(distance(points, compare)) }),
    },
  };
}

const MISSING = "The file does not exist.";

/** The bytes of a file, or why it cannot be read. */
async function read(path: string): Promise<Uint8Array<ArrayBuffer> | string> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return MISSING;
    return `The file cannot be read (${(error as Error).message.split(" (os error")[0]}).`;
  }
}

function distance(found: FacePoints, given: FacePoints): number {
  const between = (one: readonly number[], other: readonly number[]) =>
    Math.hypot(one[0] - other[0], one[1] - other[1]);
  const sum = ALIGNMENT_POINTS.reduce((total, name) => total + between(found[name], given[name]), 0);
  return sum / ALIGNMENT_POINTS.length / between(given.leftEye, given.rightEye);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
