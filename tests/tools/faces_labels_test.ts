import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EMOTIONS } from "@emoco/web/facs";
import { INTENSITY_WEIGHT, LABELLED_UNITS } from "../../tools/faces/action_units.ts";
import { drawFace, splitSubjects, weigh } from "../../tools/faces/draw.ts";
import { drawExpression, lipsPart } from "../../tools/faces/expression.ts";
import { Random } from "../../tools/faces/random.ts";
import { smileIntensity } from "../../tools/faces/test_faces.ts";

describe("Random", () => {
  it("gives the same stream for the same keys and another one for others", () => {
    const take = (...keys: number[]) => {
      const random = new Random(...keys);
      return Array.from({ length: 5 }, () => random.next());
    };
    assertEquals(take(1, 2, 3), take(1, 2, 3));
    const streams = [take(1, 2, 3), take(1, 3, 2), take(3, 2, 1), take(1, 2), take(1, 2, 3, 0)].map(String);
    assertEquals(new Set(streams).size, streams.length);
  });

  it("is uniform, and normal with the moments asked for", () => {
    const random = new Random(9), bins = new Array(16).fill(0);
    let sum = 0, squares = 0;
    for (let i = 0; i < 32_000; i++) {
      bins[Math.floor(16 * random.next())]++;
      const value = random.normal(2, 3, 9);
      sum += value, squares += (value - 2) ** 2;
    }
    // Chi-square with 15 degrees of freedom: 37.7 is passed once in a thousand.
    assertLess(bins.reduce((total, count) => total + (count - 2000) ** 2 / 2000, 0), 37.7);
    assertAlmostEquals(sum / 32_000, 2, 0.08);
    assertAlmostEquals(Math.sqrt(squares / 32_000), 3, 0.06);
  });

  it("picks by weight", () => {
    const random = new Random(3), counts = { a: 0, b: 0 };
    for (let i = 0; i < 4000; i++) counts[random.pick(["a", "b"] as const, [3, 1])]++;
    assertAlmostEquals(counts.a / 4000, 0.75, 0.03);
  });
});

describe("splitSubjects", () => {
  it("gives 60, 25 and 15 percent of the subjects to the three splits", () => {
    const splits = splitSubjects(1, 200);
    const count = (split: string) => splits.filter((s) => s === split).length;
    assertEquals([count("pretrain"), count("au"), count("test")], [120, 50, 30]);
    assert(String(splits) !== String(splitSubjects(2, 200)));
  });
});

describe("drawExpression", () => {
  const draws = EMOTIONS.flatMap((emotion, e) =>
    Array.from({ length: 1500 }, (_, i) => ({ emotion, units: drawExpression(emotion, new Random(7, e, i)) }))
  );

  it("shows a unit of the prototype often but never always, and others seldom", () => {
    const share = (emotion: string, au: number) => {
      const own = draws.filter((draw) => draw.emotion === emotion);
      return own.filter(({ units }) => (units[au] ?? 0) >= 2).length / own.length;
    };
    for (
      const [emotion, au] of [["happy", 12], ["sad", 15], ["surprise", 2], ["fear", 20], [
        "anger",
        4,
      ]] as const
    ) {
      const rate = share(emotion, au);
      assert(rate > 0.5 && rate < 0.97, `AU${au} in ${emotion}: ${rate}`);
    }
    for (
      const [emotion, au] of [["happy", 4], ["sad", 12], ["surprise", 9], ["fear", 12], ["anger", 1]] as const
    ) {
      const rate = share(emotion, au);
      assert(rate > 0.003 && rate < 0.15, `AU${au} in ${emotion}: ${rate}`);
    }
  });

  it("keeps neutral faces to traces or one unit, but for speech and blinks", () => {
    const speech = ["16", "18", "22", "25", "26", "28"];
    let still = 0;
    const neutral = draws.filter(({ emotion }) => emotion === "neutral");
    for (const { units } of neutral) {
      const own = Object.entries(units).filter(([au]) => au !== "43" && !speech.includes(au));
      assert(own.every(([, level]) => level === 1) || own.length === 1, JSON.stringify(units));
      if (Object.values(units).every((level) => level === 1)) still++;
    }
    assert(still > 0.55 * neutral.length && still < 0.9 * neutral.length, `${still}`);
  });

  it("draws every unit at every intensity", () => {
    for (const au of LABELLED_UNITS) {
      const levels = new Set(draws.map(({ units }) => units[au]).filter((level) => level));
      assertEquals([...levels].sort(), [1, 2, 3, 4, 5], `AU${au}`);
    }
  });

  it("never presses or tightens lips that it parts", () => {
    for (const { units } of draws) {
      for (const pressed of [23, 24]) {
        assert(!(units[pressed] && (units[25] || units[26])), JSON.stringify(units));
      }
      assert(!(units[12] && units[15]), JSON.stringify(units));
    }
  });
});

describe("weigh", () => {
  it("moves the face more for a higher intensity, within its share", () => {
    for (let intensity = 1; intensity <= 5; intensity++) {
      for (let i = 0; i < 50; i++) {
        const { left, right } = weigh({ 4: intensity }, new Random(i))[4];
        const wanted = INTENSITY_WEIGHT[intensity], most = Math.max(left, right);
        assert(
          most > 0.75 * wanted && most < 1.25 * wanted && Math.min(left, right) >= 0,
          `${left} ${right}`,
        );
      }
    }
    assertEquals(weigh({ 4: 0 }, new Random(1)), {});
  });
});

describe("lipsPart", () => {
  it("grades a gap from 0 to 5", () => {
    assertEquals([-0.2, 0, 0.15, 0.3, 0.7, 1.2, 3].map(lipsPart), [0, 0, 1, 2, 3, 4, 5]);
  });
});

describe("drawFace", () => {
  const faces = Array.from({ length: 2800 }, (_, i) => drawFace(3, Math.floor(i / 7), i % 7, "au"));

  it("draws the surroundings and the person independently of emotion and units", () => {
    const measures: Record<string, (face: typeof faces[number]) => number> = {
      yaw: ({ scene }) => scene.pose.yaw,
      pitch: ({ scene }) => scene.pose.pitch,
      gaze: ({ scene }) => scene.gaze.yaw,
      light: ({ scene }) => scene.key.from[1],
      brightness: ({ scene }) => scene.background.top[1],
      blur: ({ scene }) => scene.blur,
      quality: ({ scene }) => scene.quality,
      skin: ({ subject }) => subject.skinGroup,
      glasses: ({ subject }) => subject.glasses ? 1 : 0,
    };
    const correlation = (a: number[], b: number[]) => {
      const n = a.length, ma = a.reduce((s, v) => s + v) / n, mb = b.reduce((s, v) => s + v) / n;
      let ab = 0, aa = 0, bb = 0;
      a.forEach((v, i) => (ab += (v - ma) * (b[i] - mb), aa += (v - ma) ** 2, bb += (b[i] - mb) ** 2));
      return ab / Math.sqrt(aa * bb);
    };
    for (const [name, measure] of Object.entries(measures)) {
      const values = faces.map(measure);
      for (const au of LABELLED_UNITS) {
        const r = correlation(values, faces.map(({ intensities }) => intensities[au] ?? 0));
        // Four standard errors of a correlation of 0.
        assertLess(Math.abs(r), 4 / Math.sqrt(faces.length), `${name} and AU${au}`);
      }
      for (const emotion of EMOTIONS) {
        const r = correlation(values, faces.map((face) => face.emotion === emotion ? 1 : 0));
        assertLess(Math.abs(r), 4 / Math.sqrt(faces.length), `${name} and ${emotion}`);
      }
    }
  });

  it("keeps one person over a subject's faces and spreads skin over six groups", () => {
    assertEquals(faces[0].subject, faces[6].subject);
    assert(faces[0].subject.key !== faces[7].subject.key);
    const groups = new Map<number, number>();
    for (const { subject } of faces) groups.set(subject.skinGroup, (groups.get(subject.skinGroup) ?? 0) + 1);
    assertEquals([...groups.keys()].sort(), [1, 2, 3, 4, 5, 6]);
    for (const count of groups.values()) assert(count > 400);
  });

  it("holds yaw within 45 degrees and pitch within 25, and comes near both", () => {
    const most = (angle: (face: typeof faces[number]) => number) =>
      faces.reduce((far, face) => Math.max(far, Math.abs(angle(face))), 0);
    const yaw = most(({ scene }) => scene.pose.yaw), pitch = most(({ scene }) => scene.pose.pitch);
    assert(yaw > 40 && yaw < 45 + 1e-9, `${yaw}`);
    assert(pitch > 22 && pitch < 25 + 1e-9, `${pitch}`);
  });
});

describe("smileIntensity", () => {
  it("rises and falls twice and stays within 0 and 5", () => {
    const series = Array.from({ length: 90 }, (_, i) => smileIntensity(i / 15));
    assert(series.every((value) => value >= 0 && value <= 5));
    const peaks =
      series.filter((value, i) => i > 0 && i < 89 && value > series[i - 1] && value >= series[i + 1]).length;
    assertEquals(peaks, 2);
    assertEquals([series[0], series[89]], [0, 0]);
  });
});
