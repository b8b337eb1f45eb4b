/** `deno task manifest --points=table.csv`: landmarks of one's own for a set that brings none. */
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { FRONTAL, makeManifest, pointsOf, writeTree, writeVideo } from "./data_sets.ts";

const [A, B, C] = FRONTAL;
/** Pixels by which the table's points are off, so that they can be told from the finder's. */
const OFF = 4;

let root: string, out: string, table: string;
beforeEach(async () => {
  root = Deno.makeTempDirSync();
  out = Deno.makeTempDirSync();
  table = join(out, "landmarks.csv");
  await writeVideo(join(root, "Videos_LeftCamera", "LeftVideoSN001_comp.avi"), [A, B, C]);
  writeTree(root, { "ActionUnit_Labels/SN001/SN001_au12.txt": "1,0\n2,3\n3,5\n" });
});
afterEach(() => {
  Deno.removeSync(root, { recursive: true });
  Deno.removeSync(out, { recursive: true });
});

/** Five landmarks of a head as x_0, y_0, ... x_4, y_4. */
function five(head: number): string {
  const { leftEye, rightEye, nose, mouth } = pointsOf(head);
  const points = [leftEye, rightEye, nose, [mouth[0] - 9, mouth[1]], [mouth[0] + 9, mouth[1]]];
  return points.map((point) => point.map((value) => value + OFF).join(",")).join(",");
}

const HEAD = ["image", "frame", ...[0, 1, 2, 3, 4].flatMap((i) => [`x_${i}`, `y_${i}`])].join(",");

describe("deno task manifest --points=landmarks.csv", () => {
  it("aligns by the table, frame by frame, and lists the frames that it lacks", async () => {
    const video = "Videos_LeftCamera\\LeftVideoSN001_comp.avi";
    const lost = ",".repeat(9);
    Deno.writeTextFileSync(
      table,
      [HEAD, `${video},3,${five(C)}`, `${video},1,${five(A)}`, `${video},2,${lost}`].join("\r\n"),
    );
    const { lines, problems } = await makeManifest("disfa", root, join(out, "faces"), `--points=${table}`);
    assertEquals(lines.map(({ frame, intensity }) => [frame, intensity![12]]), [[1, 0], [3, 5]]);
    for (const [i, head] of [A, C].entries()) {
      const { leftEye, mouth } = pointsOf(head), { points } = lines[i].photo;
      assertAlmostEquals(points.leftEye[0], leftEye[0] + OFF, 0.02);
      assertAlmostEquals(points.mouth[1], mouth[1] + OFF, 0.02);
    }
    assertEquals(problems.filter(([kind]) => kind === "no face"), [[
      "no face",
      "Videos_LeftCamera/LeftVideoSN001_comp.avi, frame 2",
      "1",
    ]]);
  });

  it("says what a table must hold", async () => {
    const refusal = (message: string) =>
      assertRejects(
        () => makeManifest("disfa", root, join(out, "faces"), `--points=${table}`),
        Error,
        message,
      );
    await refusal("neither finder nor set nor the file of a table");
    Deno.writeTextFileSync(table, "image,frame,x_0,y_0\n");
    await refusal("it has image, 1 of x and 1 of y");
    Deno.writeTextFileSync(table, `${HEAD}\nv.avi,1,${",".repeat(9)}\n`);
    await refusal("no row whose landmarks are all numbers");
    Deno.writeTextFileSync(table, `${HEAD}\nv.avi,first,${five(A)}\n`);
    await refusal('row 2: frame "first" is no whole number');
  });
});
