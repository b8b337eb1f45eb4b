/** What a model of points says of faces, by a session of its own: the reference of a file that holds that model. */
import type * as ort from "onnxruntime-web";
import { Tensor } from "onnxruntime-web";
import { tf } from "../../train/engine/backend.ts";
import type { Face } from "../../train/input/data.ts";
import type { ViewLoader } from "../../train/input/views.ts";

/**
 * The points of faces in units of the crop, [N, 68, 2]. A model that reads views of another side than the loader's is
 * given them resized by TensorFlow, bilinear between pixels' middles.
 */
export async function pointsOf(
  session: ort.InferenceSession,
  faces: readonly Face[],
  loader: ViewLoader,
): Promise<Float32Array<ArrayBuffer>> {
  const { size } = loader.options;
  const [input] = session.inputMetadata;
  const side = input.isTensor ? Number(input.shape[3]) : size;
  const points = new Float32Array(faces.length * 2 * 68);
  let done = 0;
  for await (const { indices, viewQ } of loader.plainViews(Int32Array.from(faces, (_, i) => i))) {
    const values = side === size ? viewQ : resized(viewQ, size, side);
    const image = new Tensor("float32", toNchw(values, side), [indices.length, 3, side, side]);
    const outputs = await session.run({ image }, ["points"]);
    points.set(outputs.points.data as Float32Array, done * 2 * 68);
    done += indices.length;
  }
  await session.release();
  return points;
}

function resized(images: Float32Array, from: number, to: number): Float32Array {
  return tf.tidy(() => {
    const views = tf.tensor4d(images, [images.length / (3 * from * from), from, from, 3]);
    return tf.image.resizeBilinear(views, [to, to], false, true).dataSync() as Float32Array;
  });
}

/** [N, S, S, 3] to [N, 3, S, S]. */
export function toNchw(images: Float32Array, size: number): Float32Array {
  const area = size * size;
  const result = new Float32Array(images.length);
  for (let i = 0; i < images.length; i++) {
    const n = Math.floor(i / (3 * area)), pixel = Math.floor(i / 3) % area;
    result[(n * 3 + i % 3) * area + pixel] = images[i];
  }
  return result;
}
