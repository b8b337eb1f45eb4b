import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Face } from "../../../train/input/data.ts";
import { Walk, walkOver } from "../../../train/input/walk.ts";

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
