/**
 * AlexNet (Krizhevsky et al., 2012) as DRML's authors trained it beside theirs: five convolutions, the second, fourth and
 * fifth in two halves, and three fully connected layers; the loss is DRML's.
 */
import type { Detector, DetectorInputs, DetectorShape } from "./detector.ts";
import { type ConvolutionShape, dense, flatten, type Layers, type LocalResponse } from "./layers.ts";
import { summedEntropy } from "./unit_losses.ts";

/** Caffe's, whose alpha of 1e-4 is divided by its five channels. */
export const LOCAL_RESPONSE: LocalResponse = { radius: 2, bias: 1, alpha: 2e-5, beta: 0.75 };

export const alexnet: Detector = {
  title: "AlexNet",
  paper: "Krizhevsky et al., 2012, with the loss of DRML (Zhao et al., 2016)",
  departures: "He's start and AdamW in place of Gaussians of 0.01 and SGD",
  points: "never",
  hasTrunk: false,
  paperImageSize: 227,
  /** Channels relative to the original's 96, 256, 384, 384, 256, and the fully connected layers. */
  sizes: { paper: { width: 1, hidden: 4096 }, quick: { width: 0.5, hidden: 256 } },
  check({ imageSize }) {
    if (imageSize < 67) throw new Error(`AlexNet needs views of at least 67 px, not ${imageSize}.`);
  },
  forward<X>(l: Layers<X>, { image }: DetectorInputs<X>, { sizes, aus }: DetectorShape) {
    const { width, hidden } = sizes;
    const layer = (x: X, name: string, channels: number, more: Omit<ConvolutionShape, "output">) =>
      l.relu(l.convolve(x, name, { output: 2 * Math.round(width * channels / 2), bias: true, ...more }));
    let x = layer(image, "conv1", 96, { kernel: 11, stride: 4, padding: 0 });
    x = l.localResponse(l.maxPool(x, 3, 2), LOCAL_RESPONSE);
    x = layer(x, "conv2", 256, { kernel: 5, groups: 2 });
    x = l.localResponse(l.maxPool(x, 3, 2), LOCAL_RESPONSE);
    x = layer(x, "conv3", 384, { kernel: 3 });
    x = layer(x, "conv4", 384, { kernel: 3, groups: 2 });
    x = l.maxPool(layer(x, "conv5", 256, { kernel: 3, groups: 2 }), 3, 2);
    let features = l.dropout(l.relu(dense(l, flatten(l, x), "fc6", hidden)));
    features = l.dropout(l.relu(dense(l, features, "fc7", hidden)));
    return { logits: dense(l, features, "fc8", aus.length), features, inner: {} };
  },
  losses: ({ logits }, labels) => ({ units: summedEntropy(logits, labels) }),
};
