/** Small data sets in the formats of the large ones, from the committed heads, whose points are known. */
import type { FacePoints, Point } from "@emoco/web/image";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { main } from "../../tools/manifest.ts";

const HEADS = new URL("../faces/", import.meta.url);
const KNOWN: { image: string; points: FacePoints }[] = Deno.readTextFileSync(new URL("manifest.jsonl", HEADS))
  .trimEnd().split("\n").map((line) => JSON.parse(line));

/** Heads that are turned little, so that they are found alike in every picture. */
export const FRONTAL = [2, 3, 4, 5, 7, 10, 13];

/** A head on a plain ground, in a place of its own, so that its points tell it from the others. */
export async function picture(head: number, size = 240): Promise<Uint8Array<ArrayBuffer>> {
  const [left, top] = placeOf(head, size);
  const drawn = await sharp(new Uint8Array(Deno.readFileSync(new URL(KNOWN[head].image, HEADS)))).resize(
    size,
    size,
  )
    .toBuffer();
  const ground = { width: size + 80, height: size + 80, channels: 3 as const, background: "#8d8478" };
  return new Uint8Array(
    await sharp({ create: ground }).composite([{ input: drawn, left, top }]).jpeg({ quality: 92 }).toBuffer(),
  );
}

/** The points of a head in its picture. */
export function pointsOf(head: number, size = 240): FacePoints {
  const [left, top] = placeOf(head, size), scale = size / 400;
  const at = ([x, y]: Point): Point => [left + x * scale, top + y * scale];
  const { leftEye, rightEye, nose, mouth } = KNOWN[head].points;
  return { leftEye: at(leftEye), rightEye: at(rightEye), nose: at(nose), mouth: at(mouth) };
}

function placeOf(head: number, size: number): [number, number] {
  return [(head * 23) % 81, (head * 37) % 81].map((part) => Math.round(part * size / 240)) as [
    number,
    number,
  ];
}

/** The head of these whose points are nearest to those found: which frame a face was really cut from. */
export function headAt(points: Record<string, number[]>, heads: readonly number[]): number {
  const distance = (head: number) =>
    Object.entries(pointsOf(head)).reduce(
      (sum, [name, [x, y]]) => sum + Math.hypot(points[name][0] - x, points[name][1] - y),
      0,
    );
  return [...heads].sort((one, other) => distance(one) - distance(other))[0];
}

/** Writes a video, one head a frame, in the codec of its ending: MJPEG in .avi, MPEG-4 in .mp4. */
export async function writeVideo(
  path: string,
  heads: readonly number[],
  { more = [], size = 240 }: { more?: readonly string[]; size?: number } = {},
): Promise<void> {
  Deno.mkdirSync(dirname(path), { recursive: true });
  const codec = path.toLowerCase().endsWith(".avi") ? ["-c", "copy"] : ["-c:v", "mpeg4", "-q:v", "2"];
  const ffmpeg = new Deno.Command("ffmpeg", {
    args: ["-v", "error", "-y", "-f", "mjpeg", "-r", "20", "-i", "pipe:0", ...codec, ...more, path],
    stdin: "piped",
  }).spawn();
  const input = ffmpeg.stdin.getWriter();
  for (const head of heads) await input.write(await picture(head, size));
  await input.close();
  if (!(await ffmpeg.status).success) throw new Error(`ffmpeg could not write ${path}`);
}

/** Writes files below a folder, making the folders between. */
export function writeTree(root: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
  }
}

/** What `deno task manifest` wrote and printed. */
export interface Made {
  readonly lines: Line[];
  /** Kind, what and count of each problem. */
  readonly problems: string[][];
  readonly report: string;
  readonly printed: string;
}

/** A line of a manifest. */
export interface Line {
  readonly image: string;
  readonly subject: string;
  readonly emotion?: string;
  readonly split?: string;
  readonly set?: string;
  readonly source?: string;
  readonly video?: string;
  readonly frame?: number;
  readonly present?: Record<string, number | null>;
  readonly intensity?: Record<string, number | null>;
  readonly photo: { faces?: number; score?: number; off?: number; points: Record<string, number[]> };
  readonly [other: string]: unknown;
}

/** Runs the program in this process. */
export async function makeManifest(set: string, root: string, out: string, ...more: string[]): Promise<Made> {
  const printed: string[] = [], print = console.log;
  console.log = (line: string) => printed.push(line);
  try {
    await main([set, `--root=${root}`, `--out=${out}`, "--workers=2", ...more]);
  } finally {
    console.log = print;
  }
  return { ...readOut(out), printed: printed.join("\n") };
}

/** Reads an output folder. */
export function readOut(out: string): Omit<Made, "printed"> {
  const read = (name: string) => Deno.readTextFileSync(join(out, name));
  return {
    lines: read("manifest.jsonl").split("\n").slice(0, -1).map((line) => JSON.parse(line)),
    problems: read("problems.tsv").split("\n").slice(0, -1).map((line) => line.split("\t")),
    report: read("report.html"),
  };
}

/** An .npy file as `numpy.save` writes it: text as a scalar of kind U, numbers as float64. */
export function npy(value: string | readonly number[]): Uint8Array {
  const isText = typeof value === "string";
  const type = isText ? `<U${value.length}` : "<f8", shape = isText ? "()" : `(${value.length},)`;
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + "\n";
  const body = isText
    ? Uint32Array.from(value, (letter) => letter.codePointAt(0)!)
    : Float64Array.from(value);
  const start = Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length, 0);
  return new Uint8Array([...start, ...new TextEncoder().encode(header), ...new Uint8Array(body.buffer)]);
}

/** 68 landmarks of a head in iBUG's order, x and y in turn; those that align a face lie around its points. */
export function landmarksOf(head: number): number[] {
  const { leftEye, rightEye, nose, mouth } = pointsOf(head);
  const landmarks: Point[] = Array.from({ length: 68 }, (_, i) => [i, 2 * i]);
  const ring = (first: number, [x, y]: Point) => {
    for (let i = 0; i < 6; i++) {
      landmarks[first + i] = [x + 6 * Math.cos(i * Math.PI / 3), y + 3 * Math.sin(i * Math.PI / 3)];
    }
  };
  ring(36, rightEye);
  ring(42, leftEye);
  landmarks[30] = nose;
  landmarks[48] = [mouth[0] - 15, mouth[1] + 1];
  landmarks[54] = [mouth[0] + 15, mouth[1] - 1];
  return landmarks.flat();
}
