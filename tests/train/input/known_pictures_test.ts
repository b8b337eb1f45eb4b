/** A run that goes on notices other pictures under the same names. */
import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { afterAll, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { knowPictures } from "../../../train/input/known_pictures.ts";
import type { Face } from "../../../train/input/data.ts";
import { RunError } from "../../../train/runs/run_folder.ts";
import { drawFaces, pretrain, TINY } from "../toy_faces.ts";
import { drawLabelledFaces, runTask, SHORT, writePretrainedRun } from "../toy_runs.ts";

describe("pictures of a run that goes on", () => {
  let folder: string, faces: Face[];
  beforeEach(async () => {
    folder = await Deno.makeTempDir();
    faces = ["a", "b", "c"].map((name, i) => ({
      image: join(folder, `${name}.jpg`),
      line: i + 1,
      subject: name,
      present: new Map(),
      intensity: new Map(),
      other: {},
    }));
    for (const { image, subject } of faces) Deno.writeTextFileSync(image, `picture ${subject}`);
    knowPictures(folder, faces, false);
  });
  /** Puts other bytes in a picture's place, at another time as any program would, or at the same one. */
  const exchange = (n: number, text: string, hours = 1) => {
    const { mtime } = Deno.statSync(faces[n].image);
    Deno.writeTextFileSync(faces[n].image, text);
    Deno.utimeSync(faces[n].image, new Date(), new Date(mtime!.getTime() + hours * 3.6e6));
  };

  it("are known again, also when they were copied anew", () => {
    knowPictures(folder, faces, true);
    exchange(1, "picture b");
    knowPictures(folder, faces, true);
  });

  it("are refused when one has other bytes, of the same length or not, named with its line", () => {
    for (const text of ["picture B", "another picture", ""]) {
      exchange(1, text);
      const error = assertThrows(() => knowPictures(folder, faces, true), RunError);
      assertStringIncludes(error.message, `The picture ${faces[1].image} (line 2) has changed`);
    }
    exchange(1, "picture b");
    knowPictures(folder, faces, true); // put back
    exchange(0, "another size", 0);
    exchange(2, "picture C");
    const error = assertThrows(() => knowPictures(folder, faces, true), RunError);
    assertStringIncludes(error.message, `2 pictures (the first: ${faces[0].image}, line 1) have changed`);
  });

  it("are noted by a run of before there were notes, and anew by a new run", () => {
    Deno.removeSync(join(folder, "pictures.tsv"));
    exchange(1, "picture B");
    knowPictures(folder, faces, true);
    exchange(1, "picture b", 2);
    assertThrows(() => knowPictures(folder, faces, true), RunError);
    knowPictures(folder, faces, false);
    knowPictures(folder, faces, true);
  });
});

describe("a run whose pictures were exchanged", () => {
  let folder: string;
  const mirror = async (name: string) => {
    const path = join(folder, "faces", name);
    await Deno.writeFile(path, await Deno.readFile(join(folder, "faces/1-happy.jpg")));
    await Deno.utime(path, 1, 1);
  };
  const assertRefused = ({ code, stderr }: { code: number; stderr: string }, name: string) => {
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      new RegExp(`^error: The picture \\S+/faces/${name} \\(line \\d+\\) has changed since [^\n]+\n$`),
    );
  };
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(folder, 8);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("does not go on: pretraining", async () => {
    const given = ["--data=.", "--name=pre", ...TINY, "--epochs=1", "--eager"];
    const { code, stderr } = await pretrain(folder, ...given);
    assertEquals(code, 0, stderr);
    await mirror("3-sad.jpg");
    assertRefused(await pretrain(folder, "--resume", "--name=pre"), "3-sad.jpg");
  });

  it("does not go on: finetuning", async () => {
    await drawLabelledFaces(folder, 8);
    writePretrainedRun(folder, "random-ish", { data: "." });
    const given = ["--data=.", "--from=random-ish", "--name=units", "--folds=2", ...SHORT];
    const { code, stderr } = await runTask("finetune", folder, ...given);
    assertEquals(code, 0, stderr);
    await Deno.remove(join(folder, "runs/units/checkpoint.safetensors")); // as if it had been stopped before
    await mirror("4-sad.jpg");
    assertRefused(await runTask("finetune", folder, "--resume", "--name=units"), "4-sad.jpg");
  });
});
