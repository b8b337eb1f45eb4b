/** What surrounds a face in one picture: pose, gaze, light, background, lens and sensor. None of it knows the labels. */
import type { Random } from "./random.ts";
import type { Colour } from "./subject.ts";
import { unit } from "./mesh.ts";

/** A soft ellipse of colour, in units of the picture's side. */
export interface Blob {
  readonly x: number;
  readonly y: number;
  readonly rx: number;
  readonly ry: number;
  readonly softness: number;
  readonly colour: Colour;
}

export interface Scene {
  /** Degrees; yaw and roll to the subject's left, pitch up. */
  readonly pose: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  /** Eyes against the head in degrees: to the subject's left, and up. */
  readonly gaze: { readonly yaw: number; readonly pitch: number };
  /** From the camera to the middle of the head. */
  readonly distance: number;
  /** The key light comes from here, in the camera's frame. */
  readonly key: {
    readonly from: readonly [number, number, number];
    readonly colour: Colour;
    readonly softness: number;
  };
  readonly fill: { readonly from: readonly [number, number, number]; readonly colour: Colour };
  /** The light from above, from the sides, and from below. */
  readonly ambient: { readonly sky: Colour; readonly horizon: Colour; readonly ground: Colour };
  readonly exposure: number;
  readonly background: {
    readonly top: Colour;
    readonly bottom: Colour;
    readonly blobs: readonly Blob[];
    readonly grain: number;
  };
  /** Blur in pixels of a 128 px crop, noise as a share of white, JPEG quality. */
  readonly blur: number;
  readonly noise: number;
  readonly quality: number;
  /** Error of a face finder: shifts of the four points in units of the eye distance, x and y. */
  readonly finder: readonly number[];
}

/** A white of a warm (+1) to cold (-1) lamp. */
function lamp(warmth: number, power: number): Colour {
  return [power * (1 + 0.13 * warmth), power, power * (1 - 0.2 * warmth)];
}

function muted(random: Random): Colour {
  const level = random.between(0.03, 0.75) ** 1.3;
  const [r, g, b] = [random.next(), random.next(), random.next()];
  const grey = (r + g + b) / 3, saturation = random.next() ** 2 * 0.7;
  return [r, g, b].map((c) =>
    Math.max(0.005, level * (1 + saturation * (c - grey) * 2))
  ) as unknown as Colour;
}

/** Draws the surroundings of one face. */
export function drawScene(random: Random): Scene {
  const pose = {
    yaw: random.normal(0, random.chance(0.3) ? 24 : 12, 45 / 24),
    pitch: random.normal(0, 8.5, 25 / 8.5),
    roll: random.normal(0, 7, 3),
  };
  // Into the camera, past it, or down at something.
  const way = random.next();
  const gaze = way < 0.5
    ? { yaw: -pose.yaw * 0.75 + random.normal(0, 3), pitch: -pose.pitch * 0.6 + random.normal(0, 3) }
    : way < 0.88
    ? { yaw: random.normal(0, 12, 2), pitch: random.normal(0, 8, 2) }
    : { yaw: random.normal(0, 10, 2), pitch: random.between(-30, -12) };
  const azimuth = random.between(-75, 75) * Math.PI / 180, height = random.between(-5, 60) * Math.PI / 180;
  const side = -Math.sign(azimuth) * random.between(0.3, 1.1);
  const power = random.between(0.45, 1.25), ambience = random.between(0.3, 0.75);
  const warmth = random.normal(0, 0.6, 1.5), skyWarmth = random.normal(-0.2, 0.6, 1.5);
  const blobs: Blob[] = [];
  const wall = muted(random);
  for (let count = random.integer(7); count > 0; count--) {
    const tall = random.chance(0.3);
    blobs.push({
      x: random.between(-0.1, 1.1),
      y: random.between(-0.1, 1.1),
      rx: tall ? random.between(0.03, 0.12) : random.between(0.06, 0.4),
      ry: tall ? random.between(0.5, 1.5) : random.between(0.06, 0.4),
      softness: random.between(0.1, 1),
      colour: muted(random),
    });
  }
  const shade = random.between(0.45, 1.3);
  return {
    pose,
    gaze: { yaw: Math.max(-28, Math.min(28, gaze.yaw)), pitch: Math.max(-30, Math.min(20, gaze.pitch)) },
    distance: Math.exp(random.between(Math.log(42), Math.log(150))),
    key: {
      from: unit([
        Math.sin(azimuth) * Math.cos(height),
        Math.sin(height),
        Math.cos(azimuth) * Math.cos(height),
      ]),
      colour: lamp(warmth, power),
      softness: random.between(0.25, 1.4),
    },
    fill: {
      from: unit([side, random.between(-0.2, 0.5), 0.8]),
      colour: lamp(random.normal(-0.2, 0.7, 1.5), random.between(0, 0.3)),
    },
    ambient: {
      sky: lamp(skyWarmth, ambience * random.between(0.9, 1.3)),
      horizon: lamp(random.normal(0, 0.5, 1.5), ambience * random.between(0.6, 1.1)),
      ground: lamp(random.normal(0.4, 0.4, 1.5), ambience * random.between(0.2, 0.7)),
    },
    exposure: Math.exp(random.normal(0, 0.16, 2)),
    background: {
      top: wall,
      bottom: [wall[0] * shade, wall[1] * shade, wall[2] * shade],
      blobs,
      grain: random.next() ** 2 * 0.3,
    },
    blur: random.chance(0.7) ? random.between(0, 0.45) : random.between(0.45, 0.9),
    noise: random.next() ** 2 * 0.013,
    quality: Math.round(random.between(60, 94)),
    finder: Array.from({ length: 8 }, () => random.normal(0, 0.0175)),
  };
}
