#!/usr/bin/env node
/**
 * The program that comes with the npm package: `npx emoco detect photo.jpg`.
 */
import { parseArgs } from "node:util";
import process from "node:process";
import { openDetector } from "../../serve/node.ts";
import { tableOf } from "../detect/table.ts";

const USAGE = `emoco detect photo.jpg ... (JPEG, PNG or WebP)
  --json           the answer of the server's POST /v1/detect, a line for each photo, instead of a table
  --model=folder   where emoco.onnx and emoco.json are, the model that comes along unless given
  --engine=auto    native needs onnxruntime-node and sharp beside this package, wasm neither; auto takes what is there`;

const ENGINES = ["auto", "native", "wasm"] as const;

/** Runs the program; throws an Error with one sentence when something that was asked for is wrong. */
async function main(args: string[]): Promise<void> {
  const { values, positionals: [command, ...photos] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      model: { type: "string" },
      engine: { type: "string", default: "auto" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(USAGE);
  if (command !== "detect") {
    throw new Error(`${command ?? "No command"} is not a command of emoco.\n${USAGE}`);
  }
  if (photos.length === 0) throw new Error(`No photo was named.\n${USAGE}`);
  const engine = ENGINES.find((name) => name === values.engine);
  if (!engine) throw new Error(`--engine=${values.engine} is none of ${ENGINES.join(", ")}.`);
  const detector = await openDetector({ model: values.model, engine });
  const failures: string[] = [];
  for (const [index, photo] of photos.entries()) {
    try {
      const { timings, ...image } = await detector.detect(photo);
      const { name, version } = detector.card;
      console.log(
        values.json
          ? JSON.stringify({ model: { name, version }, engine: detector.engine, images: [image], timings })
          : `${index > 0 ? "\n" : ""}${tableOf(photo, { ...image, timings }, timings.decode, image)}`,
      );
    } catch (error) {
      failures.push(`${photo}: ${(error as Error).message}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.join("\n"));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
