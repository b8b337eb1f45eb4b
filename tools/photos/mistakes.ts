/**
 * The answers that a model was surest of and wrong with, as pictures.
 * @module
 */
import { openDecoder } from "@emoco/serve/decode";
import { actionUnit } from "@emoco/web/facs";
import { cropFace, type FacePoints } from "@emoco/web/image";
import sharp from "sharp";
import { inlineJpeg } from "../../train/units/face_figure.ts";
import { escapeHtml } from "../../train/runs/svg_chart.ts";
import type { Photo } from "./manifest.ts";
import type { TestedModel } from "./models.ts";
import type { Reading } from "./worker.ts";

/** Pictures of a unit. */
const MOST = 8;
/** Side of a picture in pixels, about twice as large as it is shown. */
const SIDE = 160;

/** A wrong answer. */
export interface Mistake {
  readonly index: number;
  readonly probability: number;
  /** Whether the unit was there. */
  readonly present: boolean;
  /** How far beyond its threshold the answer was, as a share of the way to 0 or to 1. */
  readonly sureness: number;
}

/** Wrong answers on one unit, the surest first. */
export function mistakesOf(
  photos: readonly Photo[],
  au: number,
  probabilities: readonly (number | undefined)[],
  threshold: number,
): Mistake[] {
  return photos.flatMap(({ present: labels }, index) => {
    const present = labels.get(au), probability = probabilities[index];
    if (present === undefined || probability === undefined || present === probability >= threshold) return [];
    const sureness = present
      ? (threshold - probability) / threshold
      : (probability - threshold) / (1 - threshold);
    return [{ index, probability, present, sureness }];
  }).sort((one, other) => other.sureness - one.sureness || one.index - other.index);
}

/** The worst mistakes of every unit that is shown by anybody, as HTML; each as the crop that the model saw. */
export async function mistakesHtml(
  { content: card }: TestedModel,
  m: number,
  photos: readonly Photo[],
  readings: readonly Reading[],
): Promise<string> {
  const pictures = new Pictures(photos);
  const sections: string[] = [];
  for (const [a, { au, threshold }] of card.aus.entries()) {
    if (!photos.some(({ present }) => present.get(au))) continue;
    const probabilities = readings.map((one) =>
      "reason" in one ? undefined : one.models[m].aus[a].probability
    );
    const mistakes = mistakesOf(photos, au, probabilities, threshold);
    if (mistakes.length === 0) continue;
    const figures = await Promise.all(
      mistakes.slice(0, MOST).map(({ index, probability, present }) => {
        const reading = readings[index] as Exclude<Reading, { reason: string }>;
        return pictures.figure(index, [
          present ? "missed" : "false alarm",
          `p = ${probability.toFixed(2)}`,
          ...readersSay(photos[index], au),
          photos[index].image,
        ], { points: reading.models[m].points, template: card.alignment.template });
      }),
    );
    const missed = mistakes.filter(({ present }) => present).length;
    sections.push(
      `<h3>AU${au} ${escapeHtml(actionUnit(au).name)}: ${missed} missed, ${
        mistakes.length - missed
      } false alarms</h3>` +
        `<div class="faces">${figures.join("")}</div>`,
    );
  }
  return sections.join("\n");
}

/** The photographs whose face was not found, whole. */
export async function notFoundHtml(photos: readonly Photo[], readings: readonly Reading[]): Promise<string> {
  const pictures = new Pictures(photos);
  const figures = await Promise.all(
    readings.flatMap((reading, i) =>
      "reason" in reading ? [pictures.figure(i, [reading.reason, photos[i].image])] : []
    ),
  );
  return `<div class="faces">${figures.join("")}</div>`;
}

/** What the readers wrote of a unit, where the manifest tells. */
function readersSay({ fields }: Photo, au: number): string[] {
  const marks = (fields.readers as Record<string, unknown> | undefined)?.[au];
  return Array.isArray(marks) ? [`readers ${marks.map((mark) => mark ?? "-").join(", ")}`] : [];
}

/** Figures of photographs. */
class Pictures {
  readonly #decoder = openDecoder();

  constructor(private readonly photos: readonly Photo[]) {}

  /** A figure: the aligned face where its points are given, else the whole picture, or words where none can be drawn. */
  async figure(
    index: number,
    caption: readonly string[],
    face?: { readonly points: FacePoints; readonly template: Parameters<typeof cropFace>[3] },
  ): Promise<string> {
    const text = caption.map(escapeHtml).join("<br>");
    let picture;
    try {
      picture = await (await this.#decoder).decode(await Deno.readFile(this.photos[index].path));
    } catch {
      return `<figure><figcaption>${text}</figcaption></figure>`;
    }
    const { data, width, height } = face ? cropFace(picture, face.points, SIDE, face.template) : picture;
    const image = await inlineJpeg(sharp(data, { raw: { width, height, channels: 4 } }), caption.join(", "));
    return `<figure>${image}<figcaption>${text}</figcaption></figure>`;
  }
}
