/** Random numbers by counter: a draw depends on its key and its place alone, never on who drew before. */

/** Mixes one 32-bit word into a 32-bit state (the finaliser of MurmurHash3). */
export function mix(state: number, word: number): number {
  let h = Math.imul(state ^ word, 0x9e3779b1);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A stream of draws; the same keys always give the same stream, on any worker. */
export class Random {
  readonly #low: number;
  readonly #high: number;
  #counter = 0;

  constructor(...keys: readonly number[]) {
    let low = 0x243f6a88, high = 0x85a308d3;
    for (const key of keys) {
      low = mix(low, key | 0);
      high = mix(high + 0x9e37, low ^ Math.floor(key / 2 ** 32));
    }
    this.#low = low;
    this.#high = high;
  }

  /** Uniform in [0, 1). */
  next(): number {
    const i = this.#counter++;
    return mix(mix(this.#low, i), this.#high + i) / 2 ** 32;
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.next();
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Normal draw (Box-Muller), limited to +-`limit` standard deviations. */
  normal(mean = 0, deviation = 1, limit = 3): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const value = radius * Math.cos(2 * Math.PI * this.next());
    return mean + deviation * Math.min(limit, Math.max(-limit, value));
  }

  /** An integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** One of the items, each as likely as its weight (all alike when no weights are given). */
  pick<T>(items: readonly T[], weights?: readonly number[]): T {
    if (!weights) return items[this.integer(items.length)];
    let rest = this.next() * weights.reduce((a, b) => a + b, 0);
    for (let i = 0; i < items.length - 1; i++) {
      rest -= weights[i];
      if (rest < 0) return items[i];
    }
    return items[items.length - 1];
  }

  /** A permutation of 0 .. count - 1 (Fisher-Yates). */
  shuffle(count: number): number[] {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
