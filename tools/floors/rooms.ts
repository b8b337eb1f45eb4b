/** Rooms of train: who stands on whom, and that each says what it is; and that no imports go in a circle. */
import { join } from "node:path";
import type { Import } from "../module_graph.ts";
import type { Violation } from "./violation.ts";

/** Rooms and files of train from the ground up; what stands in none of them, the programs, is the top. */
const TRAIN_FLOORS = [
  ["runs"],
  ["input"],
  ["scores"],
  ["engine"],
  ["nets"],
  ["emoco.ts", "methods"],
  ["config.ts"],
  ["detectors"],
  ["units"],
  ["pretraining"],
];

/** Height of a file of train; programs stand on top of all rooms. */
export function trainFloor(file: string): number {
  const place = file.split("/")[1];
  const floor = TRAIN_FLOORS.findIndex((names) => names.includes(place));
  return floor < 0 ? TRAIN_FLOORS.length : floor;
}

/** Each room of train is on a floor, and introduces itself once: "The room `runs`: ...". */
export function* checkRooms(root: string, files: readonly string[]): Generator<Violation> {
  const rooms = new Map<string, string[]>();
  for (const file of files) {
    const [member, room, ...rest] = file.split("/");
    if (member === "train" && rest.length) rooms.set(room, [...rooms.get(room) ?? [], file]);
  }
  for (const [room, inside] of rooms) {
    const file = `train/${room}`;
    if (!TRAIN_FLOORS.flat().includes(room)) {
      yield { file, rule: "rooms", message: "is on no floor; give it one in TRAIN_FLOORS." };
    }
    const introduced = inside.filter((path) =>
      Deno.readTextFileSync(join(root, path)).includes(`The room \`${room}\``)
    );
    if (introduced.length !== 1) {
      const message =
        `introduces itself ${introduced.length} times; one of its files begins with what lives in the ` +
        `room and what it may import: "The room \`${room}\`: ...".`;
      yield { file, rule: "rooms", message };
    }
  }
}

/** Values that two files import of one another, in however many steps, have no order in which they are made. */
export function* checkCircles(imports: ReadonlyMap<string, readonly Import[]>): Generator<Violation> {
  const done = new Set<string>(), path: string[] = [];
  const walk = function* (file: string): Generator<Violation> {
    if (path.includes(file)) {
      const circle = [...path.slice(path.indexOf(file)), file];
      yield { file, rule: "circle", message: `imports itself by way of ${circle.slice(1, -1).join(", ")}.` };
    }
    if (done.has(file) || path.includes(file)) return;
    path.push(file);
    for (const { target, isValue } of imports.get(file) ?? []) if (isValue) yield* walk(target);
    path.pop();
    done.add(file);
  };
  for (const file of imports.keys()) yield* walk(file);
}
