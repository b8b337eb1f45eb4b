/**
 * JAA-Net: joint facial action unit detection and face alignment by adaptive attention (Shao et al., ECCV 2018 and IJCV
 * 2021), by the authors' code: points are predicted, attention is laid about them, refined, and both feed the units.
 */
import { type Scalar, type Tensor, tf } from "../engine/backend.ts";
import type { Detector, DetectorInputs, DetectorShape } from "./detector.ts";
import { dense, flatten, type Layers } from "./layers.ts";
import { patchConvolution } from "./patch_convolution.ts";
import { attentionMaps, centresOf, regionsOf } from "./regions.ts";
import { weightedDice, weightedEntropy } from "./unit_losses.ts";

/** The 49 of iBUG's 68 points that are aligned: without the jaw and the inner corners of the mouth. */
export const ALIGNED = Array.from({ length: 68 }, (_, i) => i).filter((i) => i > 16 && i !== 60 && i !== 64);

const ALIGN_WEIGHT = 0.5, REFINE_WEIGHT = 1e-4;

/** Places that the four unpadded convolutions of the refinement take from a map's side. */
const SHRINKS = 8;

export const jaa: Detector = {
  title: "JAA-Net",
  paper: "Shao et al., ECCV 2018 and IJCV 2021",
  departures: "AdamW at one rate in place of Nesterov's SGD with twice the rate for the refinement",
  points: "training",
  finds: ALIGNED,
  hasTrunk: false,
  paperImageSize: 176,
  /**
   * Channels of the region layers in multiples of `unit`, of all convolutions behind them in multiples of `deep`; the
   * align head's hidden layer, and the last one. `quick` costs a face no more than DRML; with half the
   * original's channels, 17 units and 96 px it would be twelve times that.
   */
  sizes: {
    paper: { unit: 8, deep: 8, align: 512, features: 512 },
    quick: { unit: 2, deep: 1, align: 128, features: 128 },
  },
  check({ imageSize, aus }) {
    regionsOf(aus);
    if (imageSize % 16 === 0 && imageSize >= 32) return;
    throw new Error(
      `JAA-Net cuts views into 8 x 8 patches and halves them: their side must be a multiple of 16, not ${imageSize}.`,
    );
  },
  forward<X>(l: Layers<X>, { image }: DetectorInputs<X>, { sizes, aus, imageSize }: DetectorShape) {
    const { unit, align, features: width } = sizes;
    const deep = (channels: number) => Math.round(sizes.deep * channels);
    const conv = (x: X, name: string, output: number, kernel = 3, padding = 1) =>
      l.relu(l.batchNorm(l.convolve(x, name, { output, kernel, padding }), `${name}.norm`));
    let shared = image;
    for (const [i, channels] of [4 * unit, 8 * unit].entries()) {
      shared = l.maxPool(regionBlock(l, shared, `region${i + 1}`, channels), 2, 2);
    }
    /** The paper's hierarchical convolutions, three pairs with a pool behind each. */
    const pairs = (x: X, name: string) =>
      [12, 16, 20].reduce((x, channels, i) => {
        const inner = conv(x, `${name}.${i}.0`, deep(channels));
        return l.maxPool(conv(inner, `${name}.${i}.1`, deep(channels)), 2, 2);
      }, x);

    const aligned = flatten(l, pairs(shared, "align"));
    const hidden = dense(l, aligned, "align.hidden", align);
    const points = dense(l, hidden, "align.points", 2 * ALIGNED.length);
    const maps = unitMaps(l, l.stop(points), aus, imageSize / 4 + SHRINKS); // [A, side, side]
    const side = l.shape(maps)[1];

    const refined: X[] = [], locals: X[] = [];
    aus.forEach((_, a) => {
      let map = l.reshape(l.slice(maps, 0, a, 1), [side, side, 1]);
      for (const i of [0, 1, 2]) map = conv(map, `refine.${a}.${i}`, deep(8), 3, 0);
      const attention = l.sigmoid(
        l.convolve(map, `refine.${a}.3`, { output: 1, kernel: 3, padding: 0, bias: true }),
      );
      refined.push(attention);
      locals.push(pairs(l.multiply(shared, attention), `local.${a}`));
    });
    const local = l.scale(locals.reduce((sum, x) => l.add(sum, x)), 1 / aus.length);
    const whole = [aligned, flatten(l, pairs(shared, "global")), flatten(l, local)];
    const features = dense(l, l.concatenate(whole, 0), "units.hidden", width);
    // Two answers a unit, as the paper has them; the softmax of two is the sigmoid of their difference.
    const both = l.reshape(dense(l, features, "units", 2 * aus.length), [aus.length, 2]);
    const logits = l.subtract(l.slice(both, 1, 1, 1), l.slice(both, 1, 0, 1));
    return {
      logits: l.reshape(logits, [aus.length]),
      features,
      inner: { points, maps, refined: l.concatenate(refined, 2) },
    };
  },
  losses({ logits, inner: { points, maps, refined } }, labels) {
    const known = labels.points!; // without 60 and 64; tf.gather could not be traced
    const parts = [[17, 43], [61, 3], [65, 3]].map(([from, count]) =>
      tf.slice(known, [0, from, 0], [-1, count, 2])
    );
    const truth = tf.reshape(tf.concat(parts, 1), [-1, 2 * ALIGNED.length]);
    return {
      entropy: weightedEntropy(logits, labels),
      dice: weightedDice(logits, labels),
      align: tf.mul(alignmentLoss(points, truth), ALIGN_WEIGHT),
      refine: tf.mul(refinementLoss(refined, maps), REFINE_WEIGHT),
    };
  },
};

/** Patches of three sizes, each reading the one before, beside a convolution of the whole map. */
function regionBlock<X>(l: Layers<X>, x: X, name: string, channels: number): X {
  const whole = l.convolve(x, `${name}.whole`, { output: channels, kernel: 3 });
  let branch = whole;
  const branches = [[8, channels / 2], [4, channels / 4], [2, channels / 4]].map(([count, output]) =>
    branch = patchConvolution(l, branch, `${name}.patches${count}`, { count, output, bias: false })
  );
  return l.relu(l.batchNorm(l.add(whole, l.concatenate(branches, 2)), `${name}.norm`));
}

/** Attention of each unit by the aligned points [98]: the greater of its two centres' (1 at a centre), [A, side, side]. */
function unitMaps<X>(l: Layers<X>, points: X, aus: readonly number[], side: number): X {
  const placed = new Float32Array(2 * ALIGNED.length * 2 * 68);
  ALIGNED.forEach((point, i) => {
    for (const axis of [0, 1]) placed[(2 * i + axis) * 2 * 68 + 2 * point + axis] = 1;
  });
  const all = l.project(points, l.constant(placed, [2 * ALIGNED.length, 2 * 68]));
  const centres = centresOf(l, l.reshape(all, [68, 2]), regionsOf(aus));
  const reach = Math.round((side - 1) / 2 * 0.14) / side;
  const maps = attentionMaps(l, centres, { side, slope: 4, reach, rounds: true });
  return l.max(l.reshape(maps, [aus.length, 2, side, side]), 1);
}

/** Half the squared distance of the points over that of the eyes' outer corners, mean over faces. */
function alignmentLoss(points: Tensor, truth: Tensor): Scalar {
  const corner = (point: number) => tf.slice(truth, [0, 2 * ALIGNED.indexOf(point)], [-1, 2]);
  const apart = tf.sum(tf.squaredDifference(corner(36), corner(45)), 1);
  const off = tf.sum(tf.squaredDifference(points, truth), 1);
  return tf.mean(tf.div(off, tf.mul(apart, 2)));
}

/** Cross-entropy of the refined maps [B, h, w, A] against the first ones, resized, summed over units. */
function refinementLoss(refined: Tensor, maps: Tensor): Scalar {
  const [, units, side] = maps.shape, small = refined.shape[1]!;
  const first = tf.reshape(maps, [-1, side, side]);
  const down = tf.tensor2d(resizing(side, small), [small, side]);
  const rows = tf.matMul(tf.reshape(first, [-1, side]), down, false, true); // [B A side, small]
  const turned = tf.transpose(tf.reshape(rows, [-1, side, small]), [0, 2, 1]);
  const both = tf.matMul(tf.reshape(turned, [-1, side]), down, false, true);
  const resized = tf.transpose(tf.reshape(both, [-1, units, small, small]), [0, 3, 2, 1]); // [B, h, w, A]
  const entropy = tf.neg(tf.add(
    tf.mul(resized, tf.log(tf.maximum(refined, 1e-12))),
    tf.mul(tf.sub(1, resized), tf.log(tf.maximum(tf.sub(1, refined), 1e-12))),
  ));
  return tf.mul(tf.mean(entropy), units);
}

/** Bilinear resizing of a row as a matrix [to, from], pixels by their middles. */
export function resizing(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = Math.min(Math.max((i + 0.5) * from / to - 0.5, 0), from - 1);
    const left = Math.floor(at), right = Math.min(left + 1, from - 1);
    matrix[i * from + left] += 1 - (at - left);
    matrix[i * from + right] += at - left;
  }
  return matrix;
}
