/** What stands behind a head, out of focus. */
import { ramp } from "./action_units.ts";
import { noise } from "./noise.ts";
import type { Scene } from "./scene.ts";

/** Writes the linear colour of the background at (u, v), both 0 to 1 over the picture, into `out` at `at`. */
export function paintBackground(
  scene: Scene,
  u: number,
  v: number,
  key: number,
  out: Float32Array,
  at: number,
): void {
  const { top, bottom, blobs, grain, lines, lamps } = scene.background;
  let r = top[0] + (bottom[0] - top[0]) * v;
  let g = top[1] + (bottom[1] - top[1]) * v;
  let b = top[2] + (bottom[2] - top[2]) * v;
  if (lines.strength > 0) {
    const across = u * Math.cos(lines.angle) + v * Math.sin(lines.angle);
    // Steps of chance brightness, their edges soft.
    const band = noise(across * lines.count * 2, 0.5, 0, key + 3) +
      0.6 * noise(across * lines.count * 5, 0.5, 9, key + 4);
    const gain = Math.exp(1.3 * lines.strength * Math.tanh(2.5 * band));
    r *= gain, g *= gain, b *= gain;
  }
  for (const blob of blobs) {
    const dx = (u - blob.x) / blob.rx, dy = (v - blob.y) / blob.ry;
    const share = ramp(Math.sqrt(dx * dx + dy * dy), 1 + blob.softness * 0.5, 1 - blob.softness * 0.5);
    if (share <= 0) continue;
    r += (blob.colour[0] - r) * share, g += (blob.colour[1] - g) * share, b += (blob.colour[2] - b) * share;
  }
  for (const lamp of lamps) {
    const dx = (u - lamp.x) / lamp.rx, dy = (v - lamp.y) / lamp.ry, square = dx * dx + dy * dy;
    if (square > 1.3) continue;
    const share = ramp(Math.sqrt(square), 1.12, 0.88);
    r += lamp.colour[0] * share, g += lamp.colour[1] * share, b += lamp.colour[2] * share;
  }
  const cloud = 1 + grain * (noise(u * 3, v * 3, 0, key) + 0.5 * noise(u * 11, v * 11, 5, key));
  out[at] = r * cloud, out[at + 1] = g * cloud, out[at + 2] = b * cloud;
}
