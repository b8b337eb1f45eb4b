/** People whose faces are three coloured beacons: what the beacon model reads. */
import type { FoundFace } from "@emoco/web/face-finder";
import type { FacePoints, Pixels, Point } from "@emoco/web/image";
import { ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";

/** Side of the crops that the beacon model reads. */
export const SIZE = 48;
/** Sides of the pictures. */
const WIDTH = 320, HEIGHT = 240;

/** Somebody: where the crop's middle is, its side in pixels, its turn clockwise in degrees, and the colour around. */
export interface Somebody {
  readonly at: Point;
  readonly side: number;
  readonly turn: number;
  readonly skin: readonly [number, number, number];
}

/** Where the face's points are. */
export function pointsOf({ at, side, turn }: Somebody): FacePoints {
  const c = Math.cos(turn * Math.PI / 180), s = Math.sin(turn * Math.PI / 180);
  const [leftEye, rightEye, nose, mouth] = ALIGNMENT_TEMPLATE.map(([x, y]): Point => {
    const [dx, dy] = [(x - 0.5) * side, (y - 0.5) * side];
    return [at[0] + c * dx - s * dy, at[1] + s * dx + c * dy];
  });
  return { leftEye, rightEye, nose, mouth };
}

/** What a finder that is right says. */
export function found(somebody: Somebody): FoundFace {
  const { at: [x, y], side } = somebody, width = 0.8 * side;
  return {
    box: { x: x - width / 2, y: y - width / 2, width, height: width },
    score: 0.9,
    points: pointsOf(somebody),
  };
}

/** A picture of them; the nearest in the list lies on top. */
export function picture(people: readonly Somebody[], ground = 120): Pixels {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(ground);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  const disc = ([cx, cy]: Point, radius: number, colour: readonly number[]) => {
    for (let y = Math.max(0, Math.floor(cy - radius)); y <= Math.min(HEIGHT - 1, cy + radius); y++) {
      for (let x = Math.max(0, Math.floor(cx - radius)); x <= Math.min(WIDTH - 1, cx + radius); x++) {
        if ((x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2 <= radius ** 2) data.set(colour, 4 * (y * WIDTH + x));
      }
    }
  };
  for (const somebody of people) {
    const { leftEye, rightEye, mouth } = pointsOf(somebody);
    disc(somebody.at, 0.62 * somebody.side, somebody.skin);
    disc(rightEye, 0.07 * somebody.side, [230, 10, 10]);
    disc(leftEye, 0.07 * somebody.side, [10, 10, 230]);
    disc(mouth, 0.07 * somebody.side, [10, 230, 10]);
  }
  return { width: WIDTH, height: HEIGHT, data };
}
