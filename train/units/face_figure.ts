/** A face as a figure inside a report: picture, caption, and what it shows in words for those who cannot see it. */
import sharp, { type Sharp } from "sharp";
import type { Face } from "../input/data.ts";
import { decodePicture } from "../input/picture.ts";
import { escapeHtml } from "../runs/svg_chart.ts";

/**
 * @param caption lines under the picture; by default emotion and action units
 * @param className `same` frames it in green
 */
export async function faceFigure(
  face: Face,
  caption = defaultCaption(face),
  className = "",
): Promise<string> {
  const { data, width, height } = await decodePicture(face.image);
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  const image = await inlineJpeg(picture, defaultCaption(face).join(", "));
  return `<figure class="${className}">${image}<figcaption>${
    caption.map(escapeHtml).join("<br>")
  }</figcaption></figure>`;
}

/** A picture inside the page, square, at nearly twice the size it is shown in. */
export async function inlineJpeg(image: Sharp, text: string): Promise<string> {
  const jpeg = await image.resize(160, 160).flatten().jpeg({ quality: 80 }).toBuffer();
  return `<img src="data:image/jpeg;base64,${jpeg.toString("base64")}" alt="${escapeHtml(text)}">`;
}

function defaultCaption({ emotion, present }: Face): string[] {
  const units = [...present].filter(([, isPresent]) => isPresent).map(([au]) => au);
  return [emotion ?? "unlabelled", ...(units.length ? [`AU ${units.join(" ")}`] : [])];
}
