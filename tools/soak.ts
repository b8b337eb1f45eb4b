/**
 * `deno task soak <name>`: what takes too long for a test. Each soak says what it holds a program to, and exits with 1
 * where it does not hold.
 * @module
 */
import { type NamedParts, runNamed } from "./files/named_parts.ts";

const SOAKS: NamedParts<{ soak(args: string[]): Promise<void> }> = {
  pretrain: {
    help: "a whole pretraining run: resident memory stays flat",
    load: () => import("./soak/pretrain.ts"),
  },
  input: {
    help: "an epoch over 100,000 faces: each visited once, resident memory under 2 GB",
    load: () => import("./soak/input.ts"),
  },
  serve: {
    help: "ten thousand requests of every kind to a server: all answered, resident memory flat",
    load: () => import("./soak/serve.ts"),
  },
  web: {
    help: "three thousand frames of a camera in the page: memory flat, no long task",
    load: () => import("./soak/web.ts"),
  },
  paper: {
    help: "two steps of the paper's setting: ResNet-50, 224 px, 7 x 65,536 keys",
    load: () => import("./soak/paper.ts"),
  },
};

if (import.meta.main) await runNamed("soak", SOAKS, ({ soak }, args) => soak(args));
