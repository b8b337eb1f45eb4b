/** Faces for the tests: whole heads with alpha that tests compose, scale and turn, and a smile as a series. */
import { drawFace, IDENTITY_MODES, label, type Portrait, splitSubjects } from "./draw.ts";
import { encodeJpeg, encodeWebp } from "./encode.ts";
import type { FaceSetOptions } from "./face_set.ts";
import { NO_HAT } from "./cloth.ts";
import { PLAIN_LOOK } from "./look.ts";
import type { Group, RenderPool } from "./pool.ts";
import { Progress } from "./progress.ts";
import type { View } from "./render.ts";
import type { Scene } from "./scene.ts";
import { drawSubject } from "./subject.ts";
import { writeWhole } from "./write_whole.ts";

const HEADS = 60, HEAD_SIZE = 400, FIRST_FACE = 1000;
const FRAMES = 90, FRAMES_PER_SECOND = 15;

/** Two smiles, the second one weaker and shorter: intensity 0-5 of AU12 at a time in seconds. */
export function smileIntensity(time: number): number {
  const rise = (from: number, to: number) => {
    const t = Math.min(1, Math.max(0, (time - from) / (to - from)));
    return t * t * (3 - 2 * t);
  };
  return 4.6 * rise(0.5, 1.3) * (1 - rise(2.1, 3.0)) + 3.1 * rise(3.6, 4.1) * (1 - rise(4.7, 5.4));
}

function* headGroups({ seed, subjects }: FaceSetOptions) {
  const splits = splitSubjects(seed, subjects);
  const tested = splits.flatMap((split, subject) => split === "test" ? [subject] : []);
  const view: View = {
    kind: "framed",
    width: HEAD_SIZE,
    height: HEAD_SIZE,
    scale: HEAD_SIZE / 33,
    x: HEAD_SIZE / 2,
    y: HEAD_SIZE * 0.47,
    alpha: true,
  };
  for (let i = 0; i < HEADS; i++) {
    // Counted on from the set's own faces, so that no head repeats one of them.
    const draw = drawFace(seed, tested[i % tested.length], FIRST_FACE + i, "test");
    // A clean picture: the tests add blur, noise and compression of their own.
    const scene: Scene = { ...draw.scene, occluder: null, look: PLAIN_LOOK, blur: 0, noise: 0 };
    const image = nameOf(i);
    const portrait: Portrait = { subject: draw.subject, weights: draw.weights, scene, view, samples: 2 };
    yield [{ portrait, tag: { draw, image } }];
  }
}

function* smileGroups({ seed, subjects }: FaceSetOptions): Generator<Group<number>> {
  const tested = splitSubjects(seed, subjects).lastIndexOf("test");
  const { scene } = drawFace(seed, tested, FIRST_FACE - 1, "test");
  const subject = {
    ...drawSubject(seed, tested, IDENTITY_MODES),
    beard: "none" as const,
    glasses: null,
    hat: NO_HAT,
  };
  const view: View = { kind: "framed", width: 320, height: 240, scale: 9.5, x: 160, y: 118, alpha: false };
  const group = [];
  for (let frame = 0; frame < FRAMES; frame++) {
    const time = frame / FRAMES_PER_SECOND, smile = smileIntensity(time) / 5;
    const weights = {
      12: { left: smile, right: smile * 0.96 },
      6: { left: 0.7 * smile, right: 0.7 * smile },
    };
    const pose = {
      yaw: 5 + 3 * Math.sin(time * 0.9),
      pitch: 1.5 * Math.sin(time * 1.3),
      roll: 2 * Math.sin(time * 0.6),
    };
    const moving: Scene = {
      ...scene,
      pose,
      gaze: { yaw: -pose.yaw, pitch: -pose.pitch },
      distance: 90,
      key: { from: [0.45, 0.42, 0.79], colour: [0.95, 0.92, 0.88], softness: 0.8 },
      exposure: 1,
      occluder: null,
      look: PLAIN_LOOK,
      blur: 0.35,
      noise: 0.006,
    };
    group.push({ portrait: { subject, weights, scene: moving, view, samples: 2 }, tag: frame });
  }
  yield group;
}

function nameOf(head: number): string {
  return `head_${String(head).padStart(2, "0")}.webp`;
}

/** What `renderTestFaces` writes. */
export const TEST_FILES: readonly string[] = [
  ...["manifest.jsonl", "smile.mjpeg", "smile.jsonl"],
  ...Array.from({ length: HEADS }, (_, i) => nameOf(i)),
];

/** Writes the heads with `manifest.jsonl`, and the smile as `smile.mjpeg` with `smile.jsonl`, into `folder`. */
export async function renderTestFaces(
  pool: RenderPool,
  folder: string,
  options: FaceSetOptions,
): Promise<void> {
  Deno.mkdirSync(folder, { recursive: true });
  const progress = new Progress(`test pictures into ${folder}`, HEADS + FRAMES);
  const lines = new Map<string, string>();
  await pool.run(headGroups(options), async (picture, { draw, image }) => {
    await writeWhole(`${folder}/${image}`, await encodeWebp(picture, 82));
    lines.set(image, JSON.stringify(label(draw, picture, image)));
    progress.step();
  });
  const ordered = [...lines.keys()].sort().map((image) => lines.get(image) + "\n");
  await writeWhole(`${folder}/manifest.jsonl`, ordered.join(""));

  const frames: Uint8Array[] = new Array(FRAMES), series: string[] = new Array(FRAMES);
  await pool.run(smileGroups(options), async (picture, frame) => {
    frames[frame] = await encodeJpeg(picture, 85);
    const time = frame / FRAMES_PER_SECOND;
    const points = Object.fromEntries(
      Object.entries(picture.points).map((
        [name, [x, y]],
      ) => [name, [Number(x.toFixed(2)), Number(y.toFixed(2))]]),
    );
    const intensity = { 12: Number(smileIntensity(time).toFixed(3)) };
    series[frame] = JSON.stringify({ frame, time: Number(time.toFixed(4)), intensity, points });
    progress.step();
  });
  const film = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    film.set(frame, at);
    at += frame.length;
  }
  await writeWhole(`${folder}/smile.mjpeg`, film);
  await writeWhole(`${folder}/smile.jsonl`, series.join("\n") + "\n");
  progress.end();
}
