/** `--precision=bfloat16`: refused where the step would not have it, close to float32 where it has. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { EngineError } from "../../../train/engine/backend.ts";
import { checkPrecision } from "../../../train/engine/precision.ts";
import { drawFaces, metricLines, pretrain, TINY } from "../toy_faces.ts";
import { openSmallStep, SWITCHES } from "./traced_step.ts";

/** Why this machine has no bfloat16; undefined where it has. */
function missing(): string | undefined {
  try {
    checkPrecision("bfloat16", false);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.message;
  }
}

describe("bfloat16", () => {
  it("keeps within 2 % of float32's losses for 30 steps, and is not float32, or is refused", async () => {
    const refusal = missing();
    if (refusal) return assertStringIncludes(refusal, "has no instructions for it (avx512_bf16, amx_bf16)");
    const exact = openSmallStep(SWITCHES.paper, {});
    const coarse = [0, 1].map(() => openSmallStep(SWITCHES.paper, { precision: "bfloat16" }));
    try {
      let furthest = 0;
      for (let step = 1; step <= 30; step++) {
        const { loss: [expected] } = await exact.runner.run(exact.next(16));
        const [given, again] = [
          await coarse[0].runner.run(coarse[0].next(16)),
          await coarse[1].runner.run(coarse[1].next(16)),
        ];
        assertEquals(given, again, `step ${step} is not the same twice`);
        furthest = Math.max(furthest, Math.abs(given.loss[0] / expected - 1));
      }
      assert(furthest > 1e-5 && furthest < 0.02, `losses differ by ${furthest}`);
      const state = await coarse[0].runner.readState();
      for (const members of Object.values(state)) {
        for (const { values } of Object.values(members)) {
          assert(values instanceof Float32Array || values instanceof Int32Array);
        }
      }
    } finally {
      for (const { runner } of [exact, ...coarse]) runner.dispose();
    }
  });

  it("is refused with --eager", () => {
    assertThrows(() => checkPrecision("bfloat16", true), EngineError, "--eager runs without one");
    checkPrecision("float32", true);
  });

  it("is a setting of a run", async () => {
    const folder = await Deno.makeTempDir();
    try {
      await drawFaces(folder, 20);
      const one = await pretrain(folder, ...TINY, "--epochs=1", "--name=half", "--precision=half");
      assertEquals(one.code, 1);
      assertStringIncludes(one.stderr, 'precision is "half"; it can be float32, bfloat16.');
      const start = ["--epochs=1", "--name=coarse", "--precision=bfloat16"];
      const { code, stderr } = await pretrain(folder, ...TINY, ...start);
      const refusal = missing();
      if (refusal) {
        assertEquals([code, stderr.includes(refusal)], [1, true]);
        return;
      }
      assertEquals(code, 0, stderr);
      assertEquals(
        JSON.parse(Deno.readTextFileSync(join(folder, "runs/coarse/config.json"))).precision,
        "bfloat16",
      );
      for (const metric of metricLines(folder, "coarse").filter(({ type }) => type === "step")) {
        assert(Number.isFinite(metric.loss));
      }
      const other = await pretrain(folder, "--resume", "--name=coarse", "--precision=float32");
      assertStringIncludes(other.stderr, "precision is ");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
