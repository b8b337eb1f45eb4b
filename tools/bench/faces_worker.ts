/**
 * One renderer under measurement, as a process of its own (see `contender.ts`): `faces_worker.ts <tree> <head> <size>`
 * loads the renderer of a source tree. It draws on one thread, twelve faces a person; encoding is left out.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { answerRounds, measure } from "./contender.ts";

const FACES_A_PERSON = 12;

const [tree, headPath, size] = Deno.args;
const load = <T>(file: string) =>
  import(pathToFileURL(resolve(join(tree, "tools", "faces", file))).href) as Promise<T>;
// The first renderer has the same four doors, which is what lets it be measured.
const { drawFace } = await load<typeof import("../faces/draw.ts")>("draw.ts");
const { parseHead } = await load<typeof import("../faces/head.ts")>("head.ts");
const { HeadModel } = await load<typeof import("../faces/model.ts")>("model.ts");
const { renderFace } = await load<typeof import("../faces/render.ts")>("render.ts");
const model = new HeadModel(parseHead(Deno.readFileSync(headPath)));
const view = { kind: "aligned", size: Number(size) } as const;
let drawn = 0;

const round = (faces: number) =>
  measure(() => {
    let sum = 0;
    for (let i = 0; i < faces; i++, drawn++) {
      const { subject, weights, scene } = drawFace(
        1,
        Math.floor(drawn / FACES_A_PERSON),
        drawn % FACES_A_PERSON,
        "au",
      );
      sum += renderFace(model, subject, weights, scene, view, 2).data[0];
    }
    return sum;
  });

// Enough for the engine to have compiled what is hot, on either side.
await round(8 * FACES_A_PERSON);
await answerRounds({ engine: `renderer of ${tree}`, parameters: 0 }, round);
