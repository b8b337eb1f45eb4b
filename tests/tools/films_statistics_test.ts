import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import type { DetectedUnit } from "@emoco/web/detector";
import { parseModelCard } from "@emoco/web/model-card";
import { parse } from "csv-parse/sync";
import { parquetReadObjects } from "hyparquet";
import { join } from "node:path";
import { openFaceColumns } from "../../tools/films/openface.ts";
import { columnsOf, type NumberedFace, RowLayout } from "../../tools/films/row.ts";
import { Spool } from "../../tools/films/spool.ts";
import { summarise } from "../../tools/films/statistics.ts";
import { summaryHead, summaryLines } from "../../tools/films/summary.ts";
import { FORMATS, linesOf, writeTable } from "../../tools/films/tables.ts";
import { writeTinyCard } from "../web/tiny_model.ts";

const card = parseModelCard(JSON.parse(JSON.stringify({
  ...await writeTinyCard(new Uint8Array(1)),
  target: "intensity",
  aus: [{ au: 12, threshold: 0.4 }, { au: 43, threshold: 0.5 }],
  outputs: ["points", "pose", "gaze", "openness", "visible"],
})));
const layout = new RowLayout(card, true);

/** A face with these intensities (null: cannot be seen), and eyes that are so far open. */
function face(id: number, intensities: readonly (number | null)[], open = 0.2): NumberedFace {
  return {
    id,
    box: { x: 10 * id, y: 20, width: 100, height: 110 },
    score: 0.9,
    points: { leftEye: [85, 50], rightEye: [35, 50], nose: [60, 75], mouth: [60, 100] },
    points68: Array.from({ length: 68 }, (_, i) => [i, 2 * i] as const),
    pose: { yaw: 30, pitch: 10, roll: -5 },
    gaze: { left: [10, -20], right: [20, -10] },
    openness: { leftEye: open, rightEye: open, mouth: 0 },
    aus: intensities.map((intensity, i): DetectedUnit => ({
      au: card.aus[i].au,
      name: "",
      threshold: card.aus[i].threshold,
      probability: (intensity ?? 2.5) / 5,
      present: intensity === null ? null : intensity / 5 >= card.aus[i].threshold,
      ...intensity !== null && { intensity },
    })),
  };
}

describe("a film's rows", () => {
  let spool: Spool, path: string;
  beforeEach(() => {
    path = Deno.makeTempFileSync();
    spool = new Spool(path, layout.width);
  });
  afterEach(() => spool[Symbol.dispose]());

  const add = (number: number, time: number, ...faces: NumberedFace[]) => {
    const at = { number, time, width: 640, height: 480 };
    if (faces.length === 0) spool.add((row) => layout.write(row, at));
    for (const face of faces) spool.add((row) => layout.write(row, at, face));
  };
  const table = (columns = columnsOf(layout, "a.mp4")) => {
    const [head, ...lines] = [...linesOf("csv", spool, columns, {})].join("").trim().split("\n");
    const names = head.split(",");
    return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [names[i], cell])));
  };

  it("are read back from disk, however many, as often as one likes", () => {
    for (let i = 0; i < 1500; i++) add(i, i / 25, face(1, [i / 300, 0]));
    assertEquals(spool.rows, 1500);
    for (let again = 0; again < 2; again++) {
      let count = 0;
      for (const row of spool.read()) {
        assertAlmostEquals(row[layout.intensity(0)], count / 300);
        count++;
      }
      assertEquals(count, 1500);
    }
    assertEquals(Deno.statSync(path).size, 1500 * layout.width * 8);
  });

  it("become a table with a line a face, empty where nothing is known", () => {
    add(0, 0, face(1, [3.21, null]), face(2, [0, 4]));
    add(5, 0.2);
    const [one, other, none] = table();
    assertEquals([one.file, one.frame, one.time, one.face, one.score], ["a.mp4", "0", "0", "1", "0.9"]);
    assertEquals([one.x, one.y, one.width, one.height], ["10", "20", "100", "110"]);
    assertEquals([one.AU12_intensity, one.AU12_present], ["3.21", "1"]);
    assertEquals([one.AU43_intensity, one.AU43_present], ["", ""]);
    assertEquals([one.yaw, one.gaze_right_yaw, one.open_left_eye], ["30", "20", "0.2"]);
    assertEquals([one.x_67, one.y_67, other.face, other.AU12_present], ["67", "134", "2", "0"]);
    assertEquals([none.frame, none.time, none.face, none.AU12_intensity], ["5", "0.2", "", ""]);
  });

  it("become a summary: seconds, shares, episodes, peaks, and blinks by how the eyes usually are", () => {
    // 10 s at 25 a second. A smile from 2 s to 4 s and from 6 s to 7 s, with a flicker that is no end of it; blinks of
    // 0.12 s at 1, 3 and 8 s; eyes shut for 2 s from 5 s on, which is no blink.
    const at = (time: number, from: number, length: number) =>
      time >= from - 1e-9 && time < from + length - 1e-9;
    for (let i = 0; i < 250; i++) {
      const time = i / 25;
      const isSmile = at(time, 2, 2) && i !== 75 || at(time, 6, 1);
      const isShut = [1, 3, 8].some((from) => at(time, from, 0.12)) || at(time, 5, 2);
      add(i, time, face(1, [isSmile ? (i === 60 ? 4.5 : 3) : 0.5, isShut ? 4 : 0], isShut ? 0.02 : 0.2));
    }
    const { frames, empty, seconds, persons: [person, ...others] } = summarise(layout, spool);
    assertEquals([frames, empty, others.length], [250, 0, 0]);
    assertAlmostEquals(seconds, 10, 1e-6);
    assertAlmostEquals(person.seconds, 10, 1e-6);
    assertAlmostEquals(person.blinks!, 18, 1e-6);
    const [smile, shut] = person.units;
    assertAlmostEquals(smile.present, 2.96, 1e-6);
    assertEquals([smile.episodes, shut.episodes], [2, 4]);
    assertAlmostEquals(smile.mean, (0.5 * 7.04 + 3 * 2.92 + 4.5 * 0.04) / 10, 1e-6);
    assertEquals([smile.peak, smile.peakTime], [4.5, 2.4]);
    assertAlmostEquals(smile.resting, 0.5, 0.01);
    const [line] = summaryLines("a, b.mp4", card, summarise(layout, spool));
    assertEquals(summaryHead(card).split(",").length, line.split(",").length - 1, "the name is in quotes");
    assert(line.startsWith('"a, b.mp4",1,10,250,0,9.96,18,0.296,2,'), line);
  });

  it("count each frame for as long as it was shown, and each person by itself", () => {
    add(0, 0, face(1, [3, 0]), face(2, [null, 0]));
    add(1, 0.1, face(1, [0, 0]));
    add(2, 0.5);
    add(3, 0.6, face(2, [null, 0]));
    const { seconds, empty, persons } = summarise(layout, spool);
    assertAlmostEquals(seconds, 0.8, 1e-9);
    assertEquals([empty, persons.length], [1, 2]);
    assertAlmostEquals(persons[0].seconds, 0.5, 1e-9);
    assertAlmostEquals(persons[0].units[0].present, 0.1, 1e-9);
    assertAlmostEquals(persons[1].seconds, 0.3, 1e-9);
    assertEquals([persons[1].units[0].seen, persons[1].units[0].episodes], [0, 0]);
    assertEquals(Number.isNaN(persons[1].units[0].peak), true);
  });

  it("are given against the resting face beside the raw values", () => {
    for (let i = 0; i < 100; i++) add(i, i / 25, face(1, [i < 60 ? 1 : 3, 0]));
    const { persons: [{ units }] } = summarise(layout, spool);
    const relative = (row: Float64Array, unit: number) =>
      Math.max(0, row[layout.strength(unit)] - units[unit].resting);
    const lines = table(columnsOf(layout, "a.mp4", relative));
    assertEquals([lines[0].AU12_intensity, lines[0].AU12_relative], ["1", "0"]);
    assertEquals([lines[99].AU12_intensity, lines[99].AU12_relative], ["3", "2"]);
  });

  it("hold the same numbers in every format", async () => {
    for (let i = 0; i < 700; i++) add(i, i / 30, ...i % 9 ? [face(1, [i / 150, i % 2 ? 1 : null])] : []);
    const folder = Deno.makeTempDirSync(), columns = columnsOf(layout, 'a "b", c.mp4');
    try {
      const text = new Map<string, string>();
      for (const format of FORMATS) {
        const path = join(folder, format);
        await writeTable(path, format, spool, columns, { model: "tiny" });
        if (format !== "parquet") text.set(format, Deno.readTextFileSync(path));
      }
      const csv: Record<string, string>[] = parse(text.get("csv")!, { columns: true });
      const json = JSON.parse(text.get("json")!);
      assertEquals([json.model, json.rows.length, csv.length], ["tiny", 700, 700]);
      assertEquals(text.get("jsonl")!.trim().split("\n").map((line) => JSON.parse(line)), json.rows);
      const parquet = await parquetReadObjects({ file: Deno.readFileSync(join(folder, "parquet")).buffer });
      assertEquals(parquet, json.rows);
      csv.forEach((line, i) => {
        const values = Object.entries(json.rows[i]).map((
          [name, value],
        ) => [name, value === null ? "" : String(value)]);
        assertEquals(Object.entries(line), values);
      });
      assertEquals([...Deno.readDirSync(folder)].length, FORMATS.length, "nothing half done is left");
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });

  it("stand under OpenFace's names, in its axes and units", () => {
    add(0, 0.04, face(1, [3.216, 5]));
    add(1, 0.08);
    const [one, none] = table(openFaceColumns(layout));
    const names = Object.keys(one);
    assertEquals(names.slice(0, 7), [
      "frame",
      "face_id",
      "timestamp",
      "confidence",
      "success",
      "gaze_0_x",
      "gaze_0_y",
    ]);
    assertEquals([one.frame, one.face_id, one.timestamp, one.confidence, one.success], [
      "1",
      "0",
      "0.04",
      "0.9",
      "1",
    ]);
    // Looking down and to the picture's right: y is down, z away from the camera; gaze_0 is the picture's left eye.
    assertAlmostEquals(Number(one.gaze_0_x), Math.sin(Math.PI / 9) * Math.cos(Math.PI / 18), 1e-6);
    assertAlmostEquals(Number(one.gaze_1_y), Math.sin(Math.PI / 9), 1e-6);
    assert(Number(one.gaze_0_z) < -0.9 && Number(one.gaze_angle_x) > 0 && Number(one.gaze_angle_y) > 0);
    // Up is a negative turn about x, to the subject's left a negative one about y, clockwise a positive one about z.
    assertEquals([one.pose_Rx, one.pose_Ry, one.pose_Rz], ["-0.175", "-0.524", "-0.087"]);
    // Eyes 50 pixels apart at a yaw of 30 degrees, 63 mm apart, a focal length of 500: 545.6 mm away.
    assertAlmostEquals(Number(one.pose_Tz), 500 * 63 * Math.cos(Math.PI / 6) / 50, 0.1);
    assertAlmostEquals(Number(one.pose_Tx), (60 - 320) / 500 * Number(one.pose_Tz), 0.1);
    assertEquals([one.x_3, one.y_3, one.AU12_r, one.AU12_c], ["3", "6", "3.22", "1"]);
    assertEquals([one.AU45_r, one.AU45_c], ["5", "1"], "closed eyes");
    assertEquals(names.filter((name) => /^AU/.test(name)), ["AU12_r", "AU45_r", "AU12_c", "AU45_c"]);
    assertEquals([none.success, none.confidence, none.AU12_r, none.timestamp], ["0", "0", "0", "0.08"]);
  });
});
