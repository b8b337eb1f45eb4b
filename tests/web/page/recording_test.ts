import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Recording, type TrackedFace } from "../../../web/page/recording.ts";

const card = {
  target: "occurrence" as const,
  aus: [{ au: 4, threshold: 0.5 }, { au: 12, threshold: 0.25 }],
  emotions: ["happy", "sad"] as const,
};

/** A face whose numbers tell which one it is. */
function face(id: number, probability: number): TrackedFace {
  return {
    id,
    score: 0.75,
    box: { x: id, y: 2, width: 30, height: 40 },
    points: { leftEye: [20, 10], rightEye: [10, 10.5], nose: [15, 20], mouth: [15, 30] },
    aus: [
      { au: 4, name: "Brow lowerer", probability: 0.125, threshold: 0.5, present: false },
      { au: 12, name: "Lip corner puller", probability, threshold: 0.25, present: probability >= 0.25 },
    ],
    emotions: { happy: 0.75, sad: 0.25 },
  };
}

describe("Recording", () => {
  it("gives back what was added, frames without a face included", () => {
    const recording = new Recording(card);
    recording.add(0, 0, [face(1, 0.5), face(2, 0.0625)]);
    recording.add(1, 0.1, []);
    recording.add(4, 0.4, [face(2, 0.25)]);
    assertEquals(recording.frames, 3);
    assertEquals(recording.lastTime, 0.4);
    const frames = [...recording.read()];
    assertEquals(frames.map(({ frame, time, faces }) => [frame, time, faces.map(({ id }) => id)]), [
      [0, 0, [1, 2]],
      [1, 0.1, []],
      [4, 0.4, [2]],
    ]);
    const [first] = frames[0].faces;
    assertEquals(first.probabilities, [0.125, 0.5]);
    assertEquals(first.emotions, [0.75, 0.25]);
    assertEquals(first.box, { x: 1, y: 2, width: 30, height: 40 });
    assertEquals(first.points, { leftEye: [20, 10], rightEye: [10, 10.5], nose: [15, 20], mouth: [15, 30] });
  });

  it("shows at any time the frame that was on screen then, with the card's thresholds", () => {
    const recording = new Recording(card);
    recording.add(0, 0, [face(1, 0.5)]);
    recording.add(1, 0.1, []);
    recording.add(2, 0.2, [face(1, 0.25), face(3, 0.125)]);
    assertEquals(recording.at(-1), []);
    assertEquals(recording.at(0.05).map(({ id }) => id), [1]);
    assertEquals(recording.at(0.1), []);
    const faces = recording.at(9);
    assertEquals(faces.map(({ id }) => id), [1, 3]);
    assertEquals(faces.map(({ aus }) => aus[1].present), [true, false]);
    assertEquals(faces[0].aus[1].name, "Lip corner puller");
    assertEquals(faces[0].emotions, { happy: 0.75, sad: 0.25 });
  });

  it("gives intensities where the model is one of intensity", () => {
    const recording = new Recording({ ...card, target: "intensity" });
    recording.add(0, 0, [face(1, 0.5)]);
    assertEquals(recording.at(0)[0].aus.map(({ intensity }) => intensity), [0.625, 2.5]);
  });

  it("gives a face's series, null where it was away, from a time on", () => {
    const recording = new Recording(card);
    recording.add(0, 0, [face(1, 0.5)]);
    recording.add(1, 0.1, [face(2, 0.125), face(1, 0.25)]);
    recording.add(2, 0.2, []);
    recording.add(3, 0.3, [face(2, 0.0625)]);
    const series = (face: number, units: number[], from: number) => {
      const { times, values } = recording.series(face, units, from);
      return { times: [...times], values: values.map((list) => [...list]) };
    };
    assertEquals(series(1, [1, 0], 0), {
      times: [0, 0.1, 0.2, 0.3],
      values: [[0.5, 0.25, null, null], [0.125, 0.125, null, null]],
    });
    assertEquals(series(2, [1], 0.1), { times: [0.1, 0.2, 0.3], values: [[0.125, null, 0.0625]] });
    assertEquals(series(2, [1, 0], 0.3), { times: [0.3], values: [[0.0625], [0.125]] });
    assertEquals(series(2, [1], 0.4), { times: [], values: [[]] });
    assertEquals(series(2, [], 0.2), { times: [0.2, 0.3], values: [] });
  });

  it("keeps the newest two hundred thousand faces, so that memory has an end", () => {
    const recording = new Recording(card);
    for (let i = 0; i < 250_000; i++) recording.add(i, i / 30, [face(1, 0.5)]);
    const frames = [...recording.read()];
    assert(frames.length > 200_000 && frames.length < 220_000, `${frames.length} frames`);
    assertEquals(frames.at(-1)?.frame, 249_999);
    assertAlmostEquals(frames[0].time, frames[0].frame / 30, 1e-9);
    assertEquals(recording.frames, 250_000);
  });

  it("keeps the faces of one frame together where pieces meet", () => {
    const recording = new Recording(card);
    for (let i = 0; i < 3000; i++) recording.add(i, i, [face(1, 0.5), face(2, 0.5), face(3, 0.5)]);
    for (const time of [1364, 1365, 1366]) assertEquals(recording.at(time).length, 3, `at ${time}`);
    assertEquals([...recording.read()].every(({ faces }) => faces.length === 3), true);
  });

  describe("of a model that knows more", () => {
    const more = {
      ...card,
      target: "intensity" as const,
      aus: [{ au: 4, threshold: 0.5, calibration: [2, 1] as const }, { au: 12, threshold: 0.25 }],
      outputs: ["points", "pose", "gaze", "openness", "visible"] as const,
    };
    const points68 = Array.from({ length: 68 }, (_, i) => [i / 3, 40 - i / 7] as const);
    const known: TrackedFace = {
      ...face(1, 0.5),
      aus: [
        {
          au: 4,
          name: "Brow lowerer",
          probability: 0.75,
          threshold: 0.5,
          present: true,
          intensity: 2,
          visible: 1,
        },
        {
          au: 12,
          name: "Lip corner puller",
          probability: 0.5,
          threshold: 0.25,
          present: null,
          visible: 0.25,
        },
      ],
      points68,
      pose: { yaw: 1, pitch: -2, roll: 3.5 },
      gaze: { left: [4, 5], right: [-6, 7] },
      openness: { leftEye: 0.125, rightEye: 0.25, mouth: 0.5 },
    };

    it("gives all of it back, in the recording and on screen", () => {
      const recording = new Recording(more);
      recording.add(0, 0, [face(3, 0.5), known]);
      const [, recorded] = [...recording.read()][0].faces, [, shown] = recording.at(0);
      for (const one of [recorded, shown]) {
        assertEquals([one.pose, one.gaze, one.openness], [known.pose, known.gaze, known.openness]);
        one.points68!.forEach((point, i) =>
          point.forEach((value, k) => assertAlmostEquals(value, points68[i][k], 30 / 4096))
        );
      }
      assertEquals(recorded.visible, [1, 0.25]);
      assertEquals(recorded.intensities, [2, NaN]);
      assertEquals(shown.aus, known.aus);
    });

    it("charts the intensity, and nothing where a unit is hidden", () => {
      const recording = new Recording(more);
      recording.add(0, 0, [known]);
      assertEquals(
        recording.series(1, [0, 1], 0).values.map((list) => [...list].map((v) => v && Math.round(v * 100))),
        [
          [40],
          [null],
        ],
      );
    });
  });
});
