import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ACTION_UNITS, actionUnit, EMOTIONS } from "@emoco/web/facs";

describe("EMOTIONS", () => {
  it("keeps AffectNet's order", () => {
    assertEquals([...EMOTIONS], ["neutral", "happy", "sad", "surprise", "fear", "disgust", "anger"]);
  });
});

describe("ACTION_UNITS", () => {
  it("holds the project's units once each, by rising number", () => {
    const numbers = [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43, 45];
    assertEquals(ACTION_UNITS.map((unit) => unit.au), numbers);
  });

  it("has a name of its own, a muscle and one whole sentence for each unit", () => {
    assertEquals(new Set(ACTION_UNITS.map((unit) => unit.name)).size, ACTION_UNITS.length);
    assertEquals(new Set(ACTION_UNITS.map((unit) => unit.movement)).size, ACTION_UNITS.length);
    for (const { name, muscle, movement } of ACTION_UNITS) {
      assert(name.length > 3 && muscle.length > 3, name);
      assert(/^[A-Z].*\.$/.test(movement), movement);
    }
  });

  it("cannot be changed by those who read it", () => {
    assertThrows(() => (ACTION_UNITS as unknown[]).push({}), TypeError);
    assertThrows(() => Object.assign(ACTION_UNITS[0], { au: 99 }), TypeError);
  });
});

describe("actionUnit", () => {
  it("finds every unit by its number", () => {
    for (const unit of ACTION_UNITS) assertEquals(actionUnit(unit.au), unit);
    assertEquals(actionUnit(12).name, "Lip corner puller");
  });

  it("names the number it does not know when asked for one", () => {
    const error = assertThrows(() => actionUnit(3), RangeError, "AU3 ");
    assertStringIncludes(error.message, "1, 2, 4");
    assertThrows(() => actionUnit(12.5), RangeError, "AU12.5");
  });
});
