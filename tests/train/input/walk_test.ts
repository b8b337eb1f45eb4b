import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Face } from "../../../train/input/data.ts";
import { Walk, walkOver, walkOverSets } from "../../../train/input/walk.ts";

describe("Walk", () => {
  it("visits every face once an epoch, in another order each time, and cuts whole batches", () => {
    const walk = new Walk(23, 5);
    const orders = [0, 1, 2].map((epoch) =>
      Array.from({ length: 23 }, (_, i) => {
        const place = walk.at(epoch * 23 + i);
        assertEquals(place.epoch, epoch);
        return place.index;
      })
    );
    for (const order of orders) {
      assertEquals(order.toSorted((i, j) => i - j), Array.from({ length: 23 }, (_, i) => i));
    }
    assertNotEquals(orders[0], orders[1]);
    assertNotEquals(orders[1], orders[2]);
    assertEquals(new Walk(23, 5).at(50), walk.at(50));
    assertNotEquals(Array.from({ length: 23 }, (_, i) => new Walk(23, 6).at(i).index), orders[0]);
  });
});

describe("Walk with classes", () => {
  const classes = [...Array<number>(40).fill(3), ...Array<number>(9).fill(5), ...Array<number>(2).fill(0)];
  const epoch = (walk: Walk, number: number) =>
    Array.from(classes, (_, i) => walk.at(number * classes.length + i));

  it("gives every class an equal part of every epoch", () => {
    const walk = new Walk(classes.length, 5, classes);
    for (let number = 0; number < 6; number++) {
      const counts = [0, 3, 5].map((c) =>
        epoch(walk, number).filter(({ index }) => classes[index] === c).length
      );
      assertEquals(counts, [17, 17, 17]);
    }
  });

  it("goes through all faces of a class before the first comes again, and tells visits of one face apart", () => {
    const walk = new Walk(classes.length, 5, classes);
    const visits = Array.from({ length: 6 }, (_, number) => epoch(walk, number)).flat();
    const of = (index: number) => visits.filter((visit) => visit.index === index).map((visit) => visit.epoch);
    for (const [c, count] of [[3, 40], [5, 9], [0, 2]]) {
      const members = [...classes.keys()].filter((i) => classes[i] === c);
      const visited = members.map((i) => of(i).length);
      assert(Math.max(...visited) - Math.min(...visited) <= 1, `class ${c} of ${count}: ${visited}`);
      for (const i of members) {
        assertEquals(of(i).toSorted((one, other) => one - other), of(i).map((_, round) => round));
      }
    }
  });

  it("depends on seed and epoch only: the same from any place, other for another seed", () => {
    const [walk, again] = [new Walk(classes.length, 5, classes), new Walk(classes.length, 5, classes)];
    const orders = [0, 1, 2, 3].map((number) => epoch(walk, number));
    assertEquals(epoch(again, 3), orders[3]);
    assertNotEquals(orders[0], orders[1]);
    assertNotEquals(epoch(new Walk(classes.length, 6, classes), 0), orders[0]);
  });

  it("is over the emotions where a run asks for balanced sampling", () => {
    const faces = (["happy", "happy", "happy", "fear", "happy", "happy"] as const)
      .map((emotion, i): Face => ({
        image: "",
        line: i,
        subject: "s",
        emotion,
        present: new Map(),
        intensity: new Map(),
        other: {},
      }));
    const drawn = (sampling: "natural" | "balanced") => {
      const walk = walkOver(faces, { seed: 1, sampling });
      return faces.map((_, i) => walk.at(i).index).filter((index) => index === 3).length;
    };
    assertEquals([drawn("natural"), drawn("balanced")], [1, 3]);
  });
});

describe("walkOverSets", () => {
  const faceOf = (set?: string) => ({ other: set === undefined ? {} : { set } }) as unknown as Face;
  const faces = [
    ...Array.from({ length: 400 }, () => faceOf("rendered")),
    ...Array.from({ length: 16 }, () => faceOf("photographs")),
    faceOf(),
  ];

  it("gives every data set a part of the epoch by the root of its size, the nameless ones together", () => {
    const walk = walkOverSets(faces, { sampling: "sets" }, 3), counts = new Map<string, number>();
    for (let i = 0; i < 3 * faces.length; i++) {
      const name = String(faces[walk.at(i).index].other.set);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    // 20, 4 and 1 of 25 parts.
    for (const [name, part] of [["rendered", 20], ["photographs", 4], ["undefined", 1]] as const) {
      assert(
        Math.abs(counts.get(name)! / (3 * faces.length) - part / 25) < 0.01,
        `${name} ${counts.get(name)}`,
      );
    }
    const seen = new Set(
      Array.from({ length: 16 * 7 }, (_, i) => walk.at(i).index).filter((i) => i >= 400 && i < 416),
    );
    assert(seen.size > 10, "a small set is gone through in turn");
  });

  it("is the plain walk where every face counts alike", () => {
    const [one, other] = [walkOverSets(faces, { sampling: "natural" }, 3), new Walk(faces.length, 3)];
    for (let i = 0; i < 900; i += 7) assertEquals(one.at(i), other.at(i));
  });
});
