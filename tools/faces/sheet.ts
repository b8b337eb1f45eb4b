/** Contact sheets: what the faces look like, to be looked at by people. */
import { Buffer } from "node:buffer";
import sharp, { type OverlayOptions } from "sharp";
import { actionUnit, EMOTIONS } from "@emoco/web/facs";
import { LABELLED_UNITS, type UnitWeights } from "./action_units.ts";
import { drawFace, IDENTITY_MODES, type Portrait } from "./draw.ts";
import { NO_HAT } from "./cloth.ts";
import { PLAIN_LOOK } from "./look.ts";
import { writeWhole } from "./write_whole.ts";
import type { Group, RenderPool } from "./pool.ts";
import { Random } from "./random.ts";
import type { Picture } from "./render.ts";
import { drawScene, type Scene } from "./scene.ts";
import { drawSubject } from "./subject.ts";

interface Tile {
  readonly portrait: Portrait;
  readonly title: string;
}

const TITLE = 18, NO_LINES_AT_REST = { forehead: 0, glabella: 0, eyes: 0, cheeks: 0, mouth: 0 };
const NO_LINES = { count: 1, angle: 0, strength: 0 };

/** Even light from the front, straight pose: nothing but the action unit differs between tiles. */
function plainScene(): Scene {
  return {
    ...drawScene(new Random(1)),
    pose: { yaw: 0, pitch: 0, roll: 0 },
    gaze: { yaw: 0, pitch: 0 },
    distance: 90,
    key: { from: [0.45, 0.42, 0.788], colour: [0.95, 0.92, 0.88], softness: 0.7 },
    fill: { from: [-0.6, 0.1, 0.793], colour: [0.15, 0.16, 0.18] },
    ambient: { sky: [0.45, 0.48, 0.53], horizon: [0.4, 0.4, 0.42], ground: [0.25, 0.22, 0.2] },
    exposure: 1,
    background: {
      top: [0.2, 0.25, 0.3],
      bottom: [0.12, 0.14, 0.17],
      blobs: [],
      grain: 0,
      lines: NO_LINES,
      lamps: [],
    },
    occluder: null,
    look: PLAIN_LOOK,
    blur: 0,
    noise: 0,
    finder: [0, 0, 0, 0, 0, 0, 0, 0],
  };
}

async function compose(
  pool: RenderPool,
  tiles: readonly Tile[],
  columns: number,
  quality: number,
): Promise<Uint8Array> {
  const pictures: Picture[] = new Array(tiles.length);
  const groups: Group<number>[] = tiles.map(({ portrait }, i) => [{ portrait, tag: i }]);
  await pool.run(groups, (picture, i) => {
    pictures[i] = picture;
    return Promise.resolve();
  });
  const { width, height } = pictures[0];
  // A row has a strip for titles only where it has titles.
  const tops: number[] = [];
  let bottom = 0;
  for (let first = 0; first < tiles.length; first += columns) {
    tops.push(bottom);
    bottom += height + (tiles.slice(first, first + columns).some((tile) => tile.title) ? TITLE : 0);
  }
  const layers: OverlayOptions[] = pictures.map(({ data }, i) => ({
    input: Buffer.from(data.buffer),
    raw: { width, height, channels: 4 },
    left: (i % columns) * width,
    top: tops[Math.floor(i / columns)],
  }));
  const texts = tiles.map(({ title }, i) => {
    const x = (i % columns + 0.5) * width, y = tops[Math.floor(i / columns)] + height + 13;
    return title ? `<text x="${x}" y="${y}" text-anchor="middle">${title}</text>` : "";
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${columns * width}" height="${bottom}" ` +
    `font-family="sans-serif" font-size="12" fill="#222">${texts.join("")}</svg>`;
  layers.push({ input: Buffer.from(svg), left: 0, top: 0 });
  const canvas = { width: columns * width, height: bottom, channels: 3 as const, background: "#fff" };
  return await sharp({ create: canvas }).composite(layers).jpeg({ quality }).toBuffer();
}

function unitTiles(seed: number): Tile[] {
  const scene = plainScene();
  const view = { kind: "aligned", size: 176 } as const;
  const tiles: Tile[] = [];
  const one = (au: number): UnitWeights => ({ [au]: { left: 1, right: 1 } });
  const subject = {
    ...drawSubject(seed, UNIT_SUBJECT, IDENTITY_MODES),
    glasses: null,
    hat: NO_HAT,
    lines: NO_LINES_AT_REST,
    beard: "none" as const,
  };
  tiles.push({ portrait: { subject, weights: {}, scene, view, samples: 3 }, title: "neutral" });
  for (const au of LABELLED_UNITS) {
    const title = `AU${au} ${actionUnit(au).name}`;
    tiles.push({ portrait: { subject, weights: one(au), scene, view, samples: 3 }, title });
  }
  return tiles;
}

/** The subject of the action unit sheet, and the subjects of the emotion sheet. */
const UNIT_SUBJECT = 9, EMOTION_SUBJECTS = [31, 23, 49, 4, 46, 58];

function emotionTiles(seed: number): Tile[] {
  const view = { kind: "aligned", size: 128 } as const;
  return EMOTION_SUBJECTS.flatMap((subject, row) =>
    EMOTIONS.map((emotion, face) => {
      const draw = drawFace(seed, subject, face, "pretrain");
      const { weights, scene } = draw;
      const title = row === EMOTION_SUBJECTS.length - 1 ? emotion : "";
      return { portrait: { subject: draw.subject, weights, scene, view, samples: 2 }, title };
    })
  );
}

/** Ninety-six people, one face each, as they come. */
function peopleTiles(seed: number): Tile[] {
  const view = { kind: "aligned", size: 128 } as const;
  return Array.from({ length: 96 }, (_, i) => {
    const { subject, weights, scene } = drawFace(seed, 200 + i, 7 + i % 7, "pretrain");
    return { portrait: { subject, weights, scene, view, samples: 2 }, title: "" };
  });
}

/** What `renderSheets` writes. */
export const SHEETS = ["sheet_emotions.jpg", "sheet_action_units.jpg", "sheet_people.jpg"] as const;

/** Writes `sheet_emotions.jpg` (a row a subject, a column an emotion), `sheet_action_units.jpg` and
 * `sheet_people.jpg`. */
export async function renderSheets(pool: RenderPool, folder: string, seed: number): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  await writeWhole(
    `${folder}/sheet_emotions.jpg`,
    await compose(pool, emotionTiles(seed), EMOTIONS.length, 88),
  );
  await writeWhole(`${folder}/sheet_action_units.jpg`, await compose(pool, unitTiles(seed), 6, 88));
  await writeWhole(`${folder}/sheet_people.jpg`, await compose(pool, peopleTiles(seed), 12, 88));
}
