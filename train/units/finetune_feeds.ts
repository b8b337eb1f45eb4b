/** What a finetuning step is fed of a batch: units' labels, the schedule, and what the other heads learn. */
import { EMOTIONS } from "@emoco/web/facs";
import { quick } from "../config.ts";
import { tf } from "../engine/backend.ts";
import type { FeedValues } from "../engine/state_values.ts";
import type { Face } from "../input/data.ts";
import { decodePicture } from "../input/picture.ts";
import { isVisible } from "../input/cover.ts";
import { isTurned, PLACEMENT, sharesOf } from "../input/placement.ts";
import type { ViewBatch } from "../input/views.ts";
import { biasCorrections, cosine } from "../nets/optimizer.ts";
import { featureCount, mapSide, type Weights } from "../nets/resnet.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import type { Share } from "../scores/target.ts";
import type { AuFeeds } from "./au_model.ts";
import { GEOMETRY_SIZE, geometryFeeds, geometryOf, meanGeometry } from "./face_geometry.ts";
import { type HeadFeeds, initHeads } from "./face_heads.ts";
import type { FinetuneRun } from "./finetune_run.ts";
import { unitWeights } from "./linear_probe.ts";

type UnitFeeds = Exclude<keyof AuFeeds, keyof HeadFeeds>;

/**
 * Images, units' labels and the schedule's numbers.
 * @param images views [B, S, S, 3]
 * @param rows labels of the faces
 * @param weights of the units [A]
 */
export function unitFeeds(
  images: Float32Array<ArrayBuffer>,
  rows: readonly Share[][],
  weights: Float32Array<ArrayBuffer>,
  { learningRate }: { learningRate: number },
  step: number,
  steps: number,
): FeedValues<UnitFeeds> {
  const batch = rows.length, units = weights.length;
  const side = Math.round(Math.sqrt(images.length / (3 * batch)));
  const cells = rows.flat();
  const scalar = (value: number) => ({ shape: [], values: Float32Array.of(value) });
  const { first, second } = biasCorrections(step + 1);
  return {
    images: { shape: [batch, side, side, 3], values: images },
    present: { shape: [batch, units], values: Float32Array.from(cells, (share) => share ?? 0) },
    labelled: {
      shape: [batch, units],
      values: Float32Array.from(cells, (share) => Number(share !== undefined)),
    },
    unitWeights: { shape: [units], values: weights },
    learningRate: scalar(cosine(learningRate, step, steps)),
    firstCorrection: scalar(first),
    secondCorrection: scalar(second),
  };
}

/** What is known of all faces beside their units, from their lines or from another model. */
export interface KnownFaces {
  /** How much each emotion is learnt from each face, zeros where unlabelled; [N, C]. */
  emotions: Float32Array;
  /** See `geometryOf`. */
  geometry: readonly Float32Array[];
  /** Whether each unit can be seen: 0 to 1, or NaN where nobody says; [N, A]. */
  visible: Float32Array;
  units: number;
}

/** Faces that the mean geometry is taken from: it is a start only. */
const MEAN_FACES = 200;

/**
 * Reads what the heads learn from the faces' lines, and the sides of some pictures. Each emotion counts alike whatever its
 * number of faces.
 * @returns also where the geometry starts, [G]
 */
export async function knownOfFaces(
  faces: readonly Face[],
  aus: readonly number[],
): Promise<KnownFaces & { mean: Float32Array }> {
  const columns = Int8Array.from(faces, ({ emotion }) => emotion ? EMOTIONS.indexOf(emotion) : -1);
  const geometry = faces.map(geometryOf);
  const measured = faces.flatMap((_, i) => geometry[i].some((value) => !Number.isNaN(value)) ? [i] : [])
    .filter((_, place, all) => place % Math.ceil(all.length / MEAN_FACES) === 0);
  const placements = new Float32Array(measured.length * PLACEMENT);
  for (const [n, i] of measured.entries()) {
    const { width, height } = await decodePicture(faces[i].image);
    placements.set([0, 0, width, height, 0], n * PLACEMENT);
  }
  const labels = faces.map((_, i) => EMOTIONS.map((_, c) => columns[i] < 0 ? undefined : columns[i] === c));
  const weights = unitWeights(labels, EMOTIONS.length), emotions = new Float32Array(labels.flat().length);
  columns.forEach((c, n) => {
    if (c >= 0) emotions[n * EMOTIONS.length + c] = weights[c];
  });
  return {
    emotions,
    geometry,
    mean: meanGeometry(measured.map((i) => geometry[i]), placements),
    visible: Float32Array.from(faces.flatMap(({ other }) => {
      const said = other.visible as Record<string, number> | undefined;
      return aus.map((au) => said ? said[au] ?? 1 : NaN);
    })),
    units: aus.length,
  };
}

/** Heads for a fit: those of the model that is gone on with, where it has them, and fresh ones, see `initHeads`. */
export function startHeads({ config, source, aus }: FinetuneRun, { mean }: { mean: Float32Array }): Weights {
  const { architecture } = source.backbone;
  const features = featureCount(architecture), side = mapSide(architecture, source.imageSize);
  const start = {
    map: side * side * features,
    features,
    units: aus.length,
    emotions: EMOTIONS.length,
    mean,
    emotionHead: source.emotionHead,
    projectionSize: quick.projectionSize,
    embeddingSize: quick.embeddingSize,
  };
  const heads = initHeads(config, start, randomStream(config.seed, PURPOSE.weights, 2));
  for (const [layer, known] of Object.entries(source.units?.heads ?? {})) {
    const isKnown = !layer.startsWith("visible.") || `${source.units!.aus}` === `${aus}`; // it has a column a unit
    if (!heads[layer] || !isKnown) continue;
    heads[layer].dispose();
    heads[layer] = tf.clone(known);
  }
  return heads;
}

/**
 * Labels of a batch without those of units that its views hide.
 * @param placements [B, PLACEMENT]
 */
export function seenRows(
  rows: readonly Share[][],
  aus: readonly number[],
  placements: Float32Array,
): Share[][] {
  return rows.map((row, n) => {
    const shares = sharesOf(placements, n);
    return row.map((share, a) => isVisible(aus[a], shares) === 0 ? undefined : share);
  });
}

/**
 * What the heads are fed of a batch.
 * @param aus units of the columns, where views may hide them (`covers`)
 */
export function headFeeds(
  known: KnownFaces,
  { indices, placements }: ViewBatch,
  aus?: readonly number[],
): FeedValues<keyof HeadFeeds> {
  const batch = indices.length, classes = EMOTIONS.length, { units } = known;
  const emotions = new Float32Array(batch * classes);
  const visible = new Float32Array(batch * units), visibleLabelled = new Float32Array(batch * units);
  indices.forEach((face, n) => {
    if (!isTurned(placements, n)) {
      emotions.set(known.emotions.subarray(face * classes, (face + 1) * classes), n * classes);
    }
    const shares = sharesOf(placements, n), isCovered = aus && shares.some((share) => share > 0);
    for (let a = 0; a < units; a++) {
      const said = known.visible[face * units + a];
      const can = isCovered ? visibleBehind(isVisible(aus[a], shares), said) : said;
      if (can === undefined || Number.isNaN(can)) continue;
      visible[n * units + a] = can;
      visibleLabelled[n * units + a] = 1;
    }
  });
  const geometry = geometryFeeds(Array.from(indices, (i) => known.geometry[i]), placements);
  return {
    emotions: { shape: [batch, classes], values: emotions },
    geometry: { shape: [batch, GEOMETRY_SIZE], values: geometry.values },
    geometryLabelled: { shape: [batch, GEOMETRY_SIZE], values: geometry.labelled },
    visible: { shape: [batch, units], values: visible },
    visibleLabelled: { shape: [batch, units], values: visibleLabelled },
  };
}

/**
 * Whether a unit can be seen in a view that something was laid over: as its face's line says where that leaves it open, and
 * where the line says nothing, as it leaves it.
 */
function visibleBehind(open: 0 | 1 | undefined, said: number): number | undefined {
  if (said === 0) return 0;
  return open === 1 && !Number.isNaN(said) ? said : open;
}
