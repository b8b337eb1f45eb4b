/** The residual network of `nets/resnet.ts` in a detector's words, under the same names: it starts at a pretrained one. */
import { type Architecture, blocks, convolutions, normOf } from "../nets/resnet.ts";
import { type Layers, pool } from "./layers.ts";

/** What a trunk gives. */
export interface Trunk<X> {
  /** Maps behind the four stages. */
  stages: X[];
  /** Mean of the last over its places: [F]. */
  pooled: X;
}

/**
 * An image's maps.
 * @param change what becomes of a stage's map, given also the input of its last block
 */
export function trunk<X>(
  l: Layers<X>,
  image: X,
  architecture: Architecture,
  change: (stage: number, output: X, input: X) => X = (_, output) => output,
): Trunk<X> {
  const shapes = new Map(convolutions(architecture).map((shape) => [shape.name, shape]));
  const conv = (x: X, name: string) => {
    const { output, kernel, stride } = shapes.get(name)!;
    return l.batchNorm(l.convolve(x, name, { output, kernel, stride }), normOf(name));
  };
  let x = l.relu(conv(image, "conv1"));
  if (architecture.stem === "imagenet") x = l.maxPool(x, 3, 2, 1);
  const stages: X[] = [], all = blocks(architecture);
  const stageOf = (i: number) => Number(all[i].path[0].charAt("layer".length)) - 1;
  all.forEach(({ path, shortcut }, i) => {
    const input = x;
    let residual = x;
    path.forEach((name, i) => residual = conv(i ? l.relu(residual) : residual, name));
    x = l.relu(l.add(residual, shortcut ? conv(x, shortcut) : x));
    if (i === all.length - 1 || stageOf(i + 1) !== stageOf(i)) {
      x = change(stageOf(i), x, input);
      stages.push(x);
    }
  });
  return { stages, pooled: pool(l, x) };
}
