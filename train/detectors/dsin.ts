/**
 * After DSIN: deep structure inference network (Corneanu, Madadi and Escalera, ECCV 2018). Read: networks on patches
 * about points and on the face, each of which answers all units; a fusion by unit; an inference between units by gated
 * messages, repeated; supervision of every stage. Reconstructed: patches, widths and equations.
 */
import type { Scalar, Tensor } from "../engine/backend.ts";
import { tf } from "../engine/backend.ts";
import type { Detector, DetectorInputs, DetectorLabels, DetectorShape } from "./detector.ts";
import { dense, type Layers } from "./layers.ts";
import { crops } from "./regions.ts";
import { trunk } from "./trunk.ts";
import { weightedEntropy } from "./unit_losses.ts";

/** Points whose means are the middles of the patches: eyes, between the brows, corners of the mouth. */
const PATCHES: readonly (readonly number[])[] = [
  [36, 37, 38, 39, 40, 41],
  [42, 43, 44, 45, 46, 47],
  [21, 22],
  [48],
  [54],
];

export const dsin: Detector = {
  title: "after DSIN",
  paper: "Corneanu, Madadi and Escalera, ECCV 2018",
  departures:
    "reconstructed from its abstract and introduction: stages and their supervision are the paper's, patches, " +
    "widths and equations are ours, and all stages learn together; thresholds are 0.5 for every unit",
  points: "always",
  hasTrunk: true,
  paperImageSize: 224,
  /** Channels of a patch's first layer, of the fusion's hidden layer, and how often messages are sent. */
  sizes: {
    paper: { channels: 32, hidden: 64, iterations: 10 },
    quick: { channels: 16, hidden: 16, iterations: 5 },
  },
  check({ imageSize }) {
    if (imageSize % 32) {
      throw new Error(
        `The patches of DSIN are a quarter of a view, halved three times: ${imageSize} px do not fit.`,
      );
    }
  },
  forward<X>(l: Layers<X>, { image, points }: DetectorInputs<X>, shape: DetectorShape) {
    const { aus, imageSize, sizes: { channels, hidden, iterations } } = shape;
    const count = aus.length, patches = PATCHES.length;
    const { pooled } = trunk(l, image, shape.trunk);
    const each = (x: X, name: string, output: number, groups: number, kernel = 1, padding = 0) =>
      l.convolve(x, name, { output: groups * output, kernel, padding, groups, bias: true });
    let x = crops(l, image, middles(l, points!), imageSize / 4);
    for (const [i, times] of [1, 2, 2].entries()) {
      x = l.maxPool(l.relu(each(x, `patches.${i}`, times * channels, patches, 3, 1)), 2, 2);
    }
    x = l.relu(each(x, "patches.3", 2 * channels, patches, l.shape(x)[0]));
    const parts = l.reshape(each(x, "patches.4", count, patches), [patches, count]);
    const face = l.reshape(dense(l, pooled, "face", count), [1, count]);
    const predicted = l.concatenate([parts, face], 0); // logits [P + 1, A]

    const seen = l.reshape(l.transpose(l.sigmoid(predicted), [1, 0]), [1, 1, count * (patches + 1)]);
    const inner = l.relu(each(seen, "fusion.0", hidden, count));
    const fused = l.reshape(each(inner, "fusion.1", 1, count), [count]);
    const rounds = inference(l, fused, iterations);
    return {
      logits: rounds.at(-1) ?? fused,
      features: pooled,
      inner: {
        predicted,
        fused: l.reshape(fused, [1, count]),
        ...numbered(rounds.map((y) => l.reshape(y, [1, count]))),
      },
    };
  },
  losses({ inner: { predicted, fused, ...rounds } }, labels) {
    const mean = (all: Tensor[]) =>
      tf.div(tf.addN(all.map((logits) => weightedEntropy(logits, labels))), all.length) as Scalar;
    const row = (x: Tensor) => tf.squeeze(x, [1]);
    const answers = Object.values(rounds).map(row);
    return {
      patches: mean(tf.unstack(predicted, 1)),
      fusion: weightedEntropy(row(fused), labels as DetectorLabels),
      ...(answers.length ? { inference: mean(answers) } : {}),
    };
  },
};

function numbered<X>(rounds: readonly X[]): { [name: string]: X } {
  return Object.fromEntries(rounds.map((x, i) => [`round${i + 1}`, x]));
}

/** The patches' middles [P, 2]. */
function middles<X>(l: Layers<X>, points: X): X {
  const means = new Float32Array(68 * PATCHES.length);
  PATCHES.forEach((patch, i) =>
    patch.forEach((point) => means[point * PATCHES.length + i] = 1 / patch.length)
  );
  return l.transpose(l.project(l.transpose(points, [1, 0]), l.constant(means, [68, PATCHES.length])), [1, 0]);
}

/**
 * Logits of all units after each round: unit b tells m_b = relu(u_b y_b + v_b f_b + c_b), which a hears through the gate
 * g_ba = s(p_a y_a + q_b y_b + r_b f_b + c_ba); then y_a = s(k_a f_a + l_a y_a + m_a sum g m + n_a), from y = f on.
 * @param fused logits of f [A]
 */
export function inference<X>(l: Layers<X>, fused: X, iterations: number): X[] {
  const [count] = l.shape(fused);
  const vector = (name: string, start: number) => l.parameter(`inference.${name}`, [count], start);
  const [tellsY, tellsF, tells] = [vector("tells.y", 0.5), vector("tells.f", 0.5), vector("tells.bias", 0)];
  const [gateOwn, gateY, gateF] = [vector("gate.own", 0), vector("gate.y", 0), vector("gate.f", 0)];
  const gate = l.parameter("inference.gate.bias", [count, count], 0);
  const [keepF, keepY, hears, bias] = [
    vector("f", 2),
    vector("y", 2),
    vector("hears", 0.1),
    vector("bias", -2),
  ];
  const others = l.constant(
    Float32Array.from({ length: count ** 2 }, (_, i) => Number(Math.floor(i / count) !== i % count)),
    [count, count],
  );
  const row = (x: X) => l.reshape(x, [1, count]), column = (x: X) => l.reshape(x, [count, 1]);
  const f = l.sigmoid(fused), rounds: X[] = [];
  let y = f;
  for (let round = 0; round < iterations; round++) {
    const told = l.relu(l.add(l.add(l.multiply(y, tellsY), l.multiply(f, tellsF)), tells));
    const from = l.add(l.multiply(y, gateY), l.multiply(f, gateF));
    const open = l.sigmoid(l.add(l.add(column(l.multiply(y, gateOwn)), row(from)), gate)); // [to, from]
    const heard = l.sum(l.multiply(l.multiply(open, others), row(told)), 1);
    const kept = l.add(l.multiply(f, keepF), l.multiply(y, keepY));
    const logits = l.add(l.add(kept, l.multiply(heard, hears)), bias);
    rounds.push(logits);
    y = l.sigmoid(logits);
  }
  return rounds;
}
