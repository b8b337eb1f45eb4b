/**
 * `deno task bench film`: a film of 640 x 480 into a table, decoding included, beside MediaPipe's face mesh in Python in
 * its video mode over the same film, in alternating rounds.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type FlagList, helpText, readFlags, UsageError } from "../../train/runs/flags.ts";
import { fromHere } from "../files/from_here.ts";
import { median } from "../median.ts";
import { Contender } from "./contender.ts";
import type { FilmGreeting, FilmRound, FilmTask } from "./film_worker.ts";
import { pythonWithMediaPipe } from "./python.ts";

const FLAGS: FlagList = {
  film: { kind: "text", help: "the film that is read (the committed smile)" },
  frames: { kind: "text", help: "frames of the film that is made of it (600)" },
  rounds: { kind: "text", help: "alternating rounds (5)" },
  model: { kind: "text", help: "folder of emoco.onnx and emoco.json (the committed model)" },
  python: { kind: "text", help: "a Python with mediapipe 0.10.21, instead of making one" },
  help: { kind: "switch", help: "this" },
};

/** Frames of the film that go there and back, so that nothing jumps where it begins anew. */
const THERE = 120;
/** Part of the frames in which both must see a face, else nothing is compared. */
const SEEN = 0.95;

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Runs the bench with the given command line. */
export async function bench(args: string[]): Promise<void> {
  const { text, switches } = readFlags(args, FLAGS, false);
  if (switches.has("help")) {
    return console.log(helpText("deno task bench film: films into tables, beside MediaPipe.", FLAGS));
  }
  const count = (name: string, normal: number) => {
    const value = Number(text[name] ?? normal);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new UsageError(`--${name}=${text[name]}: a whole number from 1 on is needed.`);
  };
  const rounds = count("rounds", 5), frames = count("frames", 600);
  const source = text.film === undefined ? path("../../tests/faces/smile.mjpeg") : fromHere(text.film);
  const python = await pythonWithMediaPipe(text.python, console.log);
  const folder = await Deno.makeTempDir({ prefix: "emoco-bench-film-" });
  const contenders: Contender<FilmRound, FilmGreeting>[] = [];
  try {
    const film = join(folder, "film.mp4");
    await makeFilm(source, film, frames);
    const [before, cores] = coresOf();
    console.log(`${frames} frames of 640x480, H.264, ${cores} cores`);
    const start = async (name: string, command: string, args: readonly string[]) => {
      const [first, ...rest] = [...before, command, ...args];
      const contender = new Contender<FilmRound, FilmGreeting>(name, first, rest);
      contenders.push(contender);
      console.log(`  ${name.padEnd(9)} ${(await contender.greeting()).engine}`);
    };
    const task: FilmTask = { film, folder, ...text.model !== undefined && { model: fromHere(text.model) } };
    const permissions = ["read", "write", "ffi", "env", "sys", "run"].map((each) => `--allow-${each}`);
    const worker = ["run", "--quiet", ...permissions, path("./film_worker.ts"), JSON.stringify(task)];
    await start("ours", Deno.execPath(), worker);
    await start("mediapipe", python, [path("../../tests/reference/film_peer.py"), `--film=${film}`]);
    const results: FilmRound[][] = contenders.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const i of round % 2 ? [1, 0] : [0, 1]) {
        results[i].push(checked(contenders[i].name, await contenders[i].round(1), frames));
      }
      const speeds = results.map((list, i) => `${contenders[i].name} ${speedOf(list[round]).toFixed(1)}`);
      console.log(`  round ${round + 1}  frames/s  ${speeds.join("   ")}`);
    }
    for (const [i, list] of results.entries()) {
      const speeds = list.map(speedOf), peak = Math.max(...list.map(({ peakBytes }) => peakBytes)) / 2 ** 20;
      console.log(
        `  ${contenders[i].name.padEnd(9)} median ${median(speeds).toFixed(1)} frames/s (${
          Math.min(...speeds).toFixed(1)
        } to ${Math.max(...speeds).toFixed(1)}), a face in ${list[0].faces} of ${frames}, peak memory ${
          peak.toFixed(0)
        } MB`,
      );
    }
    const [ours, theirs] = results;
    console.log(`RATIO film ${median(ours.map((one, i) => speedOf(one) / speedOf(theirs[i]))).toFixed(2)}`);
  } finally {
    for (const contender of contenders) await contender.end();
    await Deno.remove(folder, { recursive: true });
  }
}

function speedOf({ frames, seconds }: FilmRound): number {
  return frames / seconds;
}

/** @throws {Error} it did not read all frames, or missed the face: its speed is then of something else */
function checked(name: string, round: FilmRound, frames: number): FilmRound {
  if (round.frames === frames && round.faces >= SEEN * frames) return round;
  throw new Error(
    `${name} read ${round.frames} frames of ${frames} and saw a face in ${round.faces}: choose a film with a face.`,
  );
}

/** Two cores where there are more: what to put before a command, and how many there then are. */
function coresOf(): [before: string[], cores: number] {
  const all = navigator.hardwareConcurrency;
  return Deno.build.os === "linux" && all > 2 ? [["taskset", "--cpu-list", "0,1"], 2] : [[], all];
}

/** The beginning of a film there and back, again and again, with a steady 30 frames a second. */
async function makeFilm(source: string, target: string, frames: number): Promise<void> {
  const filter =
    `[0:V:0]scale=640:480,setsar=1,trim=end_frame=${THERE},split[there][turn];[turn]reverse[back];` +
    "[there][back]concat,loop=loop=-1:size=1000,setpts=N/30/TB";
  const { success, stderr } = await new Deno.Command("ffmpeg", {
    args: [
      ...[
        "-v",
        "error",
        "-nostdin",
        "-i",
        `file:${source}`,
        "-filter_complex",
        filter,
        "-frames:v",
        `${frames}`,
      ],
      ...["-r", "30", "-c:v", "libx264", "-pix_fmt", "yuv420p", target],
    ],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`${source}: ${new TextDecoder().decode(stderr).trim()}`);
}
