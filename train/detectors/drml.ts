/**
 * DRML: deep region and multi-label learning (Zhao, Chu and Zhang, CVPR 2016), by the authors' Caffe description: a
 * convolution, a region layer of 8 x 8 patches, four convolutions and three fully connected layers.
 */
import { LOCAL_RESPONSE } from "./alexnet.ts";
import type { Detector, DetectorInputs, DetectorShape } from "./detector.ts";
import { dense, flatten, type Layers } from "./layers.ts";
import { patchConvolution } from "./patch_convolution.ts";
import { summedEntropy } from "./unit_losses.ts";

/** Patches along a side. */
const PATCHES = 8;

export const drml: Detector = {
  title: "DRML",
  paper: "Zhao, Chu and Zhang, CVPR 2016",
  departures: "He's start and AdamW in place of Gaussians and SGD; batches are not balanced by unit",
  points: "never",
  hasTrunk: false,
  paperImageSize: 170,
  /**
   * First kernel: 11 leaves 160 of 170 px; 9 leaves 88, 104 and 120 of 96, 112 and 128. Channels of the region layer and
   * of the convolutions behind it, and of the fully connected layers.
   */
  sizes: {
    paper: { kernel: 11, channels: 32, inner: 16, hidden: 4096, features: 2048 },
    quick: { kernel: 9, channels: 16, inner: 16, hidden: 256, features: 128 },
  },
  check({ imageSize, sizes }) {
    const side = imageSize - sizes.kernel + 1;
    if (side % PATCHES === 0 && lastSide(side) > 0) return;
    throw new Error(
      `DRML cuts what its first kernel of ${sizes.kernel} leaves of a view into ${PATCHES} x ${PATCHES} patches: views of ` +
        `${imageSize} px do not fit; 96, 112 and 128 px do in the quick size, 170 in the paper's.`,
    );
  },
  forward<X>(l: Layers<X>, { image }: DetectorInputs<X>, { sizes, aus }: DetectorShape) {
    const { kernel, channels, inner, hidden, features: width } = sizes;
    const layer = (x: X, name: string, output: number, kernel: number, stride = 1) =>
      l.relu(l.convolve(x, name, { output, kernel, stride, padding: 0, bias: true }));
    let x = layer(image, "conv1", channels, kernel);
    const regions = patchConvolution(l, x, "region", { count: PATCHES, output: channels, bias: true });
    x = l.relu(l.add(regions, x));
    x = l.localResponse(l.maxPool(x, 2, 2), LOCAL_RESPONSE);
    x = layer(x, "conv3", inner, 8);
    x = layer(x, "conv4", inner, 8);
    x = layer(x, "conv5", inner, 6, 2);
    x = layer(x, "conv6", inner, 5);
    x = l.dropout(l.relu(dense(l, flatten(l, x), "fc7", hidden)));
    const features = l.dropout(l.relu(dense(l, x, "fc8", width)));
    return { logits: dense(l, features, "fc9", aus.length), features, inner: {} };
  },
  losses: ({ logits }, labels) => ({ units: summedEntropy(logits, labels) }),
};

/** Side of the map before the fully connected layers. */
function lastSide(side: number): number {
  return Math.floor((Math.ceil(side / 2) - 14 - 6) / 2) + 1 - 4;
}
