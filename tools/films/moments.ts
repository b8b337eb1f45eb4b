/**
 * The strongest moments of a film as pictures: of each unit the face at its peak.
 * @module
 */
import { cropFace, type Pixels } from "@emoco/web/image";
import type { ModelCard } from "@emoco/web/model-card";
import sharp from "sharp";
import type { NumberedFace } from "./row.ts";

const SIDE = 128;
/** A picture is taken anew when a unit is stronger by this than in the one before, so that few are taken. */
const STRONGER = 1.04;
/** A face must be at least so sure, and so wide in pixels: blurred ones make no moment. */
const SURE = 0.7, WIDE = 48;

/** A moment. */
export interface Moment {
  readonly au: number;
  readonly face: number;
  readonly time: number;
  readonly strength: number;
  /** JPEG in base 64. */
  readonly picture: string;
}

/** Keeps the strongest moment of each unit. */
export class Moments {
  readonly #best = new Map<number, { face: number; time: number; strength: number; crop: Pixels }>();

  constructor(private readonly card: Pick<ModelCard, "aus" | "target">) {}

  /** Looks at a face of a frame. */
  consider(image: Pixels, face: NumberedFace, time: number): void {
    if (face.score < SURE || face.box.width < WIDE) return;
    let crop: Pixels | undefined;
    for (const { au, probability, intensity, present } of face.aus) {
      const strength = this.card.target === "intensity" ? intensity : probability;
      const best = this.#best.get(au)?.strength ?? 0;
      if (!present || strength === undefined || strength < best * STRONGER) continue;
      crop ??= cropFace(image, face.points, SIDE);
      this.#best.set(au, { face: face.id, time, strength, crop });
    }
  }

  /** All of them, in the order of the card. */
  async taken(): Promise<Moment[]> {
    const moments: Moment[] = [];
    for (const { au } of this.card.aus) {
      const best = this.#best.get(au);
      if (!best) continue;
      const { crop, ...moment } = best, raw = { width: SIDE, height: SIDE, channels: 4 as const };
      const bytes = new Uint8Array(await sharp(crop.data, { raw }).jpeg({ quality: 80 }).toBuffer());
      moments.push({ au, ...moment, picture: bytes.toBase64() });
    }
    return moments;
  }
}
