/**
 * Folders that are built as a whole and replaced as a whole, without taking anything along that was not built.
 * @module
 */
import { basename, dirname, join, resolve } from "node:path";

/** Names what was built; hidden, so that hosts do not show it. */
const LIST = ".built.json";

/**
 * Builds a folder beside its place and puts it there when it is complete. One that is there already is replaced when it
 * holds nothing but what an earlier build put into it.
 * @param known a folder of the project's own, where nobody keeps anything else
 * @throws {Error} one sentence, before anything is built: what else is in the folder
 */
export async function buildFolder(
  folder: string,
  known: string,
  build: (out: string) => Promise<void>,
): Promise<void> {
  const place = resolve(folder);
  if (place !== resolve(known)) checkPlace(folder, place);
  const out = join(dirname(place), `.${basename(place)}-${crypto.randomUUID()}`);
  await Deno.mkdir(out, { recursive: true });
  try {
    await build(out);
    await Deno.writeTextFile(join(out, LIST), JSON.stringify(namesIn(out)));
    await Deno.remove(place, { recursive: true }).catch(passMissing);
    await Deno.rename(out, place);
  } catch (error) {
    await Deno.remove(out, { recursive: true }).catch(passMissing);
    throw error;
  }
}

function checkPlace(folder: string, place: string): void {
  let names: string[], built: string[] = [];
  try {
    names = namesIn(place);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.NotADirectory) {
      throw new Error(`--out=${folder} is a file: name a folder.`);
    }
    throw error;
  }
  if (names.includes(LIST)) built = [LIST, ...JSON.parse(Deno.readTextFileSync(join(place, LIST)))];
  const other = names.find((name) => !built.includes(name));
  if (other === undefined) return;
  throw new Error(
    `--out=${folder} holds ${other}, which no build put there; a build replaces the whole folder: name a new one, or ` +
      "move what is in it.",
  );
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

function passMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
