/**
 * What libjpeg complains of while it decodes: stray bytes that no viewer minds, pixels that are damaged, or pixels that
 * are missing. Both decoders rest on libjpeg and use its words.
 * @module
 */

/** What the complaints of one picture come down to; "cut-off" where its end was missing and pixels are, too. */
export type JpegDamage = "none" | "damaged" | "cut-off";

/** Complaints about what carries no pixels. */
const HARMLESS = [
  /extraneous bytes before marker 0x(?!d[0-79])/i, // those within a scan, or at its end, were pixels once
  /unknown (JFIF|Adobe)/i,
  /Invalid SOS parameters/i,
  /^read gave/,
  /^error in tile/,
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

/** The same bytes with an end marker. */
export function withEnd(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes.length + 2);
  whole.set(bytes);
  whole.set([0xff, 0xd9], bytes.length);
  return whole;
}
