/**
 * The action units of the faces in photos and films: `deno task detect photo.jpg`. A table, `--json` for the server's
 * answer, `--draw=out.png` for the photo with boxes, points and bars; `--out=folder` for tables of films and folders.
 */
import { parseArgs } from "node:util";
import { Drawings } from "./detect/drawings.ts";
import { filmOptions, OPTIONS, readFilms } from "./detect/films.ts";
import { openDetector } from "./detect/open.ts";
import { namedFiles } from "./detect/photos.ts";
import { readPhotos } from "./detect/read_photos.ts";
import { fromHere } from "./files/from_here.ts";
import { PassedOver } from "./files/passed_over.ts";
import { runTool } from "./files/run_tool.ts";

const USAGE =
  `deno task detect photo.jpg film.mp4 folder ... (JPEG, PNG, WebP; films that ffmpeg reads; of a folder all in it)
  --json           the answer of the server's POST /v1/detect instead of a table, each image with its file; one that
                   cannot be read has an error in its place
  --jsonl          the same with a line of JSON an image, as they come: for long lists
  --draw=out.png   the photo with boxes, points and bars, as PNG, JPEG or WebP by its ending; with several photos, or
                   films, a folder that exists. Nothing is written over but the same photo's drawing of before: in a
                   folder drawings that would get the same name are told apart by ~2, ~3 ...
  --model=folder   where emoco.onnx and emoco.json are, the committed model unless given
Films ("-" is one on standard input), and photos too where --out is given:
  --out=folder     a table a film and one of all photos; of films also summary.csv, report.html, skipped.csv. Started
                   again it goes on film by film. Without it the table of a single film is printed
  --format=csv     or json, jsonl, parquet, openface (the columns of OpenFace 2.2)
  --every=5        every fifth frame only;  --from=0:10 --to=0:40  a part
  --points         the 68 points in the tables, of a model that knows them
  --baseline       each unit also against the person's own resting face, in columns of their own
  --shard=3/16     the third of sixteen shares of the list, for job arrays that work into one --out`;

/**
 * Runs the program; throws an Error with one sentence when something that was asked for is wrong. A file that cannot be
 * read does not keep the others from their tables; it is named in the end, and in JSON in its place.
 */
export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      jsonl: { type: "boolean" },
      draw: { type: "string" },
      model: { type: "string" },
      help: { type: "boolean" },
      ...OPTIONS,
    },
  });
  if (values.help) return console.log(USAGE);
  if (positionals.length === 0) throw new Error(`No photo or film was named.\n${USAGE}`);
  const passed = new PassedOver(), { photos, films } = namedFiles(positionals, passed);
  const model = values.model && fromHere(values.model);
  const failures: string[] = [];
  if (films.length === 0 && values.out === undefined) {
    filmOptions(values); // what is wrong in them is said, though only films read them
    const drawings = values.draw === undefined ? undefined : new Drawings(values.draw, photos);
    const { json, jsonl } = values;
    failures.push(...await readPhotos(photos, await openDetector(model), { json, jsonl, drawings }));
  } else {
    failures.push(...await readFilms({ photos, films }, values, model, passed));
  }
  for (const line of passed.lines()) console.error(line);
  if (failures.length > 0) throw new Error(failures.join("\n"));
}

if (import.meta.main) await runTool(USAGE, main);
