/** What surrounds a face in one picture: pose, gaze, light, background, lens and sensor. None of it knows the labels. */
import { drawLook, type Look } from "./look.ts";
import { drawOccluder, type Occluder } from "./occluder.ts";
import type { Random } from "./random.ts";
import type { Colour } from "./palette.ts";
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
    /** Lines of shelves, windows or trees: how many a picture, their angle, how strong. */
    readonly lines: { readonly count: number; readonly angle: number; readonly strength: number };
    /** Lamps out of focus. */
    readonly lamps: readonly Blob[];
  };
  /** What is held before the face. */
  readonly occluder: Occluder | null;
  readonly look: Look;
  /** Blur in pixels of a 128 px crop, noise as a share of white, JPEG quality. */
  readonly blur: number;
  readonly noise: number;
  /** Keys of the background's patterns and of the noise. */
  readonly place: number;
  readonly grain: number;
  readonly quality: number;
  /** Error of a face finder: shifts of the four points in units of the eye distance, x and y. */
  readonly finder: readonly number[];
}

/** A white of a warm (+1) to cold (-1) lamp. */
function lamp(warmth: number, power: number): Colour {
  return [power * (1 + 0.13 * warmth), power, power * (1 - 0.2 * warmth)];
}

function muted(random: Random): Colour {
  const level = random.between(0.02, 0.8) ** 1.9;
  const [r, g, b] = [random.next(), random.next(), random.next()];
  const grey = (r + g + b) / 3, saturation = random.next() ** 2 * 0.7;
  return [r, g, b].map((c) =>
    Math.max(0.005, level * (1 + saturation * (c - grey) * 2))
  ) as unknown as Colour;
}

type Light = Pick<Scene, "key" | "fill" | "ambient" | "exposure">;

/** A colour of full strength at an angle of the colour wheel, mixed with white. */
function hued(angle: number, saturation: number, power: number): Colour {
  const channel = (shift: number) => power * (1 - saturation * (0.5 - 0.5 * Math.cos(angle + shift)));
  return [channel(0), channel(-2.094), channel(2.094)];
}

/** Light as a room, a window, the sun, a flash or a stage give it. */
function drawLight(random: Random): Light {
  const side = random.pick([-1, 1]), degrees = Math.PI / 180;
  const kind = random.pick(["soft", "side", "top", "back", "front", "dark", "stage"], [
    30,
    25,
    9,
    10,
    12,
    8,
    6,
  ]);
  let azimuth = random.between(-75, 75), height = random.between(-5, 60);
  let power = random.between(0.5, 1.25),
    ambience = random.between(0.25, 0.7),
    softness = random.between(0.25, 1.4);
  let filling = random.between(0, 0.3);
  if (kind === "side") {
    azimuth = side * random.between(35, 100),
      power = random.between(1, 1.9),
      ambience = random.between(0.06, 0.3);
    softness = random.between(0.15, 0.8);
  } else if (kind === "top") {
    height = random.between(50, 82), power = random.between(0.9, 1.8), ambience = random.between(0.1, 0.35);
    softness = random.between(0.15, 0.7);
  } else if (kind === "back") {
    azimuth = side * random.between(105, 160),
      power = random.between(1.2, 3),
      filling = random.between(0.2, 0.7);
    height = random.between(0, 50), ambience = random.between(0.15, 0.5);
  } else if (kind === "front") {
    azimuth = random.between(-15, 15), height = random.between(-5, 20), power = random.between(0.9, 1.5);
    ambience = random.between(0.05, 0.3);
  } else if (kind === "dark" || kind === "stage") {
    azimuth = random.between(-80, 80),
      power = random.between(0.8, 1.5),
      ambience = random.between(0.02, 0.12);
    filling = random.between(0, 0.25);
  }
  const coloured = kind === "stage" || random.chance(0.06);
  const hue = random.next() * 2 * Math.PI, away = hue + random.between(1.5, 4.5);
  const saturation = random.between(0.35, 0.9);
  const warmth = random.normal(0.1, 0.7, 1.8), skyWarmth = random.normal(-0.2, 0.7, 1.8);
  const tint = (warm: number, strength: number) =>
    coloured ? hued(away, 0.5 * saturation, strength) : lamp(warm, strength);
  // What the camera makes of it: most faces come out in the middle of its range.
  const level = 0.5 * power * Math.max(0.25, Math.cos(azimuth * degrees)) + 0.75 * ambience + 0.5 * filling;
  return {
    key: {
      from: unit([
        Math.sin(azimuth * degrees) * Math.cos(height * degrees),
        Math.sin(height * degrees),
        Math.cos(azimuth * degrees) * Math.cos(height * degrees),
      ]),
      colour: coloured ? hued(hue, saturation, power * 1.3) : lamp(warmth, power),
      softness,
    },
    fill: {
      from: unit([-Math.sign(azimuth) * random.between(0.3, 1.1), random.between(-0.2, 0.5), 0.8]),
      colour: tint(random.normal(-0.2, 0.7, 1.5), filling),
    },
    ambient: {
      sky: tint(skyWarmth, ambience * random.between(0.8, 1.3)),
      horizon: tint(random.normal(0, 0.5, 1.5), ambience * random.between(0.5, 1.1)),
      ground: tint(random.normal(0.4, 0.4, 1.5), ambience * random.between(0.1, 0.7)),
    },
    exposure: Math.min(2.6, (0.85 / level) ** 0.75) * Math.exp(random.normal(0, 0.24, 2)),
  };
}

/**
 * How the face finder errs, x and y of each point in eye distances, as measured on 59 rendered heads: it takes the tip
 * of the nose lower and the mouth higher than the landmarks do, and the mouth slides with the head's turn.
 */
function finderErrors(random: Random, yaw: number, pitch: number): number[] {
  const sure = random.chance(0.5) ? 0.6 : 1;
  return [
    random.normal(0, 0.024 * sure),
    random.normal(0.015, 0.028 * sure),
    random.normal(0, 0.024 * sure),
    random.normal(0.015, 0.028 * sure),
    random.normal(0.001 * yaw, 0.025 * sure),
    random.normal(0.055 - 0.001 * pitch, 0.042 * sure),
    random.normal(0.005 * yaw, 0.04 * sure),
    random.normal(-0.04 - 0.0028 * pitch, 0.05 * sure),
  ];
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
  const { key, fill, ambient, exposure } = drawLight(random);
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
  const lamps: Blob[] = [];
  if (random.chance(0.22)) {
    const size = random.between(0.02, 0.09);
    for (let count = 3 + random.integer(14); count > 0; count--) {
      lamps.push({
        x: random.next(),
        y: random.next() ** 1.3,
        rx: size,
        ry: size,
        softness: 0.25,
        colour: lamp(random.normal(0.8, 1, 2), random.between(0.2, 1.6)),
      });
    }
  }
  const shade = random.between(0.3, 1.4);
  return {
    pose,
    gaze: { yaw: Math.max(-28, Math.min(28, gaze.yaw)), pitch: Math.max(-30, Math.min(20, gaze.pitch)) },
    distance: Math.exp(random.between(Math.log(42), Math.log(150))),
    key,
    fill,
    ambient,
    exposure,
    background: {
      top: wall,
      bottom: [wall[0] * shade, wall[1] * shade, wall[2] * shade],
      blobs,
      grain: random.next() ** 2 * 0.5,
      lines: {
        count: random.between(1.5, 9),
        angle: random.pick([0, Math.PI / 2, random.next() * Math.PI]),
        strength: random.chance(0.45) ? random.between(0.1, 0.9) : 0,
      },
      lamps,
    },
    occluder: drawOccluder(random),
    look: drawLook(random),
    blur: random.chance(0.8) ? random.between(0, 0.45) : random.between(0.45, 0.9),
    noise: random.next() ** 2 * 0.016,
    place: random.integer(2 ** 24),
    grain: random.integer(2 ** 24),
    quality: Math.round(random.chance(0.1) ? random.between(18, 60) : random.between(60, 95)),
    finder: finderErrors(random, pose.yaw, pose.pitch),
  };
}
