/** Photos that servers are asked about, made of the committed portrait. */
import sharp from "sharp";

/** The astronaut's portrait in the middle of a grey photo of 640 x 480. */
export async function makePicture(): Promise<Uint8Array<ArrayBuffer>> {
  const image = sharp(await readPortrait()).resize(640, 480, { fit: "contain", background: "#777" });
  return new Uint8Array(await image.jpeg({ quality: 90 }).toBuffer());
}

/**
 * The portrait before its own colours, out of focus, as a phone takes it: 4000 x 3000 with a sensor's noise, which is
 * what makes such files large; some 2.7 MB.
 */
export async function makePhonePhoto(): Promise<Uint8Array<ArrayBuffer>> {
  const width = 4000, height = 3000, portrait = await readPortrait();
  const face = await sharp(portrait).resize(height, height, { kernel: "cubic" }).toBuffer();
  const back = await sharp(portrait).resize(width / 10, height / 10, { fit: "cover" }).blur(4).toBuffer();
  const data = await sharp(back).resize(width, height, { kernel: "cubic" })
    .composite([{ input: face, left: (width - height) / 2, top: 0 }]).removeAlpha().raw().toBuffer();
  for (let i = 0, state = 1; i < data.length; i += 3) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    const three = (state >>> 8 & 255) + (state >>> 16 & 255) + (state >>> 24); // their sum is nearly normal
    const noise = (three - 382) / 128 * NOISE;
    for (let c = i; c < i + 3; c++) data[c] = Math.max(0, Math.min(255, data[c] + noise));
  }
  const photo = sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 88 });
  return new Uint8Array(await photo.toBuffer());
}

/** Levels of noise, about the standard deviation. */
const NOISE = 6;

function readPortrait(): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL("../../tests/fixtures/astronaut.jpg", import.meta.url));
}
