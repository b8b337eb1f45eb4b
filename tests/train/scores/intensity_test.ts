import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { parseModelCard } from "@emoco/web/model-card";
import { join } from "node:path";
import { writeManifest } from "../toy_faces.ts";
import { drawLabelledFaces, readRunFile, runTask, SHORT, writePretrainedRun } from "../toy_runs.ts";

describe("an intensity model", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const lines = await drawLabelledFaces(join(folder, "faces"), 8); // s00 pretrain, s01 to s06 au, s07 test
    await writeManifest(
      join(folder, "faces"),
      lines.map(({ present: _, ...line }, i) => ({
        ...line,
        intensity: { 4: line.emotion === "anger" ? 4 : i % 3 === 0 ? null : 0, 12: i % 6 },
      })),
    );
    writePretrainedRun(folder, "pre");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("is trained, reported, tested and exported from faces that carry grades only", async () => {
    const given = ["--from=pre", "--data=faces", "--name=graded", "--target=intensity", ...SHORT];
    const trained = await runTask("finetune", folder, ...given);
    assertEquals(trained.code, 0, trained.stderr);
    assertMatch(
      trained.stdout,
      /faces of 6 people, action units 4 12\.\n {2}present: AU4 6 of \d+, AU12 \d+ of 42\.\n/,
    );
    assertStringIncludes(trained.stdout, "Mean of 3 folds (intensity 0 to 5; present from 2 on;");
    assertMatch(trained.stdout, /\nICC\(3,1\) .*\nPCC .*\nMAE .*\nF1 .*\nAUC .*\npositive rate .*\n/);
    const { averages, folds } = JSON.parse(readRunFile(folder, "graded", "folds.json"));
    assert(averages.mae > 0 && averages.mae < 5);
    assertEquals(folds.length, 3);
    assertMatch(
      readRunFile(folder, "graded", "folds.csv"),
      /^fold,au,f1,auc,positiveRate,icc,pcc,mae,count,/,
    );
    const report = readRunFile(folder, "graded", "report.html");
    for (const part of ["mean ICC(3,1)", "<th>MAE</th>", "graded 5", "answer "]) {
      assertStringIncludes(report, part);
    }

    const [tested, exported] = await Promise.all([
      runTask("evaluate", folder, "--data=faces", "--model=graded"),
      runTask("export", folder, "--from=graded", "--licence=test"),
    ]);
    assertEquals([tested.code, exported.code], [0, 0], tested.stderr + exported.stderr);
    assertMatch(
      tested.stdout,
      /on 7 faces of split test [^]*\nICC\(3,1\) [^]*\nskin group \d +7 faces {3}ICC\(3,1\) /,
    );
    const { target, aus } = parseModelCard(JSON.parse(readRunFile(folder, "graded", "emoco.json")));
    assertEquals([target, aus.map(({ threshold }) => threshold)], ["intensity", [0.3, 0.3]]);
  });

  it("refuses a target that there is not, and faces without grades", async () => {
    const complaint = async (...given: string[]) => {
      const { code, stderr } = await runTask("finetune", folder, "--from=pre", ...given);
      assertEquals(code, 1);
      return stderr;
    };
    const [target, labels] = await Promise.all([
      complaint("--data=faces", "--target=valence"),
      complaint("--data=faces", "--target=occurrence"),
    ]);
    assertStringIncludes(target, "target is valence; it can be occurrence or intensity.");
    assertStringIncludes(labels, 'carries action-unit labels ("present").');
  });
});
