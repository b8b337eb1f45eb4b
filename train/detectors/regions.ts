/**
 * Regions of action units by a face's points: their centres, maps of attention about them, and crops of a map.
 *
 * Everything is built of products with matrices of 0 and 1, so the gradient flows into the map and none to the points.
 * Points are iBUG's 68 (from 0) in units of the view, y down; r is the distance of the eyes' inner corners, |x39 - x42|.
 */
import type { Layers } from "./layers.ts";

/** The two centres of a region: points, and how far below them in r. */
export interface Region {
  points: readonly [number, number];
  below: number;
}

const LIPS: Region = { points: [51, 57], below: 0 }, CORNERS: Region = { points: [48, 54], below: 0 };
const LIDS: Region = { points: [38, 43], below: 0 }, CHIN: Region = { points: [56, 58], below: 1 / 2 };

/**
 * Centres of each unit, as EAC-Net's and JAA-Net's code agree on them (10: EAC's). Those of 5, 16, 18, 20, 22, 27, 28 and
 * 43 are ours: no code names them, and they lie where units of the same muscles do.
 */
export const REGIONS: Readonly<Record<number, Region>> = {
  1: { points: [21, 22], below: -1 / 2 },
  2: { points: [18, 25], below: -1 / 3 },
  4: { points: [19, 24], below: 1 / 3 },
  5: LIDS,
  6: { points: [41, 46], below: 1 },
  7: LIDS,
  9: { points: [32, 34], below: -1 / 2 },
  10: { points: [49, 53], below: 0 },
  12: CORNERS,
  14: CORNERS,
  15: CORNERS,
  16: LIPS,
  17: CHIN,
  18: LIPS,
  20: CORNERS,
  22: LIPS,
  23: LIPS,
  24: LIPS,
  25: LIPS,
  26: CHIN,
  27: CHIN,
  28: LIPS,
  43: LIDS,
};

/** Regions of units. @throws {Error} naming a unit of which nobody knows where it shows */
export function regionsOf(aus: readonly number[]): Region[] {
  return aus.map((au) => {
    const region = REGIONS[au];
    if (region) return region;
    throw new Error(
      `AU${au} has no region: known are ${
        Object.keys(REGIONS).join(", ")
      }. Leave it out of the labels, or use a ` +
        "detector without regions: linear, alexnet, drml.",
    );
  });
}

/** Centres of regions from points [68, 2]: [2 R, 2], region by region. */
export function centresOf<X>(l: Layers<X>, points: X, regions: readonly Region[]): X {
  const flat = l.reshape(points, [2 * 68]);
  const between = new Float32Array(2 * 68);
  between[2 * 39] = 1;
  between[2 * 42] = -1;
  const distance = l.absolute(l.project(flat, l.constant(between, [2 * 68, 1]))); // r, [1]
  const count = 4 * regions.length;
  const picked = new Float32Array(2 * 68 * count), down = new Float32Array(count);
  regions.forEach((region, i) =>
    region.points.forEach((point, side) => {
      for (const axis of [0, 1]) picked[(2 * point + axis) * count + 4 * i + 2 * side + axis] = 1;
      down[4 * i + 2 * side + 1] = region.below;
    })
  );
  const places = l.add(
    l.project(flat, l.constant(picked, [2 * 68, count])),
    l.multiply(distance, l.constant(down, [count])),
  );
  return l.reshape(places, [count / 2, 2]);
}

/** x or y of centres [K, 2], as a column [K, 1, 1]. */
function coordinate<X>(l: Layers<X>, centres: X, axis: number): X {
  return l.reshape(l.slice(centres, 1, axis, 1), [l.shape(centres)[0], 1, 1]);
}

/** 1 inside, 0 outside: whether |x| is at most `reach`. */
function isWithin<X>(l: Layers<X>, x: X, reach: number): X {
  return l.isPositive(l.scale(l.absolute(x), -1, reach));
}

/** How attention falls about a centre. */
export interface Attention {
  /** Numbers along a side of the map. */
  side: number;
  /** Lost with each unit of the view, along x and y together. */
  slope: number;
  /** Units of the view along x and along y after which there is none. */
  reach: number;
  /** Whether a centre is moved to the middle of the cell that it lies in. */
  rounds: boolean;
}

/** Attention about each of the centres [K, 2] by itself: [K, side, side]. */
export function attentionMaps<X>(l: Layers<X>, centres: X, { side, slope, reach, rounds }: Attention): X {
  const middles = Float32Array.from({ length: side }, (_, i) => (i + 0.5) / side);
  const away = (axis: number, shape: number[]) => {
    let at = coordinate(l, centres, axis);
    if (rounds) at = l.scale(l.floor(l.scale(at, side)), 1 / side, 0.5 / side);
    return l.subtract(at, l.constant(middles, shape));
  };
  const [dx, dy] = [away(0, [1, 1, side]), away(1, [1, side, 1])];
  const height = l.relu(l.scale(l.add(l.absolute(dx), l.absolute(dy)), -slope, 1));
  const margin = 1e-4; // a cell at the very edge counts, whichever way its distance is rounded
  return l.multiply(height, l.multiply(isWithin(l, dx, reach + margin), isWithin(l, dy, reach + margin)));
}

/**
 * Crops of a map [H, W, C] about centres [K, 2], moved inside where they would reach over the edge: [s, s, K C], one group
 * of channels a crop.
 * @param side of a crop in places of the map
 * @param times each place is repeated so often along x and y: s = times * side
 */
export function crops<X>(l: Layers<X>, map: X, centres: X, side: number, times = 1): X {
  const [height, width, channels] = l.shape(map);
  const count = l.shape(centres)[0], s = side * times;
  const rows = l.reshape(choice(l, centres, 1, height, side, times), [count * s, height]);
  const bands = l.product(rows, l.reshape(map, [height, width * channels]));
  const turned = l.transpose(l.reshape(bands, [count, s, width, channels]), [0, 2, 1, 3]);
  const columns = choice(l, centres, 0, width, side, times);
  const picked = l.product(columns, l.reshape(turned, [count, width, s * channels])); // [K, x, y C]
  const whole = l.transpose(l.reshape(picked, [count, s, s, channels]), [2, 1, 0, 3]);
  return l.reshape(whole, [s, s, count * channels]);
}

/** Which places along an axis of `length` a crop takes: [K, s, length] of 0 and 1. */
function choice<X>(l: Layers<X>, centres: X, axis: number, length: number, side: number, times: number): X {
  const first = l.floor(l.scale(coordinate(l, centres, axis), length, 0.5 - side / 2));
  const last = length - side;
  // min(max(first, 0), last) of ReLUs
  const inside = l.scale(l.relu(l.scale(l.relu(first), -1, last)), -1, last);
  const steps = Float32Array.from({ length: side * times }, (_, i) => Math.floor(i / times));
  const wanted = l.add(inside, l.constant(steps, [1, side * times, 1]));
  const places = Float32Array.from({ length }, (_, i) => i);
  return isWithin(l, l.subtract(wanted, l.constant(places, [1, 1, length])), 0.5);
}
