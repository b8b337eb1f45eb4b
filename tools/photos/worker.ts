/// <reference lib="webworker" />
/** Reads photographs on a core of its own: a picture's path comes in, what each model says of its face goes out. */
import { ImageError, openDecoder } from "@emoco/serve/decode";
import { AuDetector, type DetectedFace } from "@emoco/web/detector";
import { BlazeFace, type FaceFinder, type FoundFace } from "@emoco/web/face-finder";
import type { Pixels } from "@emoco/web/image";
import { type ModelCard, parseModelCard } from "@emoco/web/model-card";
import * as ort from "onnxruntime-node";
import type { ModelFiles } from "./models.ts";

/** What a worker is started with. */
export interface Setting {
  readonly models: readonly ModelFiles[];
  /** Path of the face finder's model. */
  readonly finder: string;
  /** Whether answers are read as the model gives them, whatever calibration its card holds. */
  readonly uncalibrated?: boolean;
}

/** A picture to read. */
export interface Job {
  readonly index: number;
  readonly path: string;
}

/** What came of a picture: of each model the largest face, or why there is none. */
export type Reading =
  | { readonly faces: number; readonly models: readonly DetectedFace[] }
  | { readonly reason: string };

/** What a worker sends: that it is ready, a reading, or why it cannot go on. */
export type Message = "ready" | { readonly index: number; readonly reading: Reading } | {
  readonly failure: string;
};

/** Looks once at a picture, however many models ask: their crops come from the same faces. */
class OneLook implements FaceFinder {
  #picture?: Pixels;
  #found?: Promise<FoundFace[]>;

  constructor(private readonly finder: FaceFinder) {}

  find(picture: Pixels): Promise<FoundFace[]> {
    if (this.#picture === picture && this.#found) return this.#found;
    this.#picture = picture;
    return this.#found = this.finder.find(picture);
  }
}

/** Not awaited here: a message that comes before there is a listener is lost. */
const decoder = openDecoder();
const send = (message: Message) => self.postMessage(message);
let detectors: AuDetector[] = [];

self.onmessage = async ({ data }: MessageEvent<Setting | Job>) => {
  try {
    if ("models" in data) {
      detectors = await open(data);
      send("ready");
    } else send({ index: data.index, reading: await read(data.path) });
  } catch (error) {
    send({ failure: `${"path" in data ? `${data.path}: ` : ""}${(error as Error).message}` });
  }
};

async function open({ models, finder: path, uncalibrated }: Setting): Promise<AuDetector[]> {
  const options = { intraOpNumThreads: 1 };
  const finder = new OneLook(await BlazeFace.load({ model: await Deno.readFile(path), ort }, options));
  return await Promise.all(models.map(async ({ card, file }) => {
    const content: ModelCard = parseModelCard(JSON.parse(await Deno.readTextFile(card)));
    const aus = uncalibrated ? content.aus.map(({ au, threshold }) => ({ au, threshold })) : content.aus;
    const parts = { model: await Deno.readFile(file), card: { ...content, aus }, finder, ort };
    return await AuDetector.load(parts, options);
  }));
}

/** The whole path of the product: decode, find, align, run; of several faces the largest. */
async function read(path: string): Promise<Reading> {
  let picture: Pixels;
  try {
    picture = await (await decoder).decode(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof ImageError) return { reason: error.message };
    throw error;
  }
  const seen: DetectedFace[] = [];
  let count = 0;
  for (const detector of detectors) {
    const { faces: [largest, ...others] } = await detector.detect(picture);
    if (!largest) return { reason: "No face was found." };
    count = 1 + others.length;
    seen.push(largest);
  }
  return { faces: count, models: seen };
}
