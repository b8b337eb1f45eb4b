import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaceTracker } from "@emoco/web/face-tracker";

const box = (x: number, y: number, side = 100) => ({ x, y, width: side, height: side });

describe("FaceTracker", () => {
  it("keeps a face's number while it moves, and gives numbers from 1 on", () => {
    const tracker = new FaceTracker();
    for (let i = 0; i < 50; i++) assertEquals(tracker.follow([box(10 + 12 * i, 40 + 3 * i)], i / 15), [1]);
  });

  it("keeps two numbers when the order of the boxes changes", () => {
    const tracker = new FaceTracker();
    assertEquals(tracker.follow([box(0, 0), box(300, 0, 80)], 0), [1, 2]);
    assertEquals(tracker.follow([box(305, 4, 82), box(2, 3)], 0.1), [2, 1]);
  });

  it("keeps two numbers when the faces cross, since each is expected where its speed leads", () => {
    const tracker = new FaceTracker();
    for (let i = 0; i <= 40; i++) {
      const one = box(20 * i, 0), other = box(800 - 20 * i, 30);
      assertEquals(tracker.follow(i % 2 ? [other, one] : [one, other], i / 15), i % 2 ? [2, 1] : [1, 2]);
    }
  });

  it("knows a face again that was out of sight for a moment, and not after four seconds", () => {
    const tracker = new FaceTracker();
    assertEquals(tracker.follow([box(100, 100)], 0), [1]);
    assertEquals(tracker.follow([], 0.5), []);
    assertEquals(tracker.follow([box(110, 100)], 1), [1]);
    assertEquals(tracker.follow([box(110, 100)], 5), [2]);
  });

  it("takes a face elsewhere, or of another size at the same place, for another one", () => {
    const tracker = new FaceTracker();
    tracker.follow([box(0, 0)], 0);
    assertEquals(tracker.follow([box(250, 0)], 0.1), [2]);
    assertEquals(tracker.follow([box(100, -150, 400)], 0.2), [3]);
  });

  it("gives one number to one face only when two boxes are near", () => {
    const tracker = new FaceTracker();
    tracker.follow([box(100, 100)], 0);
    assertEquals(tracker.follow([box(140, 100), box(105, 100)], 0.1), [2, 1]);
  });
});
