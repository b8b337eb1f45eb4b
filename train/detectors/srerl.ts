/**
 * After SRERL: semantic relationships embedded representation learning (Li, Zhu, Zeng, Wang and Lin, AAAI 2019). Read:
 * a graph of units with symbiosis and mutual exclusion, made from labels beforehand; a gated graph network; regions cut
 * by points out of a network's maps of several scales. Reconstructed: all sizes, the thresholds of the graph, the loss.
 */
import type { Detector, DetectorInputs, DetectorShape } from "./detector.ts";
import { gatedGraph, graphOf } from "./gated_graph.ts";
import { dense, flatten, type Layers } from "./layers.ts";
import { centresOf, crops, regionsOf } from "./regions.ts";
import { trunk } from "./trunk.ts";
import { weightedDice, weightedEntropy } from "./unit_losses.ts";

export const srerl: Detector = {
  title: "after SRERL",
  paper: "Li et al., AAAI 2019 (arXiv 1904.09939)",
  departures:
    "reconstructed from its abstract and introduction: the graph of two kinds of edges and the gated network are " +
    "the paper's, sizes, thresholds and loss are ours; on our residual network in place of VGG-19",
  points: "always",
  hasTrunk: true,
  paperImageSize: 224,
  /** Channels of the joined map, a crop's layer, a node's state, rounds of messages, and a unit's own last layer. */
  sizes: {
    paper: { channels: 128, crop: 150, node: 128, iterations: 3, own: 16 },
    quick: { channels: 32, crop: 32, node: 32, iterations: 2, own: 8 },
  },
  check: ({ aus }) => void regionsOf(aus),
  forward<X>(l: Layers<X>, { image, points }: DetectorInputs<X>, shape: DetectorShape) {
    const { aus, sizes: { channels, crop, node, iterations, own } } = shape, count = aus.length;
    const { stages, pooled } = trunk(l, image, shape.trunk);
    const side = l.shape(stages[1])[0];
    const scales = l.concatenate(stages.slice(1).map((map) => enlarge(l, map, side)), 2);
    const joined = l.relu(
      l.batchNorm(l.convolve(scales, "scales", { output: channels, kernel: 3 }), "scales.norm"),
    );
    const around = crops(l, joined, centresOf(l, points!, regionsOf(aus)), 3, 2);
    const each = (x: X, name: string, output: number, groups: number, kernel = 1) =>
      l.convolve(x, name, { output: groups * output, kernel, padding: 0, groups, bias: true });
    let regions = l.relu(each(around, "regions.0", channels, 2 * count, 3));
    regions = l.relu(each(regions, "regions.1", crop, 2 * count, 4));
    const nodes = l.reshape(each(regions, "nodes", node, count), [count, node]);
    const edges = {
      symbiosis: l.fixed("relations.symbiosis", [count, count]),
      exclusion: l.fixed("relations.exclusion", [count, count]),
    };
    const states = gatedGraph(l, nodes, edges, "graph", iterations);
    const both = l.reshape(l.concatenate([states, nodes], 1), [1, 1, count * 2 * node]);
    const answers = flatten(l, l.relu(each(both, "answers", own, count)));
    const features = l.concatenate([answers, pooled], 0);
    const before = l.reshape(nodes, [1, 1, count * node]);
    return {
      logits: dense(l, features, "units", count),
      features,
      inner: { nodes: flatten(l, each(before, "before", 1, count)) },
    };
  },
  losses: ({ logits, inner: { nodes } }, labels) => ({
    entropy: weightedEntropy(logits, labels),
    dice: weightedDice(logits, labels),
    nodes: weightedEntropy(nodes, labels),
  }),
  prepare(labels) {
    const { symbiosis, exclusion } = graphOf(labels);
    return { "relations.symbiosis": symbiosis, "relations.exclusion": exclusion };
  },
};

/** A map whose places are repeated until its side is `side`; what would stand over is left out. */
function enlarge<X>(l: Layers<X>, map: X, side: number): X {
  const [height, width, channels] = l.shape(map);
  const times = Math.ceil(side / height);
  if (times === 1) return map;
  const repeat = (x: X, axis: number) => l.concatenate(Array.from({ length: times }, () => x), axis);
  const tall = l.reshape(repeat(l.reshape(map, [height, 1, width * channels]), 1), [
    times * height,
    width,
    1,
    channels,
  ]);
  const whole = l.reshape(repeat(tall, 2), [times * height, times * width, channels]);
  return l.slice(l.slice(whole, 0, 0, side), 1, 0, side);
}
