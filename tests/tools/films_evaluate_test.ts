/** `deno task evaluate --films`: the committed model on the committed smile, and on a film that no mesh has read. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { evaluateOnFilms } from "../../tools/films/figures/evaluate_films.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

describe("deno task evaluate --films", () => {
  const printed: string[] = [];
  let folder: string;
  let figures: Awaited<ReturnType<typeof evaluateOnFilms>>;
  const print = console.log;

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    const { success } = await new Deno.Command("ffmpeg", {
      args: [
        "-v",
        "error",
        "-i",
        fixture("smile.webm"),
        "-frames:v",
        "4",
        "-c",
        "copy",
        join(folder, "a.webm"),
      ],
    }).output();
    assert(success);
    Deno.copyFileSync(fixture("astronaut.jpg"), join(folder, "portrait.jpg"));
    console.log = (line: string) => printed.push(line);
    figures = await evaluateOnFilms({
      text: { films: folder, out: join(folder, "figures.json") },
      switches: new Set(),
      settings: {},
    });
    console.log = print;
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  it("finds that the smile is read as it was rendered, on time, and that following does not change it", () => {
    const [smile] = figures.films;
    assertEquals([smile.name, smile.frames, smile.faces, smile.ids], ["smile.mjpeg", 90, 90, 1]);
    assert(smile.smile!.correlation >= 0.9 && smile.smile!.peak <= 1 && Math.abs(smile.smile!.lag) <= 1);
    assertEquals([smile.speech, smile.blinks?.expected], [undefined, 0], "nobody speaks or blinks");
    const { correlation } = figures.agreement.find(({ au }) => au === 12)!;
    assert(correlation >= 0.95, `${correlation}`);
    assertEquals(figures.steadiness.stretches, 3);
  });

  it("says what it measured, and that it knows nothing else of the film", () => {
    const text = printed.join("\n");
    assertStringIncludes(text, "on 1 film and the smile, 94 frames");
    assert(/a\.webm +4\/4 1 {2}nothing spoken, or no readings of the mesh/.test(text), text);
    const written = JSON.parse(Deno.readTextFileSync(join(folder, "figures.json")));
    assertEquals(written.films.map(({ name }: { name: string }) => name), [
      "smile.mjpeg",
      join(folder, "a.webm"),
    ]);
    assertEquals(written.steadiness, figures.steadiness);
  });

  it("wants films", async () => {
    Deno.removeSync(join(folder, "a.webm"));
    const flags = { text: { films: folder }, switches: new Set<string>(), settings: {} };
    await assertRejects(() => evaluateOnFilms(flags), Error, "there are no films, pictures only");
  });
});
