import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import sharp from "sharp";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { EMOTIONS } from "@emoco/web/facs";

type Point = [number, number];
interface Line {
  readonly image: string;
  readonly subject: string;
  readonly emotion: string;
  readonly split: string;
  readonly present: Record<string, number>;
  readonly intensity: Record<string, number>;
  readonly pose: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  readonly skin: number;
  readonly points: Record<typeof ALIGNMENT_POINTS[number], Point>;
  readonly landmarks: Point[];
}

const UNITS = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26];
const path = (name: string) => new URL(`../../${name}`, import.meta.url);
const read = (name: string) => Deno.readTextFileSync(path(name)).trimEnd().split("\n");
const bytesOf = (folder: string) =>
  [...Deno.readDirSync(path(folder))].reduce(
    (sum, { name }) => sum + Deno.statSync(path(`${folder}/${name}`)).size,
    0,
  );

const faces = read("train/faces/manifest.jsonl").map((line) => JSON.parse(line) as Line);
const heads = read("tests/faces/manifest.jsonl").map((line) => JSON.parse(line) as Line);
const combination = ({ present }: Line) => UNITS.filter((au) => present[au]).join("+");

describe("train/faces", () => {
  it("holds enough faces of enough subjects in 19 MB", () => {
    assertGreater(faces.length, 3599);
    assertGreater(new Set(faces.map((face) => face.subject)).size, 419);
    assertLessOrEqual(bytesOf("train/faces"), 19e6);
    assertEquals(new Set(faces.map((face) => face.image)).size, faces.length);
  });

  it("names pictures of 128 px that are there, and no others", () => {
    const files = [...Deno.readDirSync(path("train/faces"))].map((entry) => entry.name);
    assertEquals(files.filter((name) => name.endsWith(".jpg")).length, faces.length);
    for (const { image } of faces) {
      const bytes = Deno.readFileSync(path(`train/faces/${image}`));
      // The frame header (SOF0) holds height and width, two bytes each.
      let at = 2;
      while (bytes[at + 1] !== 0xc0) at += 2 + (bytes[at + 2] << 8) + bytes[at + 3];
      assertEquals([...bytes.subarray(at + 5, at + 9)], [0, 128, 0, 128], image);
    }
  });

  it("splits subjects 60 / 25 / 15 without sharing one", () => {
    const splits = new Map<string, string>();
    for (const { subject, split } of faces) {
      assertEquals(splits.get(subject) ?? split, split, subject);
      splits.set(subject, split);
    }
    for (const [name, share] of [["pretrain", 0.6], ["au", 0.25], ["test", 0.15]] as const) {
      const count = [...splits.values()].filter((split) => split === name).length;
      assertAlmostEquals(count / splits.size, share, 0.005, name);
    }
  });

  it("labels every unit, present from intensity 2", () => {
    for (const face of faces) {
      assertEquals(Object.keys(face.present).map(Number), UNITS, face.image);
      for (const au of UNITS) {
        const grade = face.intensity[au];
        assert(Number.isInteger(grade) && grade >= 0 && grade <= 5, face.image);
        assertEquals(face.present[au], grade >= 2 ? 1 : 0, `${face.image} AU${au}`);
      }
    }
  });

  it("shows each unit in 5 to 50 percent of the faces", () => {
    for (const au of UNITS) {
      const share = faces.filter((face) => face.present[au]).length / faces.length;
      assert(share >= 0.05 && share <= 0.5, `AU${au}: ${share}`);
    }
  });

  it("shows many combinations in each emotion, none in neutral that is more than weak or single", () => {
    for (const emotion of EMOTIONS) {
      const own = faces.filter((face) => face.emotion === emotion);
      assertGreater(own.length, faces.length / 10, emotion);
      if (emotion !== "neutral") {
        assertGreater(new Set(own.map(combination)).size, 29, emotion);
        continue;
      }
      for (const face of own) {
        const grades = Object.values(face.intensity).filter((grade) => grade > 0);
        assert(grades.every((grade) => grade === 1) || grades.length === 1, face.image);
      }
    }
  });

  it("spreads pose and skin tone", () => {
    const yaws = faces.map((face) => face.pose.yaw).sort((a, b) => a - b);
    assert(yaws[0] >= -30 && yaws[yaws.length - 1] <= 30);
    assert(yaws[Math.floor(yaws.length * 0.05)] < -15 && yaws[Math.floor(yaws.length * 0.95)] > 15);
    for (let group = 1; group <= 6; group++) {
      const share = faces.filter((face) => face.skin === group).length / faces.length;
      assertAlmostEquals(share, 1 / 6, 0.02, `skin ${group}`);
    }
  });

  it("aligns the faces to the template, off by no more than a finder is", () => {
    const frontal = faces.filter((face) => Math.abs(face.pose.yaw) < 5 && Math.abs(face.pose.pitch) < 5);
    ALIGNMENT_POINTS.forEach((name, i) => {
      for (const k of [0, 1]) {
        const mean = frontal.reduce((sum, face) => sum + face.points[name][k], 0) / frontal.length;
        assertAlmostEquals(mean, 128 * ALIGNMENT_TEMPLATE[i][k], 4, `${name} ${k}`);
      }
    });
    const nose = frontal.map((face) => face.points.nose[0] - 64);
    const spread = Math.sqrt(nose.reduce((sum, x) => sum + x * x, 0) / nose.length);
    assert(spread > 0.3 && spread < 4, `${spread}`);
  });
});

describe("the 68 points of train/faces", () => {
  it("are in iBUG's order: eyes, nose and mouth corners are where the four points of the line are", () => {
    const mean = (marks: Point[]): Point =>
      [0, 1].map((k) => marks.reduce((sum, p) => sum + p[k], 0) / marks.length) as Point;
    for (const { image, points, landmarks } of faces) {
      assertEquals(landmarks.length, 68, image);
      const eyes = { rightEye: mean(landmarks.slice(36, 42)), leftEye: mean(landmarks.slice(42, 48)) };
      const found = { ...eyes, nose: landmarks[30], mouth: mean([landmarks[48], landmarks[54]]) };
      for (const name of ALIGNMENT_POINTS) {
        // Both are rounded to a tenth.
        for (const k of [0, 1]) {
          assertAlmostEquals(found[name][k], points[name][k], 0.1001, `${image}: ${name}`);
        }
      }
    }
  });

  it("go round the face, brows above eyes and the nose above the mouth", () => {
    for (const { image, landmarks } of faces) {
      const y = (...marks: number[]) => marks.reduce((sum, i) => sum + landmarks[i][1], 0) / marks.length;
      assert(y(17, 18, 19, 20, 21) < y(36, 37, 38, 39, 40, 41), `${image}: right brow`);
      assert(y(22, 23, 24, 25, 26) < y(42, 43, 44, 45, 46, 47), `${image}: left brow`);
      assert(y(27, 28, 29, 30) < y(51) && y(51) < y(57) && y(57) < y(8), `${image}: bridge, lips, chin`);
      assert(landmarks[0][0] < landmarks[8][0] && landmarks[8][0] < landmarks[16][0], `${image}: jaw`);
    }
  });
});

describe("tests/faces", () => {
  it("holds 60 heads of test subjects and a film in 4 MB", () => {
    assertEquals(heads.length, 60);
    assertLessOrEqual(bytesOf("tests/faces"), 4e6);
    const tested = new Set(faces.filter((face) => face.split === "test").map((face) => face.subject));
    for (const { subject, split } of heads) assert(split === "test" && tested.has(subject), subject);
  });

  it("shows each unit and each emotion in some head", () => {
    for (const au of UNITS) {
      assertGreater(heads.filter((head) => head.present[au]).length, 1, `AU${au}`);
    }
    assertEquals(new Set(heads.map((head) => head.emotion)).size, EMOTIONS.length);
  });

  it("has heads on alpha with their points on the head", async () => {
    for (const { image, points } of heads) {
      const file = await Deno.readFile(path(`tests/faces/${image}`));
      const { data, info } = await sharp(file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      assertEquals([info.width, info.height], [400, 400]);
      assertEquals([data[3], data[4 * 399 + 3]], [0, 0], `${image}: the upper corners are clear`);
      for (const [name, [x, y]] of Object.entries(points)) {
        const alpha = data[4 * (Math.floor(y) * 400 + Math.floor(x)) + 3];
        assertGreater(alpha, 250, `${image}: ${name} at ${x}, ${y}`);
      }
      assertGreater(points.leftEye[0], points.rightEye[0], image);
    }
  });

  it("has a smile of 90 frames whose mouth widens with AU12", async () => {
    const film = Deno.readFileSync(path("tests/faces/smile.mjpeg"));
    const starts: number[] = [];
    for (let i = 0; i + 2 < film.length; i++) {
      if (film[i] === 0xff && film[i + 1] === 0xd8 && film[i + 2] === 0xff) starts.push(i);
    }
    assertEquals(starts.length, 90);
    const last = await sharp(film.subarray(starts[89])).metadata();
    assertEquals([last.format, last.width, last.height], ["jpeg", 320, 240]);
    const series = read("tests/faces/smile.jsonl").map((line) =>
      JSON.parse(line) as { frame: number; time: number; intensity: { 12: number }; points: Line["points"] }
    );
    assertEquals(series.map((row) => row.frame), Array.from({ length: 90 }, (_, i) => i));
    assertAlmostEquals(series[89].time, 89 / 15, 1e-3);
    const smile = series.map((row) => row.intensity[12]);
    assert(Math.min(...smile) === 0 && Math.max(...smile) > 4 && Math.max(...smile) <= 5);
    // The corners go up, so the mouth's middle comes nearer to the nose.
    const gap = series.map(({ points }) => points.mouth[1] - points.nose[1]);
    const still = gap.filter((_, i) => smile[i] < 0.2), full = gap.filter((_, i) => smile[i] > 4);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
    assertGreater(mean(still), mean(full) + 1);
  });
});
