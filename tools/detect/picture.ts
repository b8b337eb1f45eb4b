/**
 * The photo with boxes, points and bars drawn onto it, as a PNG.
 * @module
 */
import type { DetectedFace, Detection } from "@emoco/web/detector";
import type { Pixels, Point } from "@emoco/web/image";
import sharp from "sharp";
import type { DrawingFormat } from "./drawings.ts";

/** Of the picture: the photo is shrunk or enlarged into this, at least as high as the bars of one face. */
const MAX_WIDTH = 1400, MAX_HEIGHT = 1000, MAX_ENLARGEMENT = 4;
/** Of the panel on the right: a column holds the bars of the faces that fit below one another. */
const COLUMN = 400, PADDING = 18, ROW = 22, HEADER = 50, GAP = 16, MAX_COLUMNS = 3, MAX_BARS = 1.4;
const COLOURS = ["#4cc9f0", "#ffb347", "#9be15d", "#ff6fa3", "#b794f6", "#f6e05e"];
/** The family that `useFont` makes known. */
export const FONT = "Inter";

/**
 * Draws what was found; faces whose bars find no room keep their box and number.
 * @param mark stands in the file's metadata and says that it is a drawing
 */
export async function drawDetection(
  photo: Pixels,
  { faces }: Detection,
  format: DrawingFormat = "png",
  mark = "EmoCo",
): Promise<Uint8Array> {
  const block = HEADER + ROW * Math.max(0, ...faces.map(({ aus }) => aus.length));
  const least = faces.length > 0 ? block + 2 * PADDING : 0;
  const scale = Math.min(
    MAX_ENLARGEMENT,
    MAX_WIDTH / photo.width,
    Math.max(MAX_HEIGHT, least) / photo.height,
  );
  const width = Math.round(photo.width * scale), shown = Math.round(photo.height * scale);
  const height = Math.max(shown, least);
  const perColumn = Math.max(1, Math.floor((height - 2 * PADDING + GAP) / (block + GAP)));
  const columns = Math.min(MAX_COLUMNS, Math.ceil(faces.length / perColumn));
  const top = Math.round((height - shown) / 2);
  const marks = faces.map((face, i) => drawFace(face, i, scale, top)).join("");
  // The bars of few faces are drawn larger, into the height that there is.
  const needed = faces.length * (block + GAP) - GAP + 2 * PADDING;
  const larger = Math.max(1, Math.min(MAX_BARS, height / needed)), column = Math.round(COLUMN * larger);
  const panel = faces.slice(0, columns * perColumn).map((face, i) =>
    drawBars(face, i, Math.floor(i / perColumn) * COLUMN + PADDING, PADDING + i % perColumn * (block + GAP))
  ).join("");
  const total = width + columns * column;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${total}" height="${height}" font-family="${FONT}">` +
    `${marks}<g transform="translate(${width} 0) scale(${larger})">${panel}</g></svg>`;
  useFont();
  const { data, width: w, height: h } = photo;
  const base = await sharp(data, { raw: { width: w, height: h, channels: 4 } }).resize(width, shown, {
    fit: "fill",
  })
    .extend({
      top,
      bottom: height - shown - top,
      left: 0,
      right: total - width,
      background: "#141a22",
    }).png().toBuffer();
  return await sharp(base).composite([{ input: new TextEncoder().encode(svg) as unknown as Buffer }])
    .withExif({ IFD0: { Software: mark } }).toFormat(format, { quality: 92 }).toBuffer();
}

function drawFace(
  { box, points, points68, gaze }: DetectedFace,
  index: number,
  scale: number,
  top: number,
): string {
  const colour = COLOURS[index % COLOURS.length];
  const x = box.x * scale, y = box.y * scale + top, width = box.width * scale, height = box.height * scale;
  const line = Math.max(2, Math.min(4, width / 80)), dot = Math.max(2, width / 45);
  const size = points68 ? Math.max(1, dot / 2.5) : dot;
  const dots = (points68 ?? Object.values(points)).map(([px, py]) =>
    `<circle cx="${px * scale}" cy="${py * scale + top}" r="${size}" fill="${colour}" stroke="#000" ` +
    `stroke-opacity="0.7" stroke-width="${size / 3}"/>`
  ).join("");
  const far = 0.8 *
    Math.hypot(points.leftEye[0] - points.rightEye[0], points.leftEye[1] - points.rightEye[1]);
  const look = ([ex, ey]: Point, [yaw, pitch]: readonly [number, number]) => {
    const sin = (degrees: number) => Math.sin(degrees * Math.PI / 180);
    const dx = far * sin(yaw) * Math.cos(pitch * Math.PI / 180), dy = -far * sin(pitch);
    return `<path d="M${ex * scale} ${ey * scale + top}l${dx * scale} ${dy * scale}" stroke="${colour}" ` +
      `stroke-width="${line}" stroke-linecap="round"/>`;
  };
  const looks = gaze ? look(points.leftEye, gaze.left) + look(points.rightEye, gaze.right) : "";
  const rectangle = (stroke: string, extra: number) =>
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${line * 2}" fill="none" ` +
    `stroke="${stroke}" stroke-width="${line + extra}" stroke-opacity="${extra ? 0.45 : 1}"/>`;
  return rectangle("#000", 2) + rectangle(colour, 0) + dots + looks +
    drawNumber(index, x, y - top < 24 ? y : y - 24);
}

function drawBars({ score, aus, emotions }: DetectedFace, index: number, x: number, y: number): string {
  const colour = COLOURS[index % COLOURS.length], right = x + COLUMN - 2 * PADDING;
  const [first] = Object.entries(emotions ?? {}).sort(([, one], [, other]) => other - one);
  const bar = 110, barX = right - bar - 42;
  const head = drawNumber(index, x, y) +
    text(
      x + 36,
      y + 17,
      first ? `${first[0]} ${first[1].toFixed(2)}` : `face ${index + 1}`,
      `font-size="16" font-weight="600" fill="#fff"`,
    ) +
    text(right, y + 16, `score ${score.toFixed(2)}`, `font-size="12" text-anchor="end" fill="#8896a8"`);
  const rows = aus.map(({ au, name, probability, threshold, present }, i) => {
    const line = y + HEADER + i * ROW, tone = present ? "#fff" : "#8896a8";
    const isSeen = present !== null, limit = barX + bar * threshold;
    return text(x, line, `AU${au}`, `font-size="13" font-weight="600" fill="${tone}"`) +
      text(x + 44, line, name, `font-size="13" fill="${tone}"`) +
      `<rect x="${barX}" y="${line - 11}" width="${bar}" height="12" rx="3" fill="#2a3442"/>` +
      `<rect x="${barX}" y="${line - 11}" width="${isSeen ? bar * probability : 0}" height="12" rx="3" ` +
      `fill="${present ? colour : "#56657a"}"/>` +
      `<path d="M${limit} ${line - 13}v16" stroke="#fff" stroke-opacity="0.55" stroke-width="1.5"/>` +
      text(
        right,
        line,
        isSeen ? probability.toFixed(2) : "hidden",
        `font-size="13" text-anchor="end" fill="${tone}"`,
      );
  });
  return head + rows.join("");
}

/** The tag by which a face in the photo and its bars are known as one. */
function drawNumber(index: number, x: number, y: number): string {
  return `<rect x="${x}" y="${y}" width="26" height="22" rx="4" fill="${COLOURS[index % COLOURS.length]}"/>` +
    text(
      x + 13,
      y + 16,
      String(index + 1),
      `font-size="14" font-weight="600" text-anchor="middle" fill="#000"`,
    );
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x}" y="${y}" ${style}>${
    content.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
  }</text>`;
}

let fontInUse = false;

/** Points fontconfig at the font in the package, so that text is drawn where no fonts are installed; once, before any. */
export function useFont(): void {
  if (fontInUse) return;
  fontInUse = true;
  const folders = ["400Regular/Inter_400Regular.ttf", "600SemiBold/Inter_600SemiBold.ttf"]
    .map((file) =>
      decodeURIComponent(new URL(".", import.meta.resolve(`@expo-google-fonts/inter/${file}`)).pathname)
    );
  const folder = Deno.makeTempDirSync({ prefix: "emoco-font-" });
  Deno.writeTextFileSync(
    `${folder}/fonts.conf`,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${
      folders.map((path) => `<dir>${path}</dir>`).join("")
    }<cachedir>${folder}</cachedir></fontconfig>`,
  );
  Deno.env.set("FONTCONFIG_FILE", `${folder}/fonts.conf`);
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
}
