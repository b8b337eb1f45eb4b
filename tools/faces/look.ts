/** What a camera, a film and those who pass a picture on do to it; none of it knows the labels. */
import type { Random } from "./random.ts";

/** How a picture is developed. Shares are of white, 0 to 1, unless said otherwise. */
export interface Look {
  /** Weight of an S-shaped curve; negative is flat. */
  readonly contrast: number;
  /** 0 is grey, 1 as seen. */
  readonly saturation: number;
  /** Colours that shadows and highlights lean to, added in red, green, blue. */
  readonly shadows: readonly [number, number, number];
  readonly highlights: readonly [number, number, number];
  /** How far black is lifted, as in faded prints. */
  readonly fade: number;
  /** How much darker the corners are. */
  readonly vignette: number;
  /** Strength of sharpening. */
  readonly sharpen: number;
  /** The picture was once this many times smaller; 1 is never. */
  readonly shrunk: number;
  /** Blur, in pixels of a 128 px crop, of what lies behind the plane of the eyes; 0 is sharp all over. */
  readonly depthBlur: number;
}

/** A plain picture. */
export const PLAIN_LOOK: Look = {
  contrast: 0.2,
  saturation: 1,
  shadows: [0, 0, 0],
  highlights: [0, 0, 0],
  fade: 0,
  vignette: 0,
  sharpen: 0,
  shrunk: 1,
  depthBlur: 0,
};

/** Draws a look. */
export function drawLook(random: Random): Look {
  const kind = random.next();
  const grey = kind < 0.09, sepia = kind >= 0.11 && kind < 0.15, faded = kind >= 0.15 && kind < 0.21;
  const graded = kind >= 0.21 && kind < 0.42;
  const hue = random.next() * 2 * Math.PI, lean = graded ? random.between(0.02, 0.1) : 0.012 * random.next();
  const wheel = (angle: number, strength: number): [number, number, number] => [
    strength * Math.cos(angle),
    strength * Math.cos(angle - 2.094),
    strength * Math.cos(angle + 2.094),
  ];
  // Shadows and highlights lean apart, as in teal and orange.
  const warm = sepia ? 0.35 : hue, strength = sepia ? random.between(0.06, 0.13) : lean;
  return {
    contrast: random.normal(faded ? 0 : 0.52, 0.38, 2.2),
    saturation: grey
      ? 0
      : sepia
      ? random.between(0, 0.2)
      : faded
      ? random.between(0.4, 0.8)
      : random.normal(0.94, 0.2, 2.3),
    shadows: grey ? [0, 0, 0] : wheel(sepia ? warm : hue + Math.PI + random.normal(0, 0.6), strength),
    highlights: grey ? [0, 0, 0] : wheel(warm, strength),
    fade: faded ? random.between(0.06, 0.2) : random.chance(0.1) ? random.between(0, 0.08) : 0,
    vignette: random.chance(0.3) ? random.between(0.1, 0.6) : 0,
    sharpen: random.chance(0.35) ? random.between(0.2, 1.1) : 0,
    shrunk: random.chance(0.11) ? random.between(1.3, 3.2) : 1,
    depthBlur: random.chance(0.24) ? random.between(0.8, 3) : 0,
  };
}
