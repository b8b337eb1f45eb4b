/** `deno task bench faces`: the renderer of faces beside the first one that this project had. */
import { fileURLToPath } from "node:url";
import { fromHere } from "../../train/runs/from_here.ts";
import { type FlagList, UsageError, wholeNumber } from "../../train/runs/flags.ts";
import { readPart } from "../files/named_parts.ts";
import { median } from "../median.ts";
import { Contender, type Round } from "./contender.ts";

/** The last commit of the first renderer. */
const FIRST = "2e25762";

const FLAGS: FlagList = {
  head: { kind: "text", help: 'the head pack that "deno task faces" renders from' },
  rounds: { kind: "text", help: "alternating rounds (3)" },
  faces: { kind: "text", help: "faces a round, twelve a person (60)" },
  size: { kind: "text", help: "side of a face in pixels (128)" },
  help: { kind: "switch", help: "this" },
};
const SUMMARY = `deno task bench faces --head=head.npz: the renderer beside that of commit ${FIRST}
Each draws on one thread. The ratio is of faces in a second of processor time, so that other work on the machine does
not count for or against either.`;

/** Runs the bench; throws a UsageError when something that was asked for is wrong. */
export async function bench(args: string[]): Promise<void> {
  const flags = readPart(SUMMARY, FLAGS, args);
  if (!flags) return;
  const { head, ...text } = flags.text;
  if (!head) throw new UsageError(`--head is missing.\n${SUMMARY}`);
  const rounds = wholeNumber("rounds", text.rounds ?? "3"), faces = wholeNumber("faces", text.faces ?? "60");
  const size = wholeNumber("size", text.size ?? "128", 32);
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const folder = await Deno.makeTempDir({ prefix: "emoco-faces-" });
  try {
    console.log(`Takes the renderer of commit ${FIRST} out of git into ${folder}.`);
    await takeOut(root, folder);
    const start = (name: string, tree: string) => {
      const worker = fileURLToPath(new URL("./faces_worker.ts", import.meta.url));
      const permissions = ["--allow-read", "--allow-env", "--allow-sys"];
      // Each tree resolves its own imports by its own configuration; only types differ, so they are not checked.
      const own = `--config=${tree}/deno.json`;
      const file = tree === root ? worker : `${tree}/tools/bench/faces_worker.ts`;
      return new Contender(name, Deno.execPath(), [
        ...["run", "--quiet", "--no-check", own, ...permissions, file, tree, fromHere(head!), `${size}`],
      ]);
    };
    for (const file of ["faces_worker.ts", "contender.ts", "lines.ts"]) {
      await Deno.copyFile(
        fileURLToPath(new URL(`./${file}`, import.meta.url)),
        `${folder}/tools/bench/${file}`,
      );
    }
    await compare(start("ours", root.replace(/\/$/, "")), start("first", folder), rounds, faces);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function takeOut(root: string, folder: string): Promise<void> {
  const archive = new Deno.Command("git", {
    args: [
      "-C",
      root,
      "archive",
      FIRST,
      "deno.json",
      "deno.lock",
      "mod.ts",
      "train",
      "web",
      "serve",
      "tools",
      "tests",
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const tar = new Deno.Command("tar", { args: ["-x", "-C", folder], stdin: "piped", stderr: "inherit" })
    .spawn();
  await archive.stdout.pipeTo(tar.stdin);
  const problem = (await new Response(archive.stderr).text()).trim();
  if (!(await archive.status).success || !(await tar.status).success) {
    throw new Error(
      `Cannot take commit ${FIRST} out of git (${problem}). The bench needs a clone with its history.`,
    );
  }
}

async function compare(ours: Contender, first: Contender, rounds: number, faces: number): Promise<void> {
  const both = [ours, first], results: { ours: Round; first: Round }[] = [];
  try {
    for (const contender of both) await contender.greeting();
    for (let n = 0; n < rounds; n++) {
      const round: { [name: string]: Round } = {};
      for (const contender of n % 2 === 0 ? both : both.toReversed()) {
        round[contender.name] = await contender.round(faces);
      }
      const { ours: a, first: b } = round;
      results.push({ ours: a, first: b });
      const speed = ({ cpuSeconds, seconds }: Round) =>
        `${(faces / cpuSeconds).toFixed(1)} faces a second of processor (${
          (faces / seconds).toFixed(1)
        } by the clock)`;
      console.log(`  round ${n + 1}: ours ${speed(a)}, first ${speed(b)}`);
    }
  } finally {
    for (const contender of both) await contender.end();
  }
  const ratios = results.map(({ ours, first }) => first.cpuSeconds / ours.cpuSeconds);
  console.log(`  ratios by round: ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`);
  console.log(`RATIO faces ${median(ratios).toFixed(2)}`);
}
