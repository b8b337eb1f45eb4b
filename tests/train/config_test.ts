import { ConfigError, override } from "../../train/runs/settings.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { checkPretrainConfig, paper, PRESETS, type PretrainConfig, quick } from "../../train/config.ts";
import { readFlags, UsageError, wholeNumber } from "../../train/runs/flags.ts";
import { cosine } from "../../train/nets/optimizer.ts";
import { queueSizes } from "../../train/nets/queue.ts";

describe("the paper preset", () => {
  it("is the paper's setting, field by field, and MoCo v2's where the paper is silent", () => {
    const typed: PretrainConfig = {
      // III-C: one queue of 65,536 keys an emotion, intra-class normalisation, both losses with lambda = 1.
      queues: "per-emotion",
      queueSize: 65536,
      normalization: "intra-class",
      losses: "both",
      classifierInput: "unit",
      rateCycles: 1,
      emotionWeight: 1,
      temperature: 0.2,
      encoderMomentum: 0.999,
      // IV-B: ResNet-50, head 2048-128, SGD 0.9 / 1e-4, batch 256, 200 epochs, lr 0.03, synchronised batch norm.
      backbone: "resnet50",
      width: 1,
      stem: "imagenet",
      projectionSize: 2048,
      embeddingSize: 128,
      sgdMomentum: 0.9,
      weightDecay: 0.0001,
      batchSize: 256,
      epochs: 200,
      baseLearningRate: 0.03,
      batchNorm: "sync",
      imageSize: 224,
      cropScale: [0.2, 1],
      // MoCo v2: random keys at first, its augmentations, eight parts where batch norm is split.
      queueFill: "random",
      views: "moco-v2",
      batchNormGroups: 8,
      // Ours: every face once an epoch, float32; how a run is watched.
      sampling: "natural",
      precision: "float32",
      heldBack: 0.1,
      evaluateEvery: 10,
      logEvery: 50,
      checkpointEvery: 1000,
      seed: 0,
    };
    assertEquals({ ...paper }, typed);
    checkPretrainConfig(paper);
    checkPretrainConfig(quick);
    assertEquals(Object.keys(PRESETS), ["quick", "paper"]);
  });

  it("holds the paper's queues and schedule", () => {
    assertEquals(
      queueSizes(paper.queueSize, paper.queues, [9, 9, 9, 9, 9, 3800, 9], 256),
      Array(7).fill(65536),
    );
    assertEquals(queueSizes("auto", "per-emotion", [400_000, 20_000, 100, 0, 0, 0, 0], 256), [
      65536,
      5000,
      ...Array(5).fill(512),
    ]);
    const steps = 200 * 1000;
    assertEquals(cosine(0.03, 0, steps), 0.03);
    assertEquals(Math.abs(cosine(0.03, steps / 2, steps) - 0.015) < 1e-12, true);
  });
});

describe("override", () => {
  it("takes numbers, words, pairs and the two kinds of a queue's size", () => {
    const changed = override(quick, {
      epochs: "3",
      backbone: "resnet34",
      cropScale: "0.3,0.9",
      queueSize: "128",
      baseLearningRate: "1e-3",
    });
    assertEquals(
      [changed.epochs, changed.backbone, changed.cropScale, changed.queueSize, changed.baseLearningRate],
      [3, "resnet34", [0.3, 0.9], 128, 0.001],
    );
    assertEquals(override(paper, { queueSize: "auto" }).queueSize, "auto");
    assertEquals(override(quick, {}), { ...quick });
  });

  it("refuses an unknown key, listing the known ones, and a value of another type", () => {
    const keys = Object.keys(quick).join(", ");
    assertThrows(
      () => override(quick, { epoch: "3" }),
      ConfigError,
      `--epoch is no setting. Settings are: ${keys}.`,
    );
    assertThrows(() => override(quick, { constructor: "3" }), ConfigError, "--constructor is no setting");
    for (
      const [key, text, kind] of [
        ["epochs", "many", "a number"],
        ["epochs", " ", "a number"],
        ["epochs", "Infinity", "a number"],
        ["cropScale", "0.5", "2 numbers"],
        ["cropScale", "a,b", "2 numbers"],
        ["queueSize", "big", 'a number or "auto"'],
      ]
    ) {
      assertThrows(
        () => override(quick, { [key]: text }),
        ConfigError,
        `--${key}=${text}: ${key} takes ${kind}`,
      );
    }
  });
});

describe("checkPretrainConfig", () => {
  it("names the setting that cannot be", () => {
    const wrong: [keyof PretrainConfig, unknown, string][] = [
      ["backbone", "resnet99", "it can be resnet18, resnet34, resnet50"],
      ["losses", "none", "it can be both, emotion, contrastive"],
      ["epochs", 1.5, "a whole number of at least 1"],
      ["batchSize", 1, "at least 2"],
      ["imageSize", 16, "at least 32"],
      ["seed", -1, "at least 0"],
      ["width", 0, "above 0"],
      ["temperature", 0, "above 0"],
      ["encoderMomentum", 1.1, "between 0 and 1"],
      ["sgdMomentum", 1, "below 1"],
      ["heldBack", 0, "between 0 and 1"],
      ["heldBack", 1, "between 0 and 1"],
      ["cropScale", [0.9, 0.2], "0 < least <= most <= 1"],
      ["queueSize", 63, "at least one batch (64)"],
      ["queueSize", 100.5, "a whole number"],
      ["emotionWeight", NaN, "a number of at least 0"],
    ];
    for (const [key, value, words] of wrong) {
      const config = { ...quick, [key]: value } as PretrainConfig;
      const error = assertThrows(() => checkPretrainConfig(config), ConfigError, words);
      assertEquals(error.message.startsWith(key), true, error.message);
    }
    assertThrows(
      () => checkPretrainConfig({ ...quick, batchNorm: "split", batchNormGroups: 5 }),
      ConfigError,
      "it must divide batchSize (64)",
    );
  });
});

describe("readFlags", () => {
  const known = {
    name: { kind: "text", help: "" },
    resume: { kind: "switch", help: "" },
  } as const;

  it("tells texts, switches and settings apart", () => {
    const flags = readFlags(["--", "--name=a=b", "--resume", "--epochs=3"], known, true);
    assertEquals([flags.text, [...flags.switches], flags.settings], [{ name: "a=b" }, ["resume"], {
      epochs: "3",
    }]);
    assertEquals(readFlags(["--name", "x"], known, false).text, { name: "x" });
  });

  it("says what a command line lacks", () => {
    for (
      const [args, words] of [
        [["word"], '"word" stands alone'],
        [["--resume=yes"], "--resume takes no value."],
        [["--name="], "--name needs a value: --name=..."],
        [["--epochs"], "--epochs needs a value: --epochs=... (without one there are --resume only)."],
      ] as const
    ) assertThrows(() => readFlags(args, known, true), UsageError, words);
    assertThrows(
      () => readFlags(["--epochs=3"], known, false),
      UsageError,
      "--epochs is no option. Options are: --name, --resume.",
    );
  });
});

describe("wholeNumber", () => {
  it("takes digits within its bounds and says in a sentence what else it was given", () => {
    assertEquals([
      wholeNumber("seed", "0", 0),
      wholeNumber("size", "007"),
      wholeNumber("port", "65535", 0, 65535),
    ], [
      0,
      7,
      65535,
    ]);
    for (const text of ["", " ", "0", "-1", "1.5", "1e3", "0x10", "seven", "Infinity", "65536"]) {
      assertThrows(
        () => wholeNumber("port", text, 1, 65535),
        UsageError,
        `--port=${text}: it must be a whole number from 1 to 65535.`,
      );
    }
    assertThrows(() => wholeNumber("rounds", "0"), UsageError, "a whole number of at least 1.");
  });
});
