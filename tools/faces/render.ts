/** One picture of one face: geometry, visibility, paint, light, lens. */
import {
  alignmentTransform,
  type FacePoints,
  type Point,
  type Similarity,
  transformPoint,
} from "@emoco/web/image";
import type { UnitWeights } from "./action_units.ts";
import { paintBackground } from "./background.ts";
import { ShadowMap } from "./light.ts";
import { measure, type Measures } from "./measures.ts";
import { rotation, turn, vertexNormals } from "./mesh.ts";
import type { HeadModel } from "./model.ts";
import { occluderProps } from "./occluder.ts";
import { headPart, type Part } from "./parts.ts";
import { layVeil, shadePixels } from "./pixels.ts";
import { DepthBuffer } from "./raster.ts";
import type { Scene } from "./scene.ts";
import { blur, develop, shrink } from "./sensor.ts";
import { Shader } from "./shade.ts";
import type { Subject } from "./subject.ts";
import { veilPart, wornParts } from "./worn.ts";

/** What part of the world a picture shows. */
export type View =
  /** The aligned crop, `size` pixels a side, as a finder with the scene's errors would cut it. */
  | { readonly kind: "aligned"; readonly size: number }
  /** The head with its middle at (x, y), `scale` pixels a head unit; `alpha` leaves the background out. */
  | {
    readonly kind: "framed";
    readonly width: number;
    readonly height: number;
    readonly scale: number;
    readonly x: number;
    readonly y: number;
    readonly alpha: boolean;
  };

/** A finished picture with what is known about it. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  /** True points in this picture's pixels. */
  readonly points: FacePoints;
  readonly measures: Measures;
}

/** The middle of the head: what turns, and what the camera looks at. */
const MIDDLE = [0, 0.8, 2] as const;

/** Points as a finder with these errors (x and y in turn, in eye distances) would give them. */
function finderPoints(points: FacePoints, errors: readonly number[]): FacePoints {
  const { leftEye, rightEye } = points;
  const span = Math.hypot(leftEye[0] - rightEye[0], leftEye[1] - rightEye[1]);
  const moved = (p: Point, i: number): Point => [p[0] + errors[i] * span, p[1] + errors[i + 1] * span];
  return {
    leftEye: moved(leftEye, 0),
    rightEye: moved(rightEye, 2),
    nose: moved(points.nose, 4),
    mouth: moved(points.mouth, 6),
  };
}

/** Perspective onto the plane through the middle of the head: x right, y down in head units, then depth. */
function project(world: Float32Array, distance: number): Float32Array {
  const out = new Float32Array(world.length);
  for (let i = 0; i < world.length; i += 3) {
    const depth = distance - world[i + 2], zoom = distance / depth;
    out[i] = world[i] * zoom, out[i + 1] = -world[i + 1] * zoom, out[i + 2] = depth;
  }
  return out;
}

/** Draws a subject with an expression in a scene; `samples` squared samples make a pixel. */
export function renderFace(
  model: HeadModel,
  subject: Subject,
  weights: UnitWeights,
  scene: Scene,
  view: View,
  samples = 2,
): Picture {
  const person = model.person(subject);
  const expressed = model.express(person, weights, scene.gaze), local = expressed.vertices;
  const matrix = rotation(scene.pose.yaw, scene.pose.pitch, scene.pose.roll);
  const normals = turn(vertexNormals(local, model.head.triangles), matrix);
  const world = turn(local, matrix, MIDDLE);
  const { lipGap } = expressed, open = model.openness(person, lipGap);

  // Perspective, then the similarity of the crop: one mapping, so that the picture is sampled only once.
  const width = view.kind === "aligned" ? view.size : view.width;
  const height = view.kind === "aligned" ? view.size : view.height;
  const flat = project(world, scene.distance);
  const seen = model.points(flat);
  const place: Similarity = view.kind === "aligned"
    ? alignmentTransform(finderPoints(seen, scene.finder), view.size)
    : { a: view.scale, b: 0, x: view.x, y: view.y };
  const lay = (screen: Float32Array) => {
    for (let i = 0; i < screen.length; i += 3) {
      const x = screen[i], y = screen[i + 1];
      screen[i] = samples * (place.a * x - place.b * y + place.x);
      screen[i + 1] = samples * (place.b * x + place.a * y + place.y);
    }
    return screen;
  };

  const buffer = model.buffer(width * samples, height * samples);
  const { occluder } = scene;
  const posed = { world, normals, open, lids: expressed.lids, gaze: scene.gaze };
  const parts: Part[] = [
    headPart(model, person, weights, posed),
    ...wornParts(
      person,
      posed,
      (points) => turn(points, matrix, MIDDLE),
      matrix,
      occluder ? occluderProps(occluder, model.head, person.vertices, subject) : [],
    ),
  ];
  parts.forEach(({ triangles, bothSides, accept, ...part }, n) => {
    const screen = lay(n === 0 ? flat : project(part.world, scene.distance));
    const draw = (from: number, to: number) => buffer.draw(screen, triangles, from, to, bothSides, accept, n);
    if (n > 0) return draw(0, triangles.length / 3);
    draw(0, model.head.front);
    // The inside of a closed mouth is not looked at.
    if (lipGap > 0.01) draw(model.head.outer, triangles.length / 3);
  });

  const { pose, gaze, distance } = scene, { head, anchors } = model;
  const shot = {
    head,
    anchors,
    expressed,
    pose,
    gaze,
    matrix,
    world,
    screen: flat,
    distance,
    place,
    samples,
  };
  const measures = measure({ ...shot, buffer, slack: parts.slice(1).map((part) => part.slack) });

  // Teeth and tongue shade nothing that the lips do not.
  const casting = [
    { world, triangles: model.outerTriangles },
    ...parts.slice(1).filter((part) => part.shadows),
  ];
  const shadow = new ShadowMap(casting, scene.key.from, scene.key.softness);
  const shader = new Shader(scene, matrix, shadow);
  const light = shadePixels(buffer, parts, shader, width, samples);
  for (const prop of person.props) {
    if (prop.opacity === 1) continue;
    const veil = veilPart(prop, (points) => turn(points, matrix, MIDDLE), matrix, subject.key);
    const over = new DepthBuffer(buffer.width, buffer.height);
    over.draw(lay(project(veil.world, distance)), veil.triangles, 0, veil.triangles.length / 3, true);
    for (let i = 0; i < over.depth.length; i++) if (over.depth[i] > buffer.depth[i]) over.triangle[i] = -1;
    layVeil(light, shadePixels(over, [veil], shader, width, samples), prop.opacity);
  }
  if (!(view.kind === "framed" && view.alpha)) addBackground(light, width, height, scene);
  const zoom = view.kind === "aligned" ? view.size / 128 : 1, { look, exposure, noise } = scene;
  if (look.depthBlur > 0) {
    const eyes = distance - (world[3 * head.landmarks[37] + 2] + world[3 * head.landmarks[43] + 2]) / 2;
    defocus(light, buffer, samples, eyes, look.depthBlur * zoom);
  }
  blur(light, width, height, 4, scene.blur * zoom);
  if (look.shrunk > 1) shrink(light, width, height, look.shrunk);
  return {
    width,
    height,
    data: develop(light, width, { exposure, noise, look, key: scene.grain }),
    points: {
      leftEye: transformPoint(place, seen.leftEye),
      rightEye: transformPoint(place, seen.rightEye),
      nose: transformPoint(place, seen.nose),
      mouth: transformPoint(place, seen.mouth),
    },
    measures,
  };
}

/** Blurs what lies away from the plane of focus: fully from five head units behind it on. */
function defocus(
  light: Float32Array,
  buffer: DepthBuffer,
  samples: number,
  plane: number,
  sigma: number,
): void {
  const width = buffer.width / samples, height = buffer.height / samples;
  const soft = Float32Array.from(light);
  blur(soft, width, height, 4, sigma);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 4) {
      const depth = buffer.depth[y * samples * buffer.width + x * samples];
      const share = Math.min(1, Math.max(0, depth - plane - 1) / 5);
      for (let c = 0; c < 4; c++) light[i + c] += share * (soft[i + c] - light[i + c]);
    }
  }
}

function addBackground(light: Float32Array, width: number, height: number, scene: Scene): void {
  const back = new Float32Array(3);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += 4) {
      const rest = 1 - light[out + 3];
      if (rest <= 1e-6) continue;
      paintBackground(scene, (x + 0.5) / width, (y + 0.5) / height, scene.place, back, 0);
      for (let k = 0; k < 3; k++) light[out + k] += rest * back[k];
      light[out + 3] = 1;
    }
  }
}
