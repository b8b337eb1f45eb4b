/** The faces of a pretraining run, out of its manifest. */
import { EMOTIONS } from "@emoco/web/facs";
import type { PretrainConfig, RunConfig } from "../config.ts";
import { Clips, type ClipShape } from "../input/clips.ts";
import {
  countEmotions,
  type Face,
  holdBackSubjects,
  ManifestError,
  manifestPath,
  readManifest,
} from "../input/data.ts";
import type { PretrainData } from "./pretrain_record.ts";

/**
 * Reads the pretraining faces and holds subjects back for the probes.
 * @param clip what a sample is, of methods on clips, which need no emotions
 * @throws {ManifestError} saying what there is too little of
 */
export function readPretrainFaces(
  config: RunConfig & { data: string; skipBroken: boolean },
  clip?: ClipShape,
): PretrainData {
  const manifest = manifestPath(config.data);
  const broken: string[] = [];
  const all = readManifest(manifest, {
    skipBroken: config.skipBroken,
    onBroken: (sentence) => broken.push(sentence),
  });
  for (const sentence of broken.slice(0, 5)) console.log(`skipped: ${sentence}`);
  if (broken.length > 5) console.log(`skipped: ${broken.length - 5} more lines of ${manifest}.`);
  const hasSplits = all.some((face) => face.split);
  const ofSplit = hasSplits ? all.filter((face) => face.split === "pretrain") : all;
  const reads = !clip && readsEmotions(config);
  const faces = reads ? ofSplit.filter((face) => face.emotion) : ofSplit;
  const left = ofSplit.length - faces.length;
  if (left > 0) {
    console.log(
      left === 1
        ? "1 face carries no emotion and is left out."
        : `${left} faces carry no emotion and are left out.`,
    );
  }
  const where = hasSplits ? ' in split "pretrain"' : "";

  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new ManifestError(`${manifest}: ${sentence}`);
  };
  demand(
    faces.length > 0,
    `no face${where} carries an emotion, which this method learns from; ${withoutEmotions(config)}`,
  );
  if (reads) checkPairs(faces, config, where, demand);
  const { kept, held } = holdBackSubjects(faces, config.heldBack, config.seed);
  demand(
    held.length > 0 && kept.length > 0,
    `heldBack=${config.heldBack} of its subjects leaves nobody to train on or to probe with; it needs faces of more people.`,
  );
  if (reads) checkKept(faces, kept, held, config, where, demand);
  const samples = clip ? new Clips(kept, clip, config.seed).anchors.length : kept.length;
  demand(
    samples >= config.batchSize,
    `${samples} ${
      clip ? "clips" : "faces"
    } are fewer than one batch; give a --batchSize of at most that many.`,
  );
  return { manifest, kept, held };
}

type Demand = (holds: boolean, sentence: string) => void;

/** Whether a method reads the faces' emotions. */
export function readsEmotions(config: RunConfig): boolean {
  const { queues, normalization, losses } = config as Partial<PretrainConfig>;
  if (queues === undefined) return config.method === "supcon";
  return queues !== "single" || normalization !== "l2" || losses !== "contrastive";
}

/** Whether a face is contrasted with others of its emotion out of a queue. */
function contrasts(config: RunConfig): boolean {
  const { losses, queues } = config as Partial<PretrainConfig>;
  return queues === "per-emotion" && losses !== "emotion";
}

/** Two emotions at least, and where faces are contrasted within them no single face of one. */
function checkPairs(faces: readonly Face[], config: RunConfig, where: string, demand: Demand): void {
  const counts = countEmotions(faces);
  counts.forEach((count, i) => {
    const first = faces.find((face) => face.emotion === EMOTIONS[i]);
    demand(
      !contrasts(config) || count !== 1,
      `only one face, on line ${first?.line}, carries the emotion "${EMOTIONS[i]}"${where}; ${NEEDS_TWO}`,
    );
  });
  demand(
    counts.filter((count) => count > 0).length > 1,
    `all faces${where} carry the emotion "${
      faces[0].emotion
    }"; a method that reads emotions needs two of them or ` +
      `more; ${withoutEmotions(config)}`,
  );
}

/** The same of the faces that are trained on; an emotion that does not occur is told of. */
function checkKept(
  faces: readonly Face[],
  kept: readonly Face[],
  held: readonly Face[],
  config: RunConfig,
  where: string,
  demand: Demand,
): void {
  const all = countEmotions(faces), missing = EMOTIONS.filter((_, i) => all[i] === 0);
  countEmotions(kept).forEach((count, i) => {
    const sentence = `${count === 0 ? "no face" : "one face only"} is left for "${EMOTIONS[i]}" after the ` +
      `${held.length} faces of the probes were held back (heldBack=${config.heldBack})`;
    demand(!contrasts(config) || all[i] === 0 || count >= 2, `${sentence}; ${NEEDS_TWO}`);
    if (all[i] > 0 && count === 0) console.log(`Warning: ${sentence}.`);
  });
  if (missing.length === 0) return;
  console.log(`Warning: no face${where} carries the emotion ${missing.join(", ")}: nothing is learnt of it.`);
}

const NEEDS_TWO =
  "each emotion that occurs needs two faces or more, since a face is contrasted with others of its emotion.";
/** What learns from faces that carry no emotion. */
function withoutEmotions({ method = "emoco" }: RunConfig): string {
  return method === "emoco"
    ? "MoCo needs none (--queues=single --normalization=l2 --losses=contrastive)."
    : "MoCo needs none (--method=moco).";
}
