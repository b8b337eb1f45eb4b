/**
 * `deno task evaluate --films=DIR`: a model on films, followed and frame by frame; beside MediaPipe's face mesh on films
 * that are known to it.
 * @module
 */
import type { ModelCard } from "@emoco/web/model-card";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type FlagList, type Flags, UsageError } from "../../../train/runs/flags.ts";
import { mean } from "../../../train/scores/metrics.ts";
import { namedFiles } from "../../detect/photos.ts";
import { openFilmDetector } from "../../detect/open.ts";
import { Progress } from "../../faces/progress.ts";
import { PassedOver } from "../../files/passed_over.ts";
import { findModel } from "../../photos/models.ts";
import { writeWhole } from "../../faces/write_whole.ts";
import { Ffmpeg } from "../film.ts";
import { unitName } from "../row.ts";
import {
  agreementOf,
  blinksOf,
  type KnownFilm,
  sharesOf,
  smileOf,
  speechOf,
  steadinessOf,
} from "./figures.ts";
import { filmDigest, readMesh } from "./mesh.ts";
import { readBoth } from "./read_both.ts";

/** Flags of an evaluation on films. */
export const FILM_FLAGS: FlagList = {
  films: {
    kind: "text",
    help: "folder of films of one face each; the smile that comes with EmoCo is read as well",
  },
  model: { kind: "text", help: "folder or run of an exported model (default: the committed one)" },
  out: { kind: "text", help: "a .json file for all figures" },
  help: { kind: "switch", help: "this text" },
};

const SMILE = fileURLToPath(new URL("../../../tests/faces/smile.mjpeg", import.meta.url));
/** Units whose brows rest while somebody only speaks. */
const BROWS = [1, 2, 4];
/** What following may change, and how well mouths are to be read. */
const AGREE = 0.95, FOLLOWS_SPEECH = 0.8;
/** A unit that changes less over all films, in shares of its whole range, has nothing to agree about. */
const FLAT = 0.01;

/** Runs the evaluation; errors are sentences. */
export async function evaluateOnFilms({ text }: Flags) {
  const model = findModel(text.model), { content: card } = model;
  const passed = new PassedOver(), { films } = namedFiles([text.films], passed);
  if (films.length === 0) throw new UsageError(`--films=${text.films}: there are no films, pictures only.`);
  const mesh = readMesh();
  const open = await openFilmDetector(dirname(model.file));
  const reader = { ffmpeg: await Ffmpeg.find(), ...open };
  const known: KnownFilm[] = [], progress = new Progress("films read", films.length + 1);
  for (const { name, path } of [{ name: "smile.mjpeg", path: SMILE }, ...films]) {
    const readings = await readBoth(reader, path, name), found = mesh.get(filmDigest(path));
    known.push({
      ...readings,
      ...found && found.lips.length === readings.times.length && { mesh: found },
      ...path === SMILE && { rendered: renderedSmile() },
    });
    progress.step();
  }
  progress.end();
  await open.detector.release();
  const figures = figuresOf(known, card);
  console.log(
    `${model.name} on ${films.length} film${films.length === 1 ? "" : "s"} and the smile, ${
      known.flatMap(({ times }) => times).length
    } frames`,
  );
  for (const line of linesOf(figures)) console.log(line);
  for (const line of passed.lines()) console.log(line);
  if (text.out !== undefined) {
    const { name, version, target } = card;
    await writeWhole(
      text.out,
      JSON.stringify({ model: { name, version, target }, ...figures }, null, 1) + "\n",
    );
  }
  return figures;
}

/** Intensity of AU12 of each frame of the committed smile. */
function renderedSmile(): number[] {
  const lines = Deno.readTextFileSync(SMILE.replace(/\.mjpeg$/, ".jsonl")).trim().split("\n");
  return lines.map((line) => JSON.parse(line).intensity[12]);
}

/** All figures of films that were read. */
export function figuresOf(films: readonly KnownFilm[], card: ModelCard) {
  const full = card.target === "intensity" ? 5 : 1;
  return {
    agreement: agreementOf(films, card).map((one) => ({ ...one, isFlat: one.deviation < FLAT * full })),
    steadiness: steadinessOf(films, card),
    films: films.map((film) => ({
      name: film.name,
      frames: film.times.length,
      faces: film.followed.filter(Boolean).length,
      ids: film.ids,
      speech: speechOf(film, card),
      blinks: blinksOf(film),
      brows: sharesOf(film, card, BROWS),
      browsAlone: sharesOf(film, card, BROWS, "alone"),
      smile: smileOf(film, card),
    })),
  };
}

type Figures = ReturnType<typeof figuresOf>;

/** The figures as people read them, each with what is asked of it. */
function* linesOf({ agreement, steadiness, films }: Figures): Generator<string> {
  const two = (value: number | undefined) =>
    (value === undefined || Number.isNaN(value) ? "-" : value.toFixed(2)).padStart(5);
  const least = (values: readonly number[]) => Math.min(...values.filter(Number.isFinite));

  yield "";
  yield "Followed against frame by frame, correlation over all frames, and trembling of resting faces both ways:";
  for (const [unit, { au, correlation, isFlat }] of agreement.entries()) {
    const { followed, alone } = steadiness.units[unit];
    yield `  ${unitName(au)} ${two(correlation)}${isFlat ? "*" : " "}  ${followed.toFixed(3)} followed, ${
      alone.toFixed(3)
    } frame by frame`;
  }
  const judged = agreement.filter(({ isFlat }) => !isFlat), { units } = steadiness;
  const low = judged.filter(({ correlation }) => !(correlation >= AGREE)).map(({ au }) => unitName(au));
  yield `  least ${two(least(judged.map(({ correlation }) => correlation)))}; below ${AGREE}: ${
    low.join(", ") || "none"
  }${judged.length < agreement.length ? "; * hardly moves in these films, not counted" : ""}`;
  const calmer = units.filter(({ followed, alone }) => followed <= alone).length;
  yield `  ${steadiness.stretches} resting stretches of ${steadiness.frames} frames; mean trembling ${
    mean(units.map(({ followed }) => followed)).toFixed(4)
  } followed, ${
    mean(units.map(({ alone }) => alone)).toFixed(4)
  } frame by frame; ${calmer} of ${units.length} units no less steady`;

  yield "";
  yield "Film by film: frames with the face, faces counted; against MediaPipe's mesh AU25 with the lips' gap, AU26 with the";
  yield "jaw, both and the mouth's openness with lips and jaw; lids with lids; blinks found of its own (and all found); frames";
  yield `with ${
    BROWS.map(unitName).join(", ")
  } present (asked of brows at rest: under 5 %), then the same frame by frame:`;
  for (const { name, frames, faces, ids, speech, blinks, brows, browsAlone } of films) {
    const mouth = speech
      ? `25${two(speech[25]?.lips)} 26${two(speech[26]?.jaw)} both${two(speech[25]?.both)}${
        two(speech[26]?.both)
      }${two(speech.mouth.both)}`
      : "nothing spoken, or no readings of the mesh";
    const lids = blinks
      ? `lids${two(blinks.lids)} blinks ${blinks.same} of ${blinks.expected} (${blinks.found})`
      : "";
    const shares = [brows, browsAlone].map((way) =>
      way.map((share) => `${(100 * share).toFixed(0)}%`.padStart(4)).join("")
    ).join("  ");
    yield `  ${basename(name).padEnd(20)} ${faces}/${frames} ${ids}  ${mouth}  ${lids} ${shares}`;
  }
  const spoken = films.flatMap(({ speech }) => speech ?? []);
  if (spoken.length > 0) {
    const of = (pick: (one: typeof spoken[number]) => number | undefined) => {
      const values = spoken.flatMap((one) => pick(one) ?? []).filter(Number.isFinite);
      return `${mean(values).toFixed(2)} (least ${least(values).toFixed(2)})`;
    };
    yield `  mean: AU25 with the lips ${of((one) => one[25]?.lips)}, with lips and jaw ${
      of((one) => one[25]?.both)
    }; AU26 with the jaw ${of((one) => one[26]?.jaw)}, with lips and jaw ${
      of((one) => one[26]?.both)
    }; asked ${FOLLOWS_SPEECH} or more`;
  }
  for (const { smile } of films) {
    if (!smile) continue;
    yield "";
    yield `The smile: AU12 with what was rendered ${two(smile.correlation).trim()} (asked 0.9 or more), ${
      Math.abs(smile.lag)
    } frames ${smile.lag < 0 ? "early" : "late"}, peak ${smile.peak} frames off (asked: 1 at most)`;
  }
}
