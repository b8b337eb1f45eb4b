/**
 * Clips: one person in one place whose face moves as faces do, every frame labelled. Units rise and fall each at its
 * own pace, lids blink, eyes jump, mouths talk, heads sway and nod.
 */
import { EMOTIONS } from "@emoco/web/facs";
import type { UnitWeights } from "./action_units.ts";
import { type FaceDraw, IDENTITY_MODES, intensityOf, label, splitSubjects, weigh } from "./draw.ts";
import { encodeJpeg } from "./encode.ts";
import { drawExpression, type Intensities } from "./expression.ts";
import type { Gaze } from "./lids.ts";
import type { Group, RenderPool } from "./pool.ts";
import { Progress } from "./progress.ts";
import { Random } from "./random.ts";
import { drawScene, type Scene } from "./scene.ts";
import { drawSubject } from "./subject.ts";
import { writeWhole } from "./write_whole.ts";

export const FRAMES_A_SECOND = 25;

/** Numbers of clips' people begin here, so that none of them is in a set of single faces. */
const FIRST_SUBJECT = 500_000;

export interface ClipOptions {
  readonly clips: number;
  /** Frames a clip. */
  readonly frames: number;
  /** Pixels a side. */
  readonly size: number;
  readonly seed: number;
}

/** A step from 0 to 1 without a kink, begun at `from` and done at `to`. */
function smooth(time: number, from: number, to: number): number {
  const t = Math.min(1, Math.max(0, (time - from) / (to - from)));
  return t * t * t * (t * (6 * t - 15) + 10);
}

/** One movement of a unit: it rises at its own time and may fall again. Times in seconds. */
interface Movement {
  readonly au: number;
  readonly from: { readonly left: number; readonly right: number };
  readonly to: { readonly left: number; readonly right: number };
  readonly onset: number;
  readonly rise: number;
}

/** How a face moves over a clip. */
export interface Motion {
  /** Units in force at a time in seconds. */
  weights(time: number): UnitWeights;
  pose(time: number): Scene["pose"];
  gaze(time: number): Gaze;
}

function drawMovements(random: Random, duration: number): Movement[] {
  const pick = (n: number) => {
    const emotion = random.pick(EMOTIONS, [4, 3, 1.5, 1.5, 1, 1, 1.5]);
    const { 43: _closed, 45: _blink, ...intensities } = drawExpression(
      emotion,
      new Random(random.next() * 2 ** 31, n),
    );
    return weigh(intensities as Intensities, new Random(random.next() * 2 ** 31, n));
  };
  const before = pick(0), after = pick(1), none = { left: 0, right: 0 };
  const turning = random.between(-0.1, 0.8) * duration;
  const units = new Set([...Object.keys(before), ...Object.keys(after)].map(Number));
  return [...units].map((au) => ({
    au,
    from: before[au] ?? none,
    to: after[au] ?? none,
    onset: turning + random.between(0, 0.2),
    rise: random.between(0.2, 0.8),
  }));
}

/** Blinks: when each begins, in seconds. */
function drawBlinks(random: Random, duration: number): number[] {
  const blinks: number[] = [];
  for (let at = random.between(-0.5, 3); at < duration; at += random.between(0.6, 4)) blinks.push(at);
  return blinks;
}

/** How far a blink closes the eyes at a time after its begin: quick down, slower up. */
function blinkAt(after: number): number {
  return smooth(after, 0, 0.1) * (1 - smooth(after, 0.14, 0.32));
}

/** Draws how a face moves over `duration` seconds from the pose of a scene on. */
export function drawMotion(random: Random, duration: number, { pose, gaze }: Scene): Motion {
  const movements = drawMovements(random, duration), blinks = drawBlinks(random, duration);
  const talks = random.chance(0.35), pace = random.between(2.5, 5), loud = random.between(0.25, 0.7);
  const sway = ["yaw", "pitch", "roll"].map((_, i) => ({
    size: random.between(0.3, [4, 2.5, 2][i]) * (random.chance(0.2) ? 2.5 : 1),
    rate: random.between(0.15, 0.9),
    phase: random.between(0, 2 * Math.PI),
  }));
  // Now and then somebody nods, shakes the head, or turns.
  const nod = random.chance(0.2) ? random.between(1.5, 5) : 0, nodRate = random.between(1.2, 2.4);
  const turn = random.chance(0.2) ? random.between(-14, 14) : 0, turnAt = random.between(0, duration);
  const looks: { at: number; yaw: number; pitch: number }[] = [{ at: -1, ...gaze }];
  for (let at = random.between(0.1, 1.2); at < duration; at += random.between(0.3, 1.6)) {
    looks.push({ at, yaw: random.normal(gaze.yaw, 7, 2), pitch: random.normal(gaze.pitch, 4, 2) });
  }
  const swing = (i: number, time: number) => {
    const { size, rate, phase } = sway[i];
    return size * (Math.sin(2 * Math.PI * rate * time + phase) - Math.sin(phase));
  };
  return {
    weights(time) {
      const weights: Record<number, { left: number; right: number }> = {};
      for (const { au, from, to, onset, rise } of movements) {
        const share = smooth(time, onset, onset + rise);
        const left = from.left + (to.left - from.left) * share,
          right = from.right + (to.right - from.right) * share;
        if (left > 0.005 || right > 0.005) weights[au] = { left, right };
      }
      const closed = Math.min(1, blinks.reduce((sum, at) => sum + blinkAt(time - at), 0));
      if (closed > 0.01) weights[45] = { left: closed, right: closed };
      if (talks) {
        const wave = 2 * Math.PI * pace * time;
        const open = Math.max(0, loud * (0.45 + 0.4 * Math.sin(wave) + 0.3 * Math.sin(0.63 * wave + 1)));
        const round = Math.max(0, 0.55 * loud * Math.sin(0.41 * wave + 2));
        for (const [au, weight] of [[25, open], [26, 0.5 * open], [22, round]]) {
          const own = weights[au] ?? { left: 0, right: 0 };
          const sum = (side: number) => Math.min(1.1, side + weight);
          if (weight > 0.01) weights[au] = { left: sum(own.left), right: sum(own.right) };
        }
      }
      return weights;
    },
    pose(time) {
      const bob = nod * Math.sin(2 * Math.PI * nodRate * time);
      return {
        yaw: Math.max(
          -45,
          Math.min(45, pose.yaw + swing(0, time) + turn * smooth(time, turnAt, turnAt + 0.7)),
        ),
        pitch: Math.max(-25, Math.min(25, pose.pitch + swing(1, time) + bob)),
        roll: pose.roll + swing(2, time),
      };
    },
    gaze(time) {
      let yaw = looks[0].yaw, pitch = looks[0].pitch;
      for (const look of looks.slice(1)) {
        // Eyes jump in a twentieth of a second.
        const share = smooth(time, look.at, look.at + 0.05);
        yaw += (look.yaw - yaw) * share, pitch += (look.pitch - pitch) * share;
      }
      return { yaw: Math.max(-28, Math.min(28, yaw)), pitch: Math.max(-30, Math.min(20, pitch)) };
    },
  };
}

/** Renders clips into `folder`: `<video>_<frame>.jpg` and, last, `manifest.jsonl` with `video`, `frame` and `time`. */
export async function renderClips(pool: RenderPool, folder: string, options: ClipOptions): Promise<void> {
  const { clips, frames, size, seed } = options;
  Deno.mkdirSync(folder, { recursive: true });
  if ([...Deno.readDirSync(folder)].length > 0) {
    throw new Error(`The folder ${folder} is not empty. Choose another one or empty it.`);
  }
  const splits = splitSubjects(seed, clips), lines: string[] = new Array(clips * frames);
  const progress = new Progress(`frames into ${folder}`, clips * frames);
  interface Frame {
    readonly draw: FaceDraw;
    readonly place: number;
    readonly video: string;
    readonly frame: number;
  }

  function* groups(): Generator<Group<Frame>> {
    for (let clip = 0; clip < clips; clip++) {
      const subject = drawSubject(seed, FIRST_SUBJECT + clip, IDENTITY_MODES);
      const scene = drawScene(new Random(seed, FIRST_SUBJECT + clip, 5));
      const motion = drawMotion(new Random(seed, FIRST_SUBJECT + clip, 6), frames / FRAMES_A_SECOND, scene);
      const shake = new Random(seed, FIRST_SUBJECT + clip, 7),
        video = `c${seed}-${String(clip).padStart(4, "0")}`;
      yield Array.from({ length: frames }, (_, frame) => {
        const time = frame / FRAMES_A_SECOND, weights = motion.weights(time);
        const intensities: Intensities = {};
        for (const [au, { left, right }] of Object.entries(weights)) {
          intensities[Number(au)] = intensityOf(Math.max(left, right));
        }
        const moving: Scene = {
          ...scene,
          pose: motion.pose(time),
          gaze: motion.gaze(time),
          grain: scene.grain + frame,
          finder: scene.finder.map((error) => error + shake.normal(0, 0.006)),
        };
        const draw = { subject, split: splits[clip], intensities, weights, scene: moving };
        const view = { kind: "aligned", size } as const;
        return {
          portrait: { subject, weights, scene: moving, view, samples: 2 },
          tag: { draw, place: clip * frames + frame, video, frame },
        };
      });
    }
  }

  await pool.run(groups(), async (picture, { draw, place, video, frame }) => {
    const image = `${video}_${String(frame).padStart(3, "0")}.jpg`;
    await writeWhole(`${folder}/${image}`, await encodeJpeg(picture, draw.scene.quality));
    const time = Number((frame / FRAMES_A_SECOND).toFixed(3));
    lines[place] = JSON.stringify({ ...label(draw, picture, image), video, frame, time });
    progress.step();
  });
  progress.end();
  await writeWhole(`${folder}/manifest.jsonl`, lines.map((line) => line + "\n").join(""));
}
