/**
 * A stream of uniform numbers in [0, 1) that depends on nothing but its keys.
 *
 * Every draw of a run is a stream of (seed, purpose, epoch, sample, ...), never the next value of one shared
 * generator, so a resumed run, or one with another number of workers, draws the same values.
 */
export type Random = () => number;

/** What a stream is for; the number keeps streams of equal other keys apart. */
export const PURPOSE = {
  weights: 1,
  order: 2,
  view: 3,
  batchNorm: 4,
  queue: 5,
  probe: 6,
  folds: 7,
  clip: 8,
} as const;

/** Opens the stream of the given integer keys (order matters). sfc32, seeded through a 32-bit avalanche hash. */
export function randomStream(...keys: readonly number[]): Random {
  let hash = 0x9e3779b9;
  for (const key of keys) hash = mix(hash ^ mix(key >>> 0 ^ 0x85ebca6b)) + 0x6d2b79f5 | 0;
  let a = mix(hash), b = mix(hash + 1 | 0), c = mix(hash + 2 | 0), counter = 1;
  const next = () => {
    const sum = a + b + counter | 0;
    counter = counter + 1 | 0;
    a = b ^ b >>> 9;
    b = c + (c << 3) | 0;
    c = (c << 21 | c >>> 11) + sum | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A standard normal draw (Box and Muller; one of the pair is dropped so that a call always takes two values). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A random order of 0..length-1 (Fisher and Yates). */
export function permutation(length: number, random: Random): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
  return order;
}

/** Avalanche of 32 bits (the finaliser of MurmurHash3). */
function mix(value: number): number {
  value = Math.imul(value ^ value >>> 16, 0x85ebca6b);
  value = Math.imul(value ^ value >>> 13, 0xc2b2ae35);
  return value ^ value >>> 16;
}
