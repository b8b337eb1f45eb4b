/**
 * After EAC-Net: enhancing and cropping (Li, Abtahi, Zhu and Yin, 2017), by the authors' code, on our residual network
 * where theirs is VGG-19: attention about the units' centres enhances two stages, and crops about each centre feed
 * layers of their own.
 */
import type { Detector, DetectorInputs, DetectorShape } from "./detector.ts";
import { dense, flatten, type Layers, pool } from "./layers.ts";
import { attentionMaps, centresOf, crops, type Region, REGIONS } from "./regions.ts";
import { trunk } from "./trunk.ts";
import { boundedEntropy } from "./unit_losses.ts";

/** The ten pairs of centres, whatever the units. */
export const EAC_REGIONS: readonly Region[] = [
  ...[1, 2, 4, 6, 7, 10, 12].map((au) => REGIONS[au]),
  { points: [51, 57], below: 0 },
  { points: [61, 63], below: 0 },
  REGIONS[17],
];

/** Centres, and so crops. */
const CENTRES = 2 * EAC_REGIONS.length;

/** As in the authors' code: neighbours' squares are summed, not averaged. */
const NORM = { radius: 2, bias: 2, alpha: 0.002, beta: 0.75 };

export const eac: Detector = {
  title: "after EAC-Net",
  paper: "Li, Abtahi, Zhu and Yin, FG 2017 and TPAMI 2018",
  departures:
    "on our residual network in place of VGG-19 pretrained on ImageNet, whose first groups it freezes; both nets " +
    "learn at once, the crops' one without moving what it reads, where the authors train one after the other",
  points: "always",
  onlyOccurrence:
    "its loss is least at p = 1.1 y - 0.05, so a share y between 0 and 1 would be answered wrongly",
  hasTrunk: true,
  paperImageSize: 224,
  /** Of a crop's own layer, and of the two nets' hidden layers. */
  sizes: {
    paper: { crop: 150, enhanced: 4096, hidden: 2048 },
    quick: { crop: 24, enhanced: 256, hidden: 128 },
  },
  check() {},
  forward<X>(
    l: Layers<X>,
    { image, points }: DetectorInputs<X>,
    { sizes, aus, trunk: architecture }: DetectorShape,
  ) {
    const { crop, enhanced, hidden } = sizes;
    const centres = centresOf(l, points!, EAC_REGIONS);
    const { stages } = trunk(l, image, architecture, (stage, output, input) => {
      if (stage !== 1 && stage !== 2) return output;
      const [side] = l.shape(output);
      const map = attentionMap(l, centres, side);
      // The input of the stage's last block, through the map, beside its output, which no map hides.
      return l.add(output, l.multiply(input, map));
    });
    let first = l.dropout(l.relu(dense(l, pool(l, stages[3]), "enhanced.0", enhanced)));
    first = l.dropout(l.relu(dense(l, first, "enhanced.1", hidden)));

    const map = l.localResponse(l.stop(stages[1]), NORM);
    const channels = l.shape(map)[2];
    const own = (x: X, name: string, output: number, kernel: number) =>
      l.relu(l.convolve(x, name, {
        output: CENTRES * output,
        kernel,
        padding: 0,
        groups: CENTRES,
        bias: true,
      }));
    const around = crops(l, map, centres, 3, 2); // [6, 6, K C]
    const answers = own(own(around, "crops.0", channels, 3), "crops.1", crop, 4); // [1, 1, K crop]
    const features = l.dropout(l.relu(dense(l, flatten(l, answers), "crops.2", hidden)));
    return {
      logits: dense(l, features, "crops.3", aus.length),
      features,
      inner: { enhanced: dense(l, first, "enhanced.2", aus.length) },
    };
  },
  losses: ({ logits, inner: { enhanced } }, labels) => ({
    crops: boundedEntropy(logits, labels),
    enhanced: boundedEntropy(enhanced, labels),
  }),
};

/** Attention of all centres: 1 - 0.07 for each hundredth of the view, within seven; their greatest, pooled to `side`. */
function attentionMap<X>(l: Layers<X>, centres: X, side: number): X {
  const times = Math.ceil(100 / side);
  const fine = { side: times * side, slope: 7, reach: 0.07, rounds: false };
  const map = l.max(attentionMaps(l, centres, fine), 0);
  return l.maxPool(l.reshape(map, [fine.side, fine.side, 1]), times, times);
}
