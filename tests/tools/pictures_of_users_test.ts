/** What users give to programs: pictures that stand on their heads, whose pixels are damaged, with colour profiles. */
import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { openDecoder } from "@emoco/serve/decode";
import { BlazeFace } from "@emoco/web/face-finder";
import type { OrtLike } from "@emoco/web/inference";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as native from "onnxruntime-node";
import * as wasm from "onnxruntime-web";
import sharp from "sharp";
import { LocalDetector } from "../../serve/image_detector.ts";
import { hurtOf } from "../serve/decoding.ts";
import { PROFILES, withProfile } from "../serve/profiles.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const portrait = join(root, "tests/fixtures/astronaut.jpg");

/** The detector of the server, on either engine. */
async function openLocal(engine: "native" | "wasm"): Promise<LocalDetector> {
  const ort = (engine === "native" ? native : wasm) as unknown as OrtLike;
  const read = (name: string) => Deno.readFile(join(root, "web/model", name));
  return await LocalDetector.open({
    model: await read("emoco.onnx"),
    card: await read("emoco.json"),
    ort,
    engine,
    decoder: await openDecoder(engine),
    finder: await BlazeFace.load({ model: await read("blazeface.onnx"), ort }),
  }, {});
}

describe("pictures of users", () => {
  let folder: string;
  beforeAll(() => {
    folder = Deno.makeTempDirSync();
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  const detect = (...args: string[]) => run("detect", ...args);

  async function run(tool: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--allow-read", "--allow-write", "--allow-env", "--allow-ffi"],
        ...["--allow-run=ffmpeg", `tools/${tool}.ts`, ...args],
      ],
      cwd: root,
    }).output();
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { stdout: out, stderr: error };
  }

  it("that stand on their heads are read with every point where it is, by the program", async () => {
    const over = join(folder, "over.png");
    await sharp(portrait).rotate(180).png().toFile(over);
    const { stdout } = await detect("--json", portrait, over);
    const [[face], [turned, ...more]] = JSON.parse(stdout).images.map((image: { faces: unknown }) =>
      image.faces
    );
    assertEquals(more, []);
    const places: [number, number][] = [...Object.values(face.points), ...face.points68] as [
      number,
      number,
    ][];
    const seen: [number, number][] = [...Object.values(turned.points), ...turned.points68] as [
      number,
      number,
    ][];
    assertEquals(seen.length, 72);
    // The eyes are 46 pixels apart.
    places.forEach(([x, y], i) =>
      assertLess(Math.hypot(512 - x - seen[i][0], 512 - y - seen[i][1]), 5, `${i}`)
    );
    assertEquals(
      turned.aus.map(({ au, present }: { au: number; present: boolean }) => [au, present]),
      face.aus.map(({ au, present }: { au: number; present: boolean }) => [au, present]),
    );
  });

  it("whose pixels are damaged are read with a warning, by the program and by the server", async () => {
    const bytes = new Uint8Array(await Deno.readFile(portrait)),
      hurt = hurtOf(bytes),
      path = join(folder, "hurt.jpg");
    Deno.writeFileSync(path, hurt);
    const said = "Warning: the file is damaged, some of its pixels are not what they were.";
    assertStringIncludes((await detect(path)).stdout, said);
    assert(!(await detect(portrait)).stdout.includes(said));
    const { images } = await (await openLocal("native")).detect([hurt, bytes]);
    assertEquals(images.map(({ warnings }) => warnings), [["damaged"], undefined]);
  });

  it("whose pixels are damaged are named by the programs that make faces of them", async () => {
    const photos = join(folder, "photos"), bytes = new Uint8Array(await Deno.readFile(portrait));
    for (const [emotion, content] of [["happy", hurtOf(bytes)], ["sad", bytes]] as const) {
      Deno.mkdirSync(join(photos, emotion), { recursive: true });
      Deno.writeFileSync(join(photos, emotion, `${emotion}.jpg`), content);
    }
    const aligned = await run("align", `--in=${photos}`, `--out=${join(folder, "aligned")}`);
    assertStringIncludes(
      aligned.stdout,
      "Damaged photos, of which some pixels are not what they were: happy/happy.jpg.\n",
    );
    const out = join(folder, "manifest"),
      made = await run("manifest", "folder", `--root=${photos}`, `--out=${out}`);
    assertStringIncludes(made.stdout, "  damaged pictures: 1\n");
    const problems = Deno.readTextFileSync(join(out, "problems.tsv"));
    assertEquals(problems, "damaged pictures\thappy/happy.jpg\t1\n");
  });

  it("with a colour profile are read alike by both engines", async () => {
    const engines = await Promise.all([openLocal("native"), openLocal("wasm")]);
    const png = await sharp(portrait).png().toBuffer();
    for (const [profile, icc] of Object.entries(PROFILES)) {
      const bytes = withProfile(png, "png", icc());
      const [one, other] = await Promise.all(
        engines.map(async (engine) => (await engine.detect([bytes])).images[0].faces[0].aus),
      );
      one.forEach(({ au, probability }, i) =>
        assertLess(Math.abs(probability - other[i].probability), 0.03, `${profile}: AU${au}`)
      );
      assertEquals(one.map(({ present }) => present), other.map(({ present }) => present), profile);
    }
  });

  it("in films whose pixels are not square have the faces of a film whose pixels are", async () => {
    const film = async (name: string, filter: string) => {
      const { code, stderr } = await new Deno.Command("ffmpeg", {
        args: [
          ...["-y", "-loglevel", "error", "-loop", "1", "-i", portrait, "-t", "0.4", "-r", "10"],
          ...["-vf", filter, "-pix_fmt", "yuv420p", "-crf", "8", join(folder, name)],
        ],
      }).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
    };
    await film("square.mp4", "scale=512:512,setsar=1");
    await film("wide.mp4", "scale=360:512,setsar=64/45");
    const out = join(folder, "tables");
    const { stderr } = await detect(join(folder, "square.mp4"), join(folder, "wide.mp4"), `--out=${out}`);
    const rows = ["square.csv", "wide.csv"].map((name) => {
      const [head, ...lines] = Deno.readTextFileSync(join(out, name)).trim().split("\n").map((line) =>
        line.split(",")
      );
      return lines.map((cells) => Object.fromEntries(head.map((column, i) => [column, Number(cells[i])])));
    });
    assertEquals(rows.map(({ length }) => length), [4, 4], stderr);
    rows[0].forEach((square, i) => {
      for (const column of ["x", "y", "width", "height"]) {
        assertLess(Math.abs(square[column] - rows[1][i][column]), 6, `${column} of frame ${i}`); // of a box of 106
      }
    });
  });
});
