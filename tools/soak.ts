/**
 * `deno task soak <name>`: what takes too long for a test. Each soak says what it holds a program to, and exits with 1
 * where it does not hold.
 * @module
 */
const SOAKS: {
  [name: string]: { help: string; load: () => Promise<{ soak(args: string[]): Promise<void> }> };
} = {
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

if (import.meta.main) {
  const [name, ...args] = Deno.args.filter((arg, i) => i > 0 || arg !== "--");
  const list = Object.entries(SOAKS).map(([name, { help }]) => `  deno task soak ${name}   ${help}`);
  if (name === "--help" || name === "-h") {
    console.log(`Soaks are:\n${list.join("\n")}`);
    Deno.exit(0);
  }
  if (!Object.hasOwn(SOAKS, name ?? "")) {
    console.error(`Soaks are:\n${list.join("\n")}`);
    Deno.exit(2);
  }
  try {
    await (await SOAKS[name].load()).soak(args);
  } catch (problem) {
    console.error(`error: ${(problem as Error).message}`);
    Deno.exit(1);
  }
}
