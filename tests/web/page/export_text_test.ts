import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { toCsv, toJson } from "../../../web/page/export_text.ts";
import { Recording, type TrackedFace } from "../../../web/page/recording.ts";
import { Smoothing, TIME_CONSTANT } from "../../../web/page/smoothing.ts";

const card = {
  target: "occurrence" as const,
  name: "tiny",
  version: "1",
  aus: [{ au: 4, threshold: 0.5 }, { au: 12, threshold: 0.5 }],
  emotions: ["happy", "sad"] as const,
};

function face(id: number, probabilities: readonly number[]): TrackedFace {
  return {
    id,
    score: 0.9,
    box: { x: 1.25, y: 2, width: 30, height: 40 },
    points: { leftEye: [20, 10], rightEye: [10, 10], nose: [15, 20], mouth: [15, 30] },
    aus: probabilities.map((probability, i) => ({
      ...card.aus[i],
      name: "",
      probability,
      present: probability >= 0.5,
    })),
    emotions: { happy: 0.25, sad: 0.75 },
  };
}

function recorded(of: ConstructorParameters<typeof Recording>[0] = card): Recording {
  const recording = new Recording(of);
  recording.add(0, 0, [face(1, [0, 1]), face(2, [0.5, 0.5])]);
  recording.add(1, 1 / 15, []);
  recording.add(2, 2 / 15, [face(1, [1, 0])]);
  return recording;
}

const facts = { card, engine: "wasm", source: "clip.mp4", isSmoothed: false } as const;

describe("toCsv", () => {
  it("writes time, frame, face and every action unit, a line a face", () => {
    assertEquals(toCsv(recorded(), facts).split("\n"), [
      "time,frame,face,score,x,y,width,height,AU4,AU12,happy,sad",
      "0,0,1,0.9,1.3,2,30,40,0,1,0.25,0.75",
      "0,0,2,0.9,1.3,2,30,40,0.5,0.5,0.25,0.75",
      "0.0667,1,,,,,,,,,,",
      "0.1333,2,1,0.9,1.3,2,30,40,1,0,0.25,0.75",
      "",
    ]);
  });

  it("smooths only when asked", () => {
    const lines = toCsv(recorded(), { ...facts, isSmoothed: true }).split("\n");
    assertEquals(lines[1], "0,0,1,0.9,1.3,2,30,40,0,1,0.25,0.75");
    const [au4, au12] = lines[4].split(",").slice(8, 10).map(Number);
    const weight = 1 - Math.exp(-2 / 15 / TIME_CONSTANT);
    assertAlmostEquals(au4, weight, 1e-4);
    assertAlmostEquals(au12, 1 - weight, 1e-4);
  });
});

describe("toJson", () => {
  it("says which model measured what, and gives points and thresholds", () => {
    const json = JSON.parse(toJson(recorded(), facts));
    assertEquals(json.model, { name: "tiny", version: "1", target: "occurrence" });
    assertEquals([json.engine, json.source, json.smoothing], ["wasm", "clip.mp4", null]);
    assertEquals(json.aus[1], { au: 12, name: "Lip corner puller", threshold: 0.5 });
    assertEquals(json.frames.length, 3);
    assertEquals(json.frames[1].faces, []);
    assertEquals(json.frames[0].faces[1], {
      face: 2,
      score: 0.9,
      box: { x: 1.3, y: 2, width: 30, height: 40 },
      points: { leftEye: [20, 10], rightEye: [10, 10], nose: [15, 20], mouth: [15, 30] },
      aus: { AU4: 0.5, AU12: 0.5 },
      emotions: { happy: 0.25, sad: 0.75 },
    });
    const smoothed = JSON.parse(toJson(recorded(), { ...facts, isSmoothed: true }));
    assertEquals(smoothed.smoothing, { kind: "exponential", timeConstant: TIME_CONSTANT });
  });
});

describe("a model of intensity", () => {
  const intensity = { ...facts, card: { ...card, target: "intensity" as const } };

  it("has its intensities beside the probabilities, in CSV", () => {
    const lines = toCsv(recorded(intensity.card), intensity).split("\n");
    assertEquals(
      lines[0],
      "time,frame,face,score,x,y,width,height,AU4,AU12,AU4_intensity,AU12_intensity,happy,sad",
    );
    assertEquals(lines[2], "0,0,2,0.9,1.3,2,30,40,0.5,0.5,2.5,2.5,0.25,0.75");
    assertEquals(lines[3].split(",").length, 14);
  });

  it("and in JSON", () => {
    const json = JSON.parse(toJson(recorded(intensity.card), intensity));
    assertEquals(json.model.target, "intensity");
    assertEquals(json.frames[2].faces[0].intensities, { AU4: 5, AU12: 0 });
  });
});

describe("a model that knows more", () => {
  const more = {
    ...card,
    target: "intensity" as const,
    outputs: ["openness", "pose", "visible", "points"] as const,
  };
  const recording = new Recording(more);
  const [seen, hidden] = card.aus.map((unit) => ({ ...unit, name: "", probability: 0.5, present: true }));
  recording.add(0, 0, [{
    ...face(1, []),
    aus: [{ ...seen, intensity: 2.5, visible: 0.9 }, { ...hidden, present: null, visible: 0.1 }],
    points68: new Array(68).fill([4, 5]),
    pose: { yaw: 12.25, pitch: -3, roll: 0.5 },
    openness: { leftEye: 0.125, rightEye: 0.25, mouth: 0 },
  }]);

  it("has columns for it, and none filled for a unit that cannot be seen", () => {
    assertEquals(toCsv(recording, { ...facts, card: more }).split("\n").slice(0, 2), [
      "time,frame,face,score,x,y,width,height,yaw,pitch,roll,open_left_eye,open_right_eye,open_mouth," +
      "AU4,AU12,AU4_intensity,AU12_intensity,happy,sad",
      "0,0,1,0.9,1.3,2,30,40,12.25,-3,0.5,0.125,0.25,0,0.5,,2.5,,0.25,0.75",
    ]);
  });

  it("and in JSON, points with it", () => {
    const [{ faces: [one] }] = JSON.parse(toJson(recording, { ...facts, card: more })).frames;
    assertEquals([one.aus, one.intensities], [{ AU4: 0.5, AU12: null }, { AU4: 2.5, AU12: null }]);
    assertEquals([one.yaw, one.open_right_eye, one.points68.length], [12.25, 0.25, 68]);
    assertEquals(one.points68[67], [4, 5]);
  });
});

describe("Smoothing", () => {
  it("follows a step to 63 % in one time constant, whatever the frame rate", () => {
    for (const rate of [5, 15, 60]) {
      const smoothing = new Smoothing(), frames = Math.round(TIME_CONSTANT * rate);
      smoothing.follow(1, [0], 0);
      let value = 0;
      for (let i = 1; i <= frames; i++) [value] = smoothing.follow(1, [1], i / rate);
      assertAlmostEquals(value, 1 - Math.exp(-frames / rate / TIME_CONSTANT), 1e-12);
    }
  });

  it("keeps faces apart, and begins anew with one that was away", () => {
    const smoothing = new Smoothing();
    smoothing.follow(1, [0], 0);
    assertEquals(smoothing.follow(2, [1], 0), [1]);
    assert(smoothing.follow(1, [1], 0.1)[0] < 0.5);
    assertEquals(smoothing.follow(1, [1], 9), [1]);
  });
});
