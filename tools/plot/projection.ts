/** From features to two dimensions by UMAP (McInnes et al., 2018). */
import { UMAP } from "umap-js";
import { randomStream } from "../../train/runs/random.ts";

/**
 * Points [N] of the plane in which neighbours stay neighbours; the same features and seed give the same points.
 * @param features unit rows, so that nearness is the angle between them
 * @param onProgress called with the epochs that are done, and with how many there are
 */
export function project(
  features: readonly Float32Array[],
  seed: number,
  onProgress: (done: number, total: number) => void = () => {},
): [x: number, y: number][] {
  const random = randomStream(seed);
  const nNeighbors = Math.min(15, features.length - 1);
  const umap = new UMAP({ nComponents: 2, nNeighbors, minDist: 0.1, random });
  const epochs = umap.initializeFit(features.map((row) => Array.from(row)));
  for (let epoch = 1; epoch <= epochs; epoch++) {
    umap.step();
    onProgress(epoch, epochs);
  }
  return umap.getEmbedding() as [number, number][];
}
