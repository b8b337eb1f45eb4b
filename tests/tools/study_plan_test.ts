import { override } from "../../train/runs/settings.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fig4, LAMBDAS } from "../../tools/study/fig4.ts";
import { PARTS } from "../../tools/study/parts.ts";
import { photographs } from "../../tools/study/photographs.ts";
import { bestRate, rivals } from "../../tools/study/rivals.ts";
import { encoderName, type StudyRun } from "../../tools/study/run.ts";
import { encoderOf, ROWS, table4 } from "../../tools/study/table4.ts";
import { quick, settingsOf } from "../../train/config.ts";
import { UsageError } from "../../train/runs/flags.ts";
import { drawFaces, writeManifest } from "../train/toy_faces.ts";
import { ASKED, result } from "./study_results.ts";

/** Settings of a run's pretraining that differ from EmoCo's. */
async function changed({ encoder }: StudyRun) {
  const { presets } = await settingsOf(encoder.method as "emoco");
  const pairs = encoder.settings.map((setting) => setting.slice(2).split("=") as [string, string]);
  const config = override(presets.quick, Object.fromEntries(pairs));
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => value !== quick[key as keyof typeof quick]),
  );
}

describe("plans of the study", () => {
  it("leave each component of Table IV out, under both protocols, seed by seed", async () => {
    const runs = table4.plan(ASKED, []);
    assertEquals(new Set(runs.map(({ name }) => name)).size, runs.length);
    for (const { title } of ROWS) {
      for (const protocol of ["linear", "finetune"]) {
        const seeds = runs.filter((run) => run.row === title && run.protocol === protocol);
        assertEquals(seeds.map(({ seed }) => seed), [0, 1, 2], `${title} ${protocol}`);
      }
    }
    const switches = async (label: string) =>
      await changed(runs.find(({ encoder }) => encoder.label === label)!);
    assertEquals(await switches("emoco"), {});
    assertEquals(await switches("emocoSingle"), { queues: "single" });
    assertEquals(await switches("emocoL2"), { normalization: "l2" });
    assertEquals(await switches("emotion"), { losses: "emotion" });
    assertEquals(await switches("mocoMulti"), { normalization: "l2", losses: "contrastive" });
    assertEquals(await switches("moco"), { queues: "single", normalization: "l2", losses: "contrastive" });
  });

  it("vary lambda alone in Fig. 4, and share the encoder at the preset's lambda", async () => {
    const runs = fig4.plan(ASKED, []);
    assertEquals(runs.length, 2 * 2 * 2 * LAMBDAS.length);
    for (const run of runs) {
      const { emotionWeight = quick.emotionWeight, ...others } = await changed(run);
      assertEquals(emotionWeight, run.at);
      assertEquals(others, run.row === "EmoCo" ? {} : { normalization: "l2" });
    }
    const own = runs.find((run) => run.at === quick.emotionWeight && run.row === "EmoCo")!;
    assertEquals(encoderName(ASKED, own.encoder), encoderName(ASKED, encoderOf("emoco", 0)));
  });

  it("never let two settings of a pretraining meet under one name, across all parts", async () => {
    await rivals.prepare!(ASKED);
    const settings = new Map<string, string>();
    for (const part of PARTS) {
      for (const { encoder, above } of part.plan(ASKED, [])) {
        for (const one of above ? [encoder, above] : [encoder]) {
          const name = encoderName(ASKED, one), now = JSON.stringify(one);
          assertEquals(settings.get(name) ?? now, now);
          settings.set(name, now);
        }
      }
    }
    const emoco = encoderOf("emoco", 0);
    assertEquals(encoderName(ASKED, emoco), "study-e40-emoco-0");
    assertEquals(encoderName({ ...ASKED, data: "/there/more" }, emoco), "study-more-e40-emoco-0");
    assertEquals(encoderName({ ...ASKED, epochs: 1 }, emoco), "study-e1-emoco-0");
  });

  it("try three rates of every method, and go on with the one that held-back people choose", async () => {
    const asked = { ...ASKED, methods: ["emoco", "simclr"], seeds: 2 };
    await rivals.prepare!(asked);
    const first = rivals.plan(asked, []);
    assertEquals(
      first.filter(({ protocol }) => protocol === "rate").map(({ row, at, seed }) => [row, at, seed]),
      ["EmoCo", "SimCLR"].flatMap((row) => [1, 0.5, 2].map((rate) => [row, rate, 0])),
    );
    assertEquals(first.filter(({ protocol }) => protocol === "linear").map(({ row }) => row), [
      "random encoder",
      "random encoder",
    ]);
    const tried = (row: string, scores: number[]) =>
      [1, 0.5, 2].map((at, i) => result(row, 0, NaN, { protocol: "rate", at, heldBackF1: scores[i] }));
    const simclr = tried("SimCLR", [0.3, 0.2, 0.4]);
    assertEquals(bestRate("simclr", simclr.slice(0, 2)), undefined);
    const runs = rivals.plan(asked, [...simclr, ...tried("EmoCo", [0.5, 0.4, 0.4])])
      .filter(({ protocol, row }) => protocol === "linear" && row !== "random encoder");
    assertEquals(runs.map(({ row, at, seed }) => [row, at, seed]), [
      ["EmoCo", 1, 0],
      ["SimCLR", 2, 0],
      ["EmoCo", 1, 1],
      ["SimCLR", 2, 1],
    ]);
    const { presets } = await settingsOf("simclr");
    const rate = 2 * presets.quick.baseLearningRate;
    assertEquals(runs[1].encoder.settings, [`--baseLearningRate=${Number(rate.toPrecision(6))}`]);
  });

  it("give a method with fewer clips as many updates as the others", async () => {
    const folder = await Deno.makeTempDir();
    const drawn = await drawFaces(folder, 1);
    // Four videos of fourteen frames: the twelve frames of a ranking begin at few of them.
    const lines = Array.from({ length: 56 }, (_, i) => ({
      ...drawn[i % drawn.length],
      split: "pretrain",
      video: `v${Math.floor(i / 14)}`,
      frame: i % 14,
    }));
    await writeManifest(folder, lines);
    const asked = { ...ASKED, data: folder, clips: true };
    await rivals.prepare!(asked);
    const epochsOf = (method: string) =>
      rivals.plan(asked, []).find(({ encoder }) => encoder.method === method)!.encoder.settings
        .filter((setting) => setting.startsWith("--epochs"));
    assertEquals(rivals.plan(asked, []).filter(({ protocol }) => protocol === "rate").length, 33);
    assertEquals(epochsOf("fabnet"), []); // every frame has another one
    const { presets, clip } = await settingsOf("temporal-ranking");
    const shape = clip!(presets.quick);
    assert(shape.kind === "run");
    const anchors = 4 * (14 - Math.max(...shape.distances));
    assertEquals(epochsOf("temporal-ranking"), [`--epochs=${Math.round(40 * 56 / anchors)}`]);
    await Deno.remove(folder, { recursive: true });
  });

  it("learn alike for photographs whatever the encoder, nobody of `test`", () => {
    const runs = photographs.plan({ ...ASKED, photos: "photos" }, []);
    assertEquals(runs.length, 2 * 4 * 3);
    for (const protocol of ["linear", "finetune"]) {
      const ways = runs.filter((run) => run.protocol === protocol)
        .map(({ settings, split }) => JSON.stringify([settings, split]));
      assertEquals(new Set(ways).size, 1);
      assertStringIncludes(ways[0], '"au"');
    }
  });
});

describe("parts of the study", () => {
  it("say what they were not given, before anything is trained", () => {
    assertThrows(() => photographs.demand!(ASKED), UsageError, "--only=photographs needs --photos=DIR");
    const asked = (...methods: string[]) => () => rivals.demand!({ ...ASKED, methods });
    assertThrows(asked("tcae"), UsageError, "tcae needs clips; make some with deno task faces --clips");
    assertThrows(asked("emoco", "dino"), UsageError, '"dino" is none; methods are emoco, moco, ancor,');
    rivals.demand!({ ...ASKED, methods: ["tcae"], clips: true });
  });
});
