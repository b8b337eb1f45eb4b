/**
 * JPEG that are not as they should be: what every viewer reads all the same is mended before decoding, so that what
 * libjpeg still complains of is pixels that are damaged or missing. All decoders rest on libjpeg and use its words; it
 * says the first of its complaints only.
 * @module
 */
import type { ImageHeader } from "./image_header.ts";

/** What the complaints of one picture come down to; "cut-off" where its end was missing and pixels are, too. */
export type JpegDamage = "none" | "damaged" | "cut-off";

/** Complaints about what carries no pixels. */
const HARMLESS = [
  /unknown (JFIF|Adobe)/i,
  /Invalid SOS parameters/i,
];

/**
 * Judges the complaints.
 * @param lacksEnd whether the end marker was missing and one was put there before decoding
 */
export function judgeComplaints(complaints: readonly string[], lacksEnd: boolean): JpegDamage {
  const lines = complaints.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  const serious = lines.filter((line) => !HARMLESS.some((pattern) => pattern.test(line)));
  if (serious.length === 0) return "none";
  return lacksEnd && serious.some((line) => /premature end/i.test(line)) ? "cut-off" : "damaged";
}

/** The bytes as viewers read them: without those that stand between segments, and with an end marker. */
export function mended(
  bytes: Uint8Array<ArrayBuffer>,
  { stray = [], lacksEnd = false }: Pick<ImageHeader, "stray" | "lacksEnd">,
): Uint8Array<ArrayBuffer> {
  if (stray.length === 0 && !lacksEnd) return bytes;
  const parts = [0, ...stray.map(([, to]) => to)].map((from, i) => bytes.subarray(from, stray[i]?.[0]));
  if (lacksEnd) parts.push(Uint8Array.of(0xff, 0xd9));
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
