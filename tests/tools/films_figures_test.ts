/** What `deno task evaluate --films` makes of readings: by plain loops, and by readings whose answer is known. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import {
  agreementOf,
  blinksOf,
  type KnownFilm,
  restingStretches,
  sharesOf,
  smileOf,
  speechOf,
  steadinessOf,
} from "../../tools/films/figures/figures.ts";
import { filmDigest, readMesh } from "../../tools/films/figures/mesh.ts";
import type { Sample } from "../../tools/films/figures/read_both.ts";
import {
  correlationOf,
  deviationOf,
  dipsOf,
  lagOf,
  stillStretches,
} from "../../tools/films/figures/series.ts";
import { randomOf } from "../web/compositions.ts";

const card = { aus: [1, 12, 25].map((au) => ({ au, threshold: 0.5 })) };
const frames = (count: number, value: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => value(i));

/** A frame with these strengths of AU1, AU12 and AU25, each present from 2.5 on, and eyes and mouth that are so far open. */
function sample(strengths: readonly number[], eyes = 0.2, mouth = 0): Sample {
  return {
    strengths,
    present: strengths.map((value) => Number.isNaN(value) ? null : value >= 2.5),
    openness: { leftEye: eyes, rightEye: eyes, mouth },
  };
}

function film(followed: KnownFilm["followed"], alone = followed, more: Partial<KnownFilm> = {}): KnownFilm {
  return { name: "a", times: followed.map((_, i) => i / 25), followed, alone, ids: 1, ...more };
}

describe("series of numbers", () => {
  it("correlate over the frames that both know", () => {
    // By hand: deviations -1, 0, 1 and -1, -1, 2; 3 / sqrt(2 * 6).
    assertAlmostEquals(correlationOf([1, NaN, 2, 3], [0, 9, 0, 3]), 3 / Math.sqrt(12), 1e-12);
    assert(Number.isNaN(correlationOf([1, 2], [1, 2])) && Number.isNaN(correlationOf([1, 1, 1], [1, 2, 3])));
    assertAlmostEquals(deviationOf([1, NaN, 3]), 1, 1e-12);
  });

  it("rest where none of them changes by more than its limit", () => {
    const steps = [0, 0, 0, 0, 5, 5, 5, 5, 5, 9, NaN, 9, 9, 9, 9];
    assertEquals(stillStretches([steps], [1], 4), [{ from: 0, to: 4 }, { from: 4, to: 9 }, {
      from: 11,
      to: 15,
    }]);
    const other = frames(15, (i) => i < 7 ? 0 : 1);
    assertEquals(stillStretches([steps, other], [1, 0.5], 3), [
      { from: 0, to: 4 },
      { from: 4, to: 7 },
      { from: 11, to: 15 },
    ]);
  });

  it("dip below what is usual, and rise again", () => {
    const open = frames(40, (i) => i >= 10 && i < 13 ? 0.02 : i >= 30 && i < 32 ? 0.15 : 0.2);
    assertEquals(dipsOf(open, 0.5, 0.7), [{ from: 10, to: 13 }]);
    assertEquals(dipsOf(open, 0.8, 0.9), [{ from: 10, to: 13 }, { from: 30, to: 32 }]);
  });

  it("lag behind one another by the shift that fits best", () => {
    const wave = (shift: number) => frames(60, (i) => Math.exp(-(((i - 30 - shift) / 6) ** 2)));
    assertEquals([lagOf(wave(2), wave(0), 5), lagOf(wave(-3), wave(0), 5), lagOf(wave(0), wave(0), 5)], [
      2,
      -3,
      0,
    ]);
  });
});

describe("figures of films", () => {
  it("tell where following changes what is read, and what never moves", () => {
    const random = randomOf(1), noise = frames(80, () => random());
    const followed = noise.map((value, i) => sample([value, i / 20, 1]));
    const alone = noise.map((value, i) => sample([1 - value, i / 20, 1]));
    const [brow, smile, lips] = agreementOf([film(followed, alone), film(followed, alone)], card);
    assertAlmostEquals(brow.correlation, -1, 1e-9);
    assertAlmostEquals(smile.correlation, 1, 1e-9);
    assert(Number.isNaN(lips.correlation));
    assertEquals([brow.au, lips.deviation], [1, 0]);
  });

  it("take trembling from resting stretches alone, by what was rendered or by the mesh", () => {
    const rendered = frames(30, (i) => i < 10 || i >= 20 ? 0 : 3);
    const tremble = (i: number, by: number) => i % 2 === 0 ? 1 + by : 1 - by;
    const read = (by: number) => frames(30, (i) => i).map((i) => sample([tremble(i, by), rendered[i], 0]));
    const { stretches, frames: count, units: [brow, smile] } = steadinessOf(
      [film(read(0.1), read(0.4), { rendered })],
      card,
    );
    assertEquals([stretches, count], [2, 20]);
    assertAlmostEquals(brow.followed, 0.1, 1e-9);
    assertAlmostEquals(brow.alone, 0.4, 1e-9);
    assertAlmostEquals(smile.followed, 0, 1e-9);
    const still = frames(30, () => 0.01), chin = frames(30, () => 2), lids = frames(30, () => 0.14);
    const open = frames(30, (i) => i < 12 ? 0.01 : 0.3);
    const known = (lips: number[]) => film(read(0), read(0), { mesh: { lips, chin, lids } });
    assertEquals(restingStretches(known(still)), [{ from: 0, to: 30 }]);
    assertEquals(restingStretches(known(open)), [{ from: 0, to: 12 }], "an open mouth is no resting one");
    assertEquals(restingStretches(film(read(0))), []);
  });

  it("compare mouth, lids and brows with the mesh frame by frame", () => {
    const lips = frames(50, (i) => 0.1 + 0.1 * Math.sin(i / 3)), chin = frames(50, () => 2);
    const shut = (i: number, at: number) => i >= at && i < at + 3;
    const mesh = { lips, chin, lids: frames(50, (i) => shut(i, 10) || shut(i, 40) ? 0.03 : 0.14) };
    const read = frames(50, (i) => i).map((i) =>
      i === 0 ? undefined : sample(
        [i < 25 ? 3 : NaN, i < 5 ? 3 : 0, 20 * lips[i]],
        shut(i, 11) || shut(i, 25) ? 0.01 : 0.2,
        lips[i],
      )
    );
    const spoken = film(read, read, { mesh }), speech = speechOf(spoken, card)!;
    assertAlmostEquals(speech[25]!.lips, 1, 1e-9);
    assertAlmostEquals(speech.mouth.both, 1, 1e-9);
    assertEquals(speech[26], undefined);
    const { expected, found, same } = blinksOf(spoken)!;
    assertEquals([expected, found, same], [2, 2, 1]);
    assertEquals(sharesOf(spoken, card, [1, 12, 25]).map((share) => Number(share.toFixed(3))), [
      1,
      Number((4 / 49).toFixed(3)),
      Number((frames(49, (i) => lips[i + 1]).filter((gap) => 20 * gap >= 2.5).length / 49).toFixed(3)),
    ]);
  });

  it("find a smile that comes late", () => {
    const rendered = frames(60, (i) => Math.max(0, 4 - Math.abs(i - 30) / 3));
    const read = frames(60, (i) => i).map((i) => sample([0, rendered[Math.max(0, i - 2)], 0]));
    const smile = smileOf(film(read, read, { rendered }), card)!;
    assertEquals([smile.lag, smile.peak], [2, 2]);
    assert(smile.correlation > 0.9 && smile.correlation < 1);
  });

  it("know the mesh's readings of the committed smile, frame by frame, and say where a line is none", () => {
    const smile = fileURLToPath(new URL("../faces/smile.mjpeg", import.meta.url)), all = readMesh();
    const mesh = all.get(filmDigest(smile));
    assertEquals([mesh?.lips.length, mesh?.lids.every(Number.isFinite)], [90, true]);
    for (const { lips, chin, lids } of all.values()) {
      assertEquals([chin.length, lids.length], [lips.length, lips.length]);
    }
    const file = Deno.makeTempFileSync();
    Deno.writeTextFileSync(file, '{"sha256":"a","frames":[null,[0.1,2,0.1]]}\n{"sha256":"b"}\n');
    assertThrows(() => readMesh(file), Error, "Line 2 of ");
    Deno.removeSync(file);
  });
});
