/** The faces of a pretraining run, out of its manifest. */
import { EMOTIONS } from "@emoco/web/facs";
import type { RunConfig } from "../config.ts";
import { Clips, type ClipShape } from "../input/clips.ts";
import { countEmotions, holdBackSubjects, ManifestError, manifestPath, readManifest } from "../input/data.ts";
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
  const faces = clip ? ofSplit : ofSplit.filter((face) => face.emotion);
  if (faces.length < ofSplit.length) {
    console.log(`${ofSplit.length - faces.length} faces carry no emotion and are left out.`);
  }

  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new ManifestError(`${manifest}: ${sentence}`);
  };
  if (!clip) {
    countEmotions(faces).forEach((count, i) => {
      const emotion = EMOTIONS[i], first = faces.find((face) => face.emotion === emotion);
      demand(
        count >= 2,
        (first ? `only one face, on line ${first.line}, carries` : "no face carries") +
          ` the emotion "${emotion}"` +
          `${hasSplits ? ' in split "pretrain"' : ""}; ${NEEDS_TWO}`,
      );
    });
  }
  const { kept, held } = holdBackSubjects(faces, config.heldBack, config.seed);
  demand(
    held.length > 0 && kept.length > 0,
    `heldBack=${config.heldBack} of its subjects leaves nobody to train on or to probe with; it needs faces of more people.`,
  );
  if (!clip) {
    countEmotions(kept).forEach((count, i) => {
      demand(
        count >= 2,
        `${count === 0 ? "no face" : "one face only"} is left for "${
          EMOTIONS[i]
        }" after the ${held.length} faces of ` +
          `the probes were held back (heldBack=${config.heldBack}); ${NEEDS_TWO}`,
      );
    });
  }
  const samples = clip ? new Clips(kept, clip, config.seed).anchors.length : kept.length;
  demand(
    samples >= config.batchSize,
    `${samples} ${
      clip ? "clips" : "faces"
    } are fewer than one batch; give a --batchSize of at most that many.`,
  );
  return { manifest, kept, held };
}

const NEEDS_TWO =
  "each of the seven emotions needs two faces or more, since a face is contrasted with others of its emotion.";
