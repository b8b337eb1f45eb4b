/** What can be known of a model on faces without labels: whether it agrees with itself, how sure it is, what it says. */
import { tf } from "../engine/backend.ts";
import type { ViewLoader } from "../input/views.ts";
import { type AuModel, predict, readImages } from "./au_model.ts";
import { takeValues } from "./features.ts";
import { classify } from "./linear_probe.ts";

/** Measures of one unit. */
export interface UnitMeasures {
  au: number;
  /** 1 less the mean distance of the answers on two random views of a face. */
  agreement: number;
  /** Mean answer on plain views, and the share of them from the threshold on. */
  mean: number;
  present: number;
}

/** Measures of a model on unlabelled faces. */
export interface Measures {
  faces: number;
  /** Mean over the units. */
  agreement: number;
  /** Share of answers that fall on the same side of the threshold on both views. */
  sameDecision: number;
  /** Mean entropy of the answers on plain views, in bits; 1 where all are one half. */
  entropy: number;
  units: UnitMeasures[];
}

/** A visit that no training makes, so that measured views are none that were learnt from. */
const FAR_EPOCH = 2 ** 30;

/**
 * Measures a model.
 * @param indices faces of the loader
 * @param threshold the answer from which a unit counts as present
 * @returns also the answers on plain views, [N, A]
 */
export async function measure(
  model: AuModel,
  loader: ViewLoader,
  indices: Int32Array,
  threshold: number,
): Promise<{ measures: Measures; probabilities: Float32Array }> {
  const { probabilities } = await predict(model, loader, indices);
  const units = model.aus.length, faces = indices.length, { batchSize, size } = loader.options;
  const distance = new Float64Array(units);
  let same = 0, done = 0;
  const walk = { at: (position: number) => ({ index: indices[position % faces], epoch: FAR_EPOCH }) };
  const read = (views: Float32Array<ArrayBuffer>) => {
    const { features, ...others } = tf.tidy(() =>
      readImages(model, tf.tensor4d(views, [batchSize, size, size, 3]))
    );
    tf.dispose(others);
    return classify(model.classifier, takeValues(features));
  };
  for await (const { viewQ, viewK } of loader.randomViews(walk, 0, Math.ceil(faces / batchSize))) {
    const [one, other] = [read(viewQ), read(viewK)];
    const count = Math.min(batchSize, faces - done); // the last batch begins again at the first faces
    for (let i = 0; i < count * units; i++) {
      distance[i % units] += Math.abs(one[i] - other[i]);
      same += Number(one[i] >= threshold === other[i] >= threshold);
    }
    done += count;
  }
  const column = (a: number) => probabilities.filter((_, i) => i % units === a);
  const perUnit = model.aus.map((au, a): UnitMeasures => ({
    au,
    agreement: 1 - distance[a] / faces,
    mean: column(a).reduce((sum, p) => sum + p, 0) / faces,
    present: column(a).filter((p) => p >= threshold).length / faces,
  }));
  return {
    measures: {
      faces,
      agreement: perUnit.reduce((sum, { agreement }) => sum + agreement, 0) / units,
      sameDecision: same / (faces * units),
      entropy: probabilities.reduce((sum, p) => sum + entropy(p), 0) / probabilities.length,
      units: perUnit,
    },
    probabilities,
  };
}

/** Entropy of yes or no, in bits. */
function entropy(p: number): number {
  const part = (share: number) => share > 0 ? -share * Math.log2(share) : 0;
  return part(p) + part(1 - p);
}

/** How many answers lie on the other side of the threshold now, unit by unit. */
export function changedAnswers(
  before: Float32Array,
  after: Float32Array,
  units: number,
  threshold: number,
): number[] {
  const changed = new Array<number>(units).fill(0);
  before.forEach((p, i) => changed[i % units] += Number(p >= threshold !== after[i] >= threshold));
  return changed;
}
