/// <reference lib="webworker" />
/** Aligns photos on a core of its own: a photo's path comes in, its record goes out. */
import { openDecoder } from "@emoco/serve/decode";
import { BlazeFace } from "@emoco/web/face-finder";
import { dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { alignPhoto } from "./align_photo.ts";
import type { Entry } from "./journal.ts";

/** What a worker is told: once the folders and the size, then photo after photo. */
export interface Job {
  readonly source: string;
  readonly from: string;
  readonly to: string;
  readonly image: string;
  readonly size: number;
}

const decoder = await openDecoder();
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

async function align({ source, from, to, image, size }: Job): Promise<Entry> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await Deno.readFile(from);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { source, reason: "The file does not exist." };
    throw error;
  }
  const aligned = await alignPhoto(bytes, size, decoder, finder);
  if ("reason" in aligned) return { source, reason: aligned.reason };
  const { crop, face, faces } = aligned;
  const jpeg = await sharp(crop.data, { raw: { width: size, height: size, channels: 4 } }).removeAlpha()
    .jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
  const path = join(to, image), half = `${path}.part`;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(half, jpeg);
  await Deno.rename(half, path);
  const round = (value: number) => Math.round(value * 100) / 100;
  const points = Object.fromEntries(Object.entries(face.points).map(([name, at]) => [name, at.map(round)]));
  return { source, image, photo: { faces, score: round(face.score), points } };
}
