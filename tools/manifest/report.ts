/**
 * `report.html`: whether the faces are aligned well, how many there are of what, and what did not fit. One file, which
 * opens offline.
 * @module
 */
import { actionUnit } from "@emoco/web/facs";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { join, resolve } from "node:path";
import sharp from "sharp";
import { inlineJpeg } from "../../train/units/face_figure.ts";
import { htmlPage, htmlTable } from "../../train/runs/report_page.ts";
import { escapeHtml } from "../../train/runs/svg_chart.ts";
import { writeWhole } from "../faces/write_whole.ts";
import type { Settings } from "./align_samples.ts";
import type { Assembled } from "./assemble.ts";
import { KINDS } from "./notes.ts";
import { compareWithFolds } from "./published_folds.ts";
import { type ShownFace, type Summary, withFaces } from "./summary.ts";

/** Faces of the sheet; the mean is taken over all that were drawn. */
const SHEET = 48;
/** A table of subjects longer than this says nothing at a glance. */
const MOST_SUBJECTS = 200;

/** Writes the report of a manifest. The same faces and labels give the same bytes. */
export async function writeReport(name: string, settings: Settings, assembled: Assembled): Promise<void> {
  const { summary } = assembled;
  const parts = [
    STYLE,
    figures(assembled),
    ...(summary.faces > 0 ? await alignment(settings, summary) : []),
    ...(summary.missed.items.length > 0 ? [await missed(settings, summary)] : []),
    problems(assembled),
    emotions(summary),
    units(summary),
    subjects(name, summary),
    made(name, settings),
  ];
  await writeWhole(join(settings.out, "report.html"), htmlPage(`Faces of ${name}`, parts.join("\n")));
}

function figures({ summary, samples, videos, notes }: Assembled): string {
  const share = samples > 0 ? `${(100 * summary.faces / samples).toFixed(1)} %` : "none";
  const figure = (number: string | number, text: string) => `<div><b>${number}</b>${text}</div>`;
  return `<div class="figures">${
    [
      figure(summary.faces, `faces in the manifest, ${share} of ${samples} asked for`),
      figure(withFaces(summary.subjects).size, "subjects"),
      ...(videos > 0 ? [figure(videos, "videos")] : []),
      figure(notes.count("no face"), "without a face"),
      figure(
        notes.all().reduce((sum, { kind, count }) => sum + (kind === "no face" ? 0 : count), 0),
        "labels or pictures that did not fit",
      ),
    ].join("")
  }</div>`;
}

async function alignment({ out }: Settings, summary: Summary): Promise<string[]> {
  const drawn = summary.drawn.items;
  const sheet = await Promise.all(drawn.slice(0, SHEET).map((face) => crop(out, face, captionOf(face))));
  const parts = [
    "<h2>Is the alignment right?</h2>",
    "<p>Eyes belong between the upper marks, the mouth between the lower ones, the nose below the one on top. The mean of " +
    `${drawn.length} faces shows eyes and mouth where alignment is right, a smear where it is not.</p>`,
    `<div class="mean"><figure>${await meanFace(out, drawn)}${GUIDE}<figcaption>mean of ${drawn.length} ` +
    `faces</figcaption></figure><div class="faces sheet">${sheet.join("")}</div></div>`,
  ];
  if (summary.leastSure.items.length > 0) {
    const least = await Promise.all(
      summary.leastSure.items.map((face) => crop(out, face, [`score ${face.photo.score}`, nameOf(face)])),
    );
    parts.push(
      "<h3>The finder was least sure of these</h3>",
      "<p>If these are faces, all others are.</p>",
      `<div class="faces sheet">${least.join("")}</div>`,
    );
  }
  const median = summary.medianOff();
  if (median !== undefined) {
    const far = await Promise.all(
      summary.farthestOff.items.map((face) =>
        crop(out, face, [`${Math.round(face.photo.off! * 100)} % off`, nameOf(face)])
      ),
    );
    parts.push(
      "<h3>The finder beside the set's own landmarks</h3>",
      `<p>Half of the faces differ by ${
        Math.round(median * 100)
      } % of the distance of the eyes or less; these ` +
        "differ most.</p>",
      `<div class="faces sheet">${far.join("")}</div>`,
    );
  }
  if (summary.several > 0) {
    parts.push(
      `<p>${summary.several} pictures show several faces; the one that the set speaks of was taken, ` +
        "else the largest.</p>",
    );
  }
  return parts;
}

async function crop(out: string, face: ShownFace, caption: readonly string[]): Promise<string> {
  const image = await inlineJpeg(sharp(join(out, face.image)), captionOf(face).join(", "));
  return `<figure>${image}${GUIDE}<figcaption>${caption.map(escapeHtml).join("<br>")}</figcaption></figure>`;
}

function captionOf({ sample: { labels } }: ShownFace): string[] {
  const present = Object.entries(labels.present ?? {}).filter(([, value]) => value === 1).map(([au]) => au);
  return [
    ...(labels.emotion ? [labels.emotion] : []),
    ...(labels.present ? [present.length > 0 ? `AU ${present.join(" ")}` : "no AU"] : []),
  ];
}

function nameOf({ sample: { source, frame } }: ShownFace): string {
  const name = source.split("/").at(-1)!;
  return frame === undefined ? name : `${name} ${frame}`;
}

async function meanFace(out: string, faces: readonly ShownFace[]): Promise<string> {
  const side = 160, sum = new Float64Array(side * side * 3);
  for (const { image } of faces) {
    const { data } = await sharp(join(out, image)).resize(side, side).toColourspace("srgb").raw()
      .toBuffer({ resolveWithObject: true });
    for (let i = 0; i < sum.length; i++) sum[i] += data[i];
  }
  const mean = Uint8Array.from(sum, (value) => value / faces.length);
  return await inlineJpeg(sharp(mean, { raw: { width: side, height: side, channels: 3 } }), "mean face");
}

async function missed({ root }: Settings, summary: Summary): Promise<string> {
  const pictures = await Promise.all(summary.missed.items.map(async ({ source }) => {
    try {
      const image = sharp(resolve(root, source)).autoOrient().resize(160, 160, {
        fit: "contain",
        background: "#888",
      });
      const name = escapeHtml(source.split("/").at(-1)!);
      return `<figure>${await inlineJpeg(image, source)}<figcaption>${name}</figcaption></figure>`;
    } catch {
      return ""; // not there, or no picture: listed below
    }
  }));
  const shown = pictures.join("");
  return shown && `<h2>Pictures that gave no face</h2><div class="faces sheet">${shown}</div>`;
}

function problems({ notes }: Assembled): string {
  const kinds = notes.all();
  if (kinds.length === 0) return "<h2>What did not fit</h2><p>Nothing: every label has its face.</p>";
  const lists = kinds.map(({ kind, count, named }) =>
    `<details${named.length <= 10 ? " open" : ""}><summary><b>${count}</b> ${escapeHtml(kind)}</summary><p>${
      KINDS[kind]
    }</p><ul>${named.map((what) => `<li>${escapeHtml(what)}</li>`).join("")}</ul></details>`
  );
  return "<h2>What did not fit</h2><p>The first of each kind; all of them stand in problems.tsv beside this page.</p>" +
    lists.join("");
}

function emotions({ emotions, splits, faces }: Summary): string {
  const labelled = [...emotions.values()].reduce((sum, count) => sum + count, 0);
  const rows = (counts: ReadonlyMap<string, number>) =>
    [...counts].map(([name, count]) =>
      `<tr><td>${name}</td><td>${count}</td><td>${
        percent(count, faces)
      }</td><td class="bar"><i style="width:${(100 * count / faces).toFixed(1)}%"></i></td></tr>`
    ).join("");
  return (labelled > 0 ? `<h2>Emotions</h2><table class="numeric counts">${rows(emotions)}</table>` : "") +
    (splits.size > 0 ? `<h2>Splits</h2><table class="numeric counts">${rows(splits)}</table>` : "");
}

function units({ units }: Summary): string {
  if (units.size === 0) return "";
  const isGraded = [...units.values()].some(({ intensity }) => intensity.some((count) => count > 0));
  const head = ["Action unit", "present", "absent", "unlabelled", "rate"];
  const rows = [...units].sort(([one], [other]) => one - other).map(([au, unit]) => [
    `AU${au} ${actionUnit(au).name}`,
    ...[unit.present, unit.absent, unit.unlabelled].map(String),
    percent(unit.present, unit.present + unit.absent),
    ...(isGraded ? unit.intensity.map(String) : []),
  ]);
  return "<h2>Action units</h2>" +
    (isGraded ? "<p>The last six columns count the faces of each intensity.</p>" : "") +
    htmlTable([...head, ...(isGraded ? ["0", "1", "2", "3", "4", "5"] : [])], rows, true);
}

function subjects(name: string, { subjects }: Summary): string {
  if (subjects.size === 0 || subjects.size > MOST_SUBJECTS) return "";
  const rows = [...subjects].map(([subject, { faces, missed }]) => [subject, String(faces), String(missed)]);
  const people = compareWithFolds(name, withFaces(subjects));
  return `<h2>Subjects</h2>${people ? `<p>${people}</p>` : ""}${
    htmlTable(["Subject", "faces", "without"], rows, true)
  }`;
}

function made(name: string, { size, points, every }: Settings): string {
  const template = ALIGNMENT_POINTS.map((point, i) => `${point} ${ALIGNMENT_TEMPLATE[i].join(", ")}`).join(
    "; ",
  );
  return `<h2>How it was made</h2><p>deno task manifest ${name}, ${size} pixels a side, points of the ${points}${
    every > 1 ? `, every ${every}th frame` : ""
  }. A similarity transform lays four points where the model expects them, in parts of the side: ${template}.</p>`;
}

function percent(part: number, whole: number): string {
  return whole > 0 ? `${(100 * part / whole).toFixed(1)} %` : "";
}

/** Marks at the edges, between which eyes, mouth and nose belong. */
const [[, EYES], , [NOSE], [, MOUTH]] = ALIGNMENT_TEMPLATE.map((at) => at.map((part) => part * 100));
const MARKS = `M0 ${EYES}H12M88 ${EYES}H100M0 ${MOUTH}H12M88 ${MOUTH}H100M${NOSE} 0V10M${NOSE} 90V100`;
const GUIDE =
  `<svg class="guide" viewBox="0 0 100 100" aria-hidden="true"><path class="edge" d="${MARKS}"/><path d="${MARKS}"/></svg>`;

const STYLE = `<style>
.mean { display: flex; flex-wrap: wrap; gap: 20px; align-items: flex-start; }
.mean > figure, .mean > figure img { width: 200px; }
.mean > figure img { height: 200px; }
.mean > .sheet { flex: 1 1 480px; }
figure { position: relative; }
figure .guide { position: absolute; left: 0; top: 0; width: 100%; height: auto; aspect-ratio: 1; }
.guide path { stroke: #fff; stroke-width: 1.2; fill: none; }
.guide .edge { stroke: #000; stroke-width: 2.6; stroke-opacity: .5; }
.sheet { align-items: flex-start; }
.sheet figcaption { min-height: 1.3em; overflow-wrap: anywhere; }
.counts .bar { width: 240px; text-align: left; }
.counts .bar i { display: block; height: 10px; border-radius: 3px; background: #0072b2; }
details { margin: 6px 0; }
summary { cursor: pointer; }
details ul { font-size: .85rem; color: var(--soft); columns: 2; overflow-wrap: anywhere; }
</style>`;
