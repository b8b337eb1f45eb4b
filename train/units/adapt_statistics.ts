/** Batch norm's statistics taken anew from unlabelled faces (AdaBN, Li et al. 2017); no weight moves. */
import { type Tensor, type Tensor4D, tf } from "../engine/backend.ts";
import type { ViewLoader } from "../input/views.ts";
import { type BatchStatistics, byBatch, featureMap, type Weights } from "../nets/resnet.ts";
import { mapWeights } from "../nets/optimizer.ts";
import { Progress } from "../runs/progress.ts";
import type { AuModel } from "./au_model.ts";
import { type Backbone, takeValues } from "./features.ts";

/**
 * A copy of the model with the statistics of the loader's first faces.
 * @param share of the new statistics in the mean of old and new ones
 */
export async function adaptByStatistics(
  model: AuModel,
  loader: ViewLoader,
  faces: number,
  share: number,
): Promise<AuModel> {
  const indices = Int32Array.from({ length: faces }, (_, i) => i);
  const progress = new Progress(faces);
  const show = (done: number) => progress.show(done, `statistics  ${done}/${faces} faces`);
  const statistics = await statisticsOf(model.backbone, loader, indices, share, show);
  progress.end();
  const copy = (weights: Weights) => mapWeights(weights, (tensor) => tf.clone(tensor));
  return {
    ...model,
    backbone: { ...model.backbone, weights: copy(model.backbone.weights), statistics },
    emotionHead: model.emotionHead && copy(model.emotionHead),
    heads: model.heads && copy(model.heads),
  };
}

/**
 * Means and variances of every layer over the plain views of the faces and their mirror images, each layer's inputs
 * normalised by their own batch; of all batches together by the law of total variance.
 * @param share of the new in the mean of old and new
 * @returns running statistics; the caller's
 */
export async function statisticsOf(
  { architecture, weights, statistics }: Backbone,
  loader: ViewLoader,
  indices: Int32Array,
  share: number,
  onProgress: (done: number) => void = () => {},
): Promise<Weights> {
  const { size } = loader.options;
  const sums = new Map<string, { mean: Float64Array; square: Float64Array }>();
  let done = 0;
  for await (const { indices: part, viewQ } of loader.plainViews(indices)) {
    const collected: BatchStatistics = new Map();
    tf.tidy(() => {
      const images = tf.tensor4d(viewQ, [part.length, size, size, 3]);
      const both = tf.concat([images, tf.reverse(images, 2)]) as Tensor4D;
      featureMap(weights, both, architecture, byBatch(weights, collected));
    });
    for (const [layer, { mean, variance }] of collected) {
      const [means, variances] = [takeValues(mean), takeValues(variance)];
      let sum = sums.get(layer);
      if (!sum) {
        sum = { mean: new Float64Array(means.length), square: new Float64Array(means.length) };
        sums.set(layer, sum);
      }
      for (let c = 0; c < means.length; c++) {
        sum.mean[c] += part.length * means[c];
        sum.square[c] += part.length * (variances[c] + means[c] ** 2);
      }
    }
    done += part.length;
    onProgress(done);
  }
  const next: Weights = {};
  const blend = (name: string, now: Float64Array): Tensor => {
    const old = statistics[name].dataSync() as Float32Array;
    return tf.tensor1d(Float32Array.from(now, (value, c) => (1 - share) * old[c] + share * value));
  };
  for (const [layer, { mean, square }] of sums) {
    const average = mean.map((value) => value / done);
    next[`${layer}.running_mean`] = blend(`${layer}.running_mean`, average);
    next[`${layer}.running_var`] = blend(
      `${layer}.running_var`,
      square.map((value, c) => Math.max(0, value / done - average[c] ** 2)),
    );
  }
  return next;
}
