/** What all programs share: the walk through folders, the names of outputs, and which output folders are safe. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join, relative } from "node:path";
import { buildFolder } from "../../tools/files/built_folder.ts";
import { claimNames } from "../../tools/files/claim.ts";
import { isPicture } from "../../tools/files/kinds.ts";
import { OutputNames } from "../../tools/files/names.ts";
import { checkOutFolder } from "../../tools/files/out_folder.ts";
import { PassedOver } from "../../tools/files/passed_over.ts";
import { walkFiles } from "../../tools/files/walk.ts";
import { writeTree } from "./data_sets.ts";

let root: string, aside: string;
beforeEach(() => {
  root = Deno.realPathSync(Deno.makeTempDirSync());
  aside = Deno.realPathSync(Deno.makeTempDirSync());
});
afterEach(() => {
  Deno.removeSync(root, { recursive: true });
  Deno.removeSync(aside, { recursive: true });
});
const link = (target: string, path: string) => Deno.symlinkSync(target, join(root, path));

describe("the walk through a folder", () => {
  const walk = (prefers?: (path: string) => boolean) => {
    const passed = new PassedOver(), found = walkFiles(root, isPicture, { passed, prefers });
    return {
      found: found.map((path) => relative(root, path)),
      passed: passed.items.map(({ kind, path }) => [kind, relative(root, path)]),
    };
  };

  it("ends where links lead back, to one another, and nowhere", () => {
    writeTree(root, { "a/1.jpg": "", "b/2.png": "", "b/note.txt": "" });
    for (const folder of ["a", "b"]) {
      link("..", `${folder}/up`);
      link(".", `${folder}/self`);
      link("../a", `${folder}/to_a`);
      link("../b", `${folder}/to_b`);
    }
    link("gone", "broken");
    link("circle", "circle");
    const { found, passed } = walk();
    assertEquals(found, ["a/1.jpg", "b/2.png"]);
    assertEquals(passed, [
      ["broken link", "broken"],
      ["loop", "circle"],
      ["loop", "a/self"],
      ["loop", "a/to_a"],
      ["double", "a/to_b"],
      ["loop", "a/up"],
      ["loop", "b/self"],
      ["double", "b/to_a"],
      ["loop", "b/to_b"],
      ["loop", "b/up"],
    ]);
  });

  it("takes twelve folders that all link to one another once each", () => {
    const names = Array.from({ length: 12 }, (_, i) => `f${String(i).padStart(2, "0")}`);
    for (const name of names) writeTree(aside, { [`${name}/${name}.jpg`]: "" });
    for (const one of names) {
      for (const other of names) Deno.symlinkSync(join(aside, other), join(aside, one, `to_${other}`));
    }
    link(join(aside, "f03"), "in");
    const { found } = walk();
    assertEquals(found.length, 12);
    assertEquals(found.map((path) => path.slice(-7)).sort(), names.map((name) => `${name}.jpg`));
  });

  it("follows links out of the folder once, and into its hidden folders", () => {
    writeTree(aside, { "1.jpg": "", "deep/2.jpg": "" });
    writeTree(root, { ".store/x": "", ".store/folder/y.jpg": "" });
    link(join(aside, "deep"), "a");
    link(aside, "b");
    link(aside, "c");
    link(".store/x", "kept.jpg");
    link(".store/folder", "kept");
    const { found, passed } = walk();
    assertEquals(found, ["a/2.jpg", "b/1.jpg", "kept/y.jpg", "kept.jpg"]);
    assertEquals(passed, [["double", "b/deep"], ["double", "c"]]);
  });

  it("takes of several names of a file the preferred one, else the file itself", () => {
    writeTree(root, { "all/1.jpg": "", "all/2.jpg": "" });
    Deno.mkdirSync(join(root, "happy"));
    link("../all/1.jpg", "happy/x.jpg");
    link("2.jpg", "all/0.jpg");
    assertEquals(walk((path) => path.includes("happy")).found, ["all/2.jpg", "happy/x.jpg"]);
    assertEquals(walk().found, ["all/1.jpg", "all/2.jpg"]);
  });

  it("leaves hidden files out, and names formats that are not read and our own output", () => {
    writeTree(root, {
      "1.jpg": "",
      ".2.jpg": "",
      "._1.jpg": "",
      ".git/3.jpg": "",
      "4.HEIC": "",
      "5.tiff": "",
      "text.txt": "",
      "aligned/journal.jsonl": '{"size":256}\n',
      "aligned/faces/1_jpg.jpg": "",
      "set/journal.jsonl": '{"set":"folder","size":256,"points":"finder"}\n',
      "set/faces/1.jpg": "",
      "diary/journal.jsonl": '{"day":1,"size":2}\n',
      "diary/me.jpg": "",
      "drawn.png": "... EmoCo drawing 0123456789abcdef ...",
    });
    assertEquals(walk(), {
      found: ["1.jpg", "diary/me.jpg"],
      passed: [
        ["unread format", "4.HEIC"],
        ["unread format", "5.tiff"],
        ["own output", "aligned"],
        ["own output", "drawn.png"],
        ["own output", "set"],
      ],
    });
  });
});

describe("names of outputs", () => {
  it("are told apart by numbers where file systems may take them for one", () => {
    const names = new OutputNames();
    const take = (name: string) => names.take(name, `source of ${name}`);
    assertEquals(["p.jpg", "P.jpg", "p.JPG", "q.jpg", "p~2.jpg"].map(take), [
      "p.jpg",
      "P~2.jpg",
      "p~3.JPG",
      "q.jpg",
      "p~2~2.jpg",
    ]);
    assertEquals(["caf\u00e9.jpg", "cafe\u0301.jpg"].map(take), ["caf\u00e9.jpg", "cafe\u0301~2.jpg"]);
    assertEquals(["Strasse/x.jpg", "straße/x.jpg"].map(take), ["Strasse/x.jpg", "straße/x~2.jpg"]);
    assertEquals(names.take("p.jpg", "source of P.jpg"), "P~2.jpg".toLowerCase(), "its own again");
  });

  it("fit into what file systems take, and stay different", () => {
    const names = new OutputNames(), long = "ä".repeat(127);
    const [one, other] = ["1", "2"].map((end) => names.take(`faces/${long}${end}.jpg`, end));
    for (const name of [one, other]) {
      Deno.mkdirSync(join(root, "faces"), { recursive: true });
      Deno.writeTextFileSync(join(root, `${name}.part`), "");
    }
    assertEquals([one === other, other.endsWith("~2.jpg")], [false, true]);
  });
});

describe("an output folder", () => {
  it("lies outside of the input, whatever links and dots say", () => {
    writeTree(root, { "photos/a.jpg": "", "out/faces/x/b.jpg": "" });
    link("photos", "other");
    const check = (input: string, out: string) => checkOutFolder("--in", join(root, input), join(root, out));
    const inside = "lies in --in";
    assertThrows(() => check("photos", "photos"), Error, inside);
    assertThrows(() => check("photos", "photos/new/deep"), Error, inside);
    assertThrows(() => check("photos", "other/aligned"), Error, inside);
    assertThrows(() => check("other", "photos"), Error, inside);
    assertThrows(() => check("photos", "out/../photos/x"), Error, inside);
    assertThrows(() => check("out/faces/x", "out"), Error, "choose another --out");
    check("photos", "photos2");
    check("photos", "new");
  });

  it("holds nobody's files that would be written over", () => {
    writeTree(root, { "photos/a.jpg": "", "mine/manifest.jsonl": "{}", "free/notes.txt": "", "file": "" });
    const check = (out: string) => checkOutFolder("--in", join(root, "photos"), join(root, out));
    assertThrows(() => check("mine"), Error, "holds manifest.jsonl, which this program did not write");
    assertThrows(() => check("file"), Error, "is a file");
    check("free");
    writeTree(root, { "mine/journal.jsonl": '{"size":256}\n' });
    check("mine");
    assertThrows(
      () => checkOutFolder("--in", join(root, "mine/faces/.."), join(root, "new")),
      Error,
      "aligned already",
    );
  });
});

describe("files of fixed names", () => {
  const names = ["tables.csv", "report.html"], folder = () => join(root, "out");
  const claim = (known: string[] = []) => claimNames("--out", folder(), names, known);

  it("take the place of what the same program wrote, beside what its user has", () => {
    writeTree(root, { "out/notes.txt": "kept" });
    for (const content of ["first", "second"]) {
      claim();
      for (const name of names) Deno.writeTextFileSync(join(folder(), name), content);
    }
    assertEquals(Deno.readTextFileSync(join(folder(), "notes.txt")), "kept");
    Deno.removeSync(folder(), { recursive: true });
    claim(); // a folder that is not there is made
    assertEquals(Deno.statSync(folder()).isDirectory, true);
  });

  it("never take the place of anybody else's, nor of a file where a folder was named", () => {
    writeTree(root, { "out/report.html": "mine", "file": "mine" });
    assertThrows(claim, Error, "holds report.html, which this program did not write");
    assertEquals([...Deno.readDirSync(folder())].map(({ name }) => name), ["report.html"]);
    claim([folder()]); // the project's own
    assertThrows(() => claimNames("--out", join(root, "file"), names), Error, "is a file: name a folder.");
    assertEquals(Deno.readTextFileSync(join(folder(), "report.html")), "mine");
  });
});

describe("a built folder", () => {
  it("is replaced only where nothing but a build is in it", async () => {
    const names = (path: string) => [...Deno.readDirSync(join(root, path))].map(({ name }) => name).sort();
    const build = (path: string, ...files: string[]) =>
      buildFolder(
        join(root, path),
        join(root, "known"),
        (out) => Promise.resolve(writeTree(out, Object.fromEntries(files.map((name) => [name, name])))),
      );
    writeTree(root, { "mine/thesis.txt": "years of work", "known/old.js": "" });
    await assertRejects(
      () => build("mine", "index.html"),
      Error,
      "holds thesis.txt, which no build put there",
    );
    assertEquals(names("mine"), ["thesis.txt"]);
    await build("known", "index.html");
    assertEquals(names("known"), [".built.json", "index.html"]);
    await build("new/deep", "a.js", "b.js");
    await build("new/deep", "c.js");
    assertEquals(names("new/deep"), [".built.json", "c.js"]);
    writeTree(root, { "new/deep/CNAME": "example.org" });
    await assertRejects(() => build("new/deep", "d.js"), Error, "holds CNAME");
    await assertRejects(
      () =>
        buildFolder(join(root, "failing"), join(root, "known"), () => Promise.reject(new Error("no bundle"))),
      Error,
      "no bundle",
    );
    assertEquals([names("new"), names(".")], [["deep"], ["known", "mine", "new"]]);
  });
});
