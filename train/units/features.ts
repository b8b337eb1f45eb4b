/** Backbone features of faces in inference mode: what probes, the linear protocol and plots work on. */
import { type Tensor, tf } from "../engine/backend.ts";
import { type Architecture, byRunning, featureCount, resnet, type Weights } from "../nets/resnet.ts";
import type { ViewLoader } from "../input/views.ts";

/** Values of a tensor, which is freed. Read outside `tf.tidy`: tidy walks every number that it is handed. */
export function takeValues(tensor: Tensor): Float32Array<ArrayBuffer> {
  const values = tensor.dataSync().slice();
  tensor.dispose();
  return values as Float32Array<ArrayBuffer>;
}

/** A backbone at rest: weights and running batch-norm statistics. */
export interface Backbone {
  architecture: Architecture;
  weights: Weights;
  statistics: Weights;
}

/** Pooled features of the plain views of the loader's faces at `indices`, batch by batch: [B, F] each. */
export async function* featureBatches(
  { architecture, weights, statistics }: Backbone,
  loader: ViewLoader,
  indices: Int32Array,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const { size } = loader.options;
  const normalize = byRunning(weights, statistics);
  for await (const { indices: part, viewQ } of loader.plainViews(indices)) {
    yield takeValues(tf.tidy(() => {
      const images = tf.tensor4d(viewQ, [part.length, size, size, 3]);
      return resnet(weights, images, architecture, normalize);
    }));
  }
}

/**
 * Pooled features of the plain views of the loader's faces at `indices`, row by row: [N, F].
 * @param onProgress called with the number of faces done
 */
export async function extractFeatures(
  backbone: Backbone,
  loader: ViewLoader,
  indices: Int32Array,
  onProgress: (done: number) => void = () => {},
): Promise<Float32Array<ArrayBuffer>> {
  const columns = featureCount(backbone.architecture);
  const features = new Float32Array(indices.length * columns);
  let done = 0;
  for await (const rows of featureBatches(backbone, loader, indices)) {
    features.set(rows, done * columns);
    done += rows.length / columns;
    onProgress(done);
  }
  return features;
}
