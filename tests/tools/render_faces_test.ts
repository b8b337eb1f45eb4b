import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { main } from "../../tools/render_faces.ts";
import { syntheticArrays, syntheticPack } from "./synthetic_head.ts";

let folder: string;
const options = ["--count=7", "--subjects=3", "--size=32", "--seed=5"];
beforeAll(async () => {
  folder = await Deno.makeTempDir();
  await Deno.writeFile(`${folder}/head.npz`, syntheticPack());
  await main([`--head=${folder}/head.npz`, `--out=${folder}/whole`, ...options, "--workers=2"]);
});
afterAll(() => Deno.remove(folder, { recursive: true }));

const names = (path: string) => [...Deno.readDirSync(path)].map((entry) => entry.name).sort();

describe("render_faces", () => {
  it("writes the faces and a manifest that names them in order", () => {
    const lines = Deno.readTextFileSync(`${folder}/whole/manifest.jsonl`).trimEnd().split("\n").map((line) =>
      JSON.parse(line) as { image: string; subject: string }
    );
    assertEquals(lines.map((line) => line.image), [
      "s5-0000_0.jpg",
      "s5-0000_1.jpg",
      "s5-0001_0.jpg",
      "s5-0001_1.jpg",
      "s5-0002_0.jpg",
      "s5-0002_1.jpg",
      "s5-0002_2.jpg",
    ]);
    assertEquals(names(`${folder}/whole`), [...lines.map((line) => line.image), "manifest.jsonl"].sort());
  });

  it("goes on with an interrupted run and ends with the same bytes", async () => {
    const lines = Deno.readTextFileSync(`${folder}/whole/manifest.jsonl`).split("\n");
    const cut = `${folder}/cut`,
      journal = [`{"count":7,"subjects":3,"size":32,"seed":5}`, lines[2], lines[0]];
    await Deno.mkdir(cut);
    for (const line of [lines[0], lines[2]]) {
      const { image } = JSON.parse(line) as { image: string };
      await Deno.copyFile(`${folder}/whole/${image}`, `${cut}/${image}`);
    }
    // The last line was cut while it was written.
    await Deno.writeTextFile(`${cut}/manifest.part.jsonl`, journal.join("\n") + "\n" + lines[1].slice(0, 30));
    const run = [`--head=${folder}/head.npz`, `--out=${cut}`, "--workers=1", "--resume"];
    await assertRejects(
      () => main([...run, "--seed=6", ...options.slice(0, 3)]),
      Error,
      "give the same options",
    );
    await main([...run, ...options]);
    assertEquals(names(cut), names(`${folder}/whole`));
    for (const name of names(cut)) {
      assertEquals(Deno.readFileSync(`${cut}/${name}`), Deno.readFileSync(`${folder}/whole/${name}`), name);
    }
  });

  it("refuses a folder that holds something else", async () => {
    const run = [`--head=${folder}/head.npz`, `--out=${folder}/whole`, ...options];
    await assertRejects(() => main(run), Error, "is not empty");
    await assertRejects(() => main([...run, "--resume"]), Error, "holds no interrupted run");
  });

  it("says where the public head comes from when there is none", async () => {
    for (const flags of [[], [`--head=${folder}/nowhere.npz`]]) {
      const error = await assertRejects(() => main([...flags, `--out=${folder}/x`]), Error, "ICT-FaceKit");
      assertStringIncludes(error.message, "deno task pack-head");
    }
    assert(!names(folder).includes("x"));
  });

  it("names the expression that a pack lacks", async () => {
    const arrays = syntheticArrays();
    const names = arrays.get("expr")!.data as string[];
    arrays.set("expr", {
      shape: [names.length],
      data: names.map((name) => name.replace("noseSneer", "noseSnare")),
    });
    await Deno.writeFile(`${folder}/poor.npz`, syntheticPack(arrays));
    const run = () => main([`--head=${folder}/poor.npz`, `--out=${folder}/x`]);
    await assertRejects(run, Error, `no expression "noseSneer"`);
  });

  it("names the argument that is wrong", async () => {
    const run = (flag: string) => () => main([`--head=${folder}/head.npz`, `--out=${folder}/x`, flag]);
    await assertRejects(run("--cout=5"), Error, "--cout");
    await assertRejects(run("--size=1.5"), Error, "--size=1.5: it must be a whole number");
    await assertRejects(run("--count=2"), Error, "--count=2 faces cannot show");
    await assertRejects(() => main([`--head=${folder}/head.npz`]), Error, "Nothing to do");
  });
});
