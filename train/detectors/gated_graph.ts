/** A gated graph network over units with two kinds of edges (Li et al., 2016), and the graph that labels give. */
import type { TrainingLabels } from "./detector.ts";
import type { Layers } from "./layers.ts";

/**
 * States of the nodes after some rounds of messages: h starts at x;
 * a = E+ h U+ + E- h U- + b, z = s(a W_z + h V_z), r = s(a W_r + h V_r), h <- (1 - z) h + z tanh(a W + (r h) V).
 * @param x of the nodes [A, D]
 * @param edges both [A, A]: row a holds what unit a hears of the others
 */
export function gatedGraph<X>(
  l: Layers<X>,
  x: X,
  edges: { symbiosis: X; exclusion: X },
  name: string,
  rounds: number,
): X {
  const width = l.shape(x)[1], bound = 1 / Math.sqrt(width);
  const through = (x: X, part: string) =>
    l.project(x, l.parameter(`${name}.${part}`, [width, width], { bound }));
  const offset = l.parameter(`${name}.bias`, [width], 0);
  const heard = (states: X, edge: X) =>
    l.transpose(l.project(l.transpose(states, [1, 0]), l.transpose(edge, [1, 0])), [1, 0]);
  let h = x;
  for (let round = 0; round < rounds; round++) {
    const messages = [["symbiosis", edges.symbiosis], ["exclusion", edges.exclusion]] as const;
    const [friends, rivals] = messages.map(([part, edge]) => through(heard(h, edge), part));
    const a = l.add(l.add(friends, rivals), offset);
    const z = l.sigmoid(l.add(through(a, "update.message"), through(h, "update.state")));
    const r = l.sigmoid(l.add(through(a, "reset.message"), through(h, "reset.state")));
    const next = l.tanh(l.add(through(a, "next.message"), through(l.multiply(r, h), "next.state")));
    h = l.add(l.multiply(l.scale(z, -1, 1), h), l.multiply(z, next));
  }
  return h;
}

/** Least lift that links two units, and least drop that sets them apart. */
export const LINKS = { symbiosis: 0.15, exclusion: 0.08 };

/**
 * The graph of a training part's labels: unit a hears b where P(a | b) - P(a) is at least `symbiosis`, or at most minus
 * `exclusion`; of faces labelled with both. Intensities count as present from two fifths on.
 * @returns both [A, A] of 0 and 1, row by row
 */
export function graphOf(labels: TrainingLabels): { symbiosis: Float32Array; exclusion: Float32Array } {
  const units = labels[0]?.length ?? 0;
  const symbiosis = new Float32Array(units ** 2), exclusion = new Float32Array(units ** 2);
  for (let a = 0; a < units; a++) {
    for (let b = 0; b < units; b++) {
      if (a === b) continue;
      let known = 0, shows = 0, given = 0, both = 0;
      for (const row of labels) {
        if (row[a] === undefined || row[b] === undefined) continue;
        known++;
        const [one, other] = [row[a]! >= PRESENT, row[b]! >= PRESENT];
        shows += Number(one);
        given += Number(other);
        both += Number(one && other);
      }
      if (!known || !given) continue;
      const lift = both / given - shows / known;
      // A difference that chance alone gives so few faces is no relation: three standard errors of P(a | b).
      const share = shows / known, chance = 3 * Math.sqrt(share * (1 - share) / given);
      if (lift >= Math.max(LINKS.symbiosis, chance)) symbiosis[a * units + b] = 1;
      if (-lift >= Math.max(LINKS.exclusion, chance)) exclusion[a * units + b] = 1;
    }
  }
  return { symbiosis, exclusion };
}

const PRESENT = 0.4 - 1e-6;
