/** The Python that a peer runs in: the user's own by `--python`, or a virtual environment in the user's cache. */
import { join } from "node:path";

const REQUIREMENTS = ["torch==2.15.0", "torchvision==0.29.2", "numpy==2.4.6"];

/**
 * Path of a Python that has PyTorch; makes the environment where there is none.
 * @param say what is downloaded is said first
 * @throws {Error} with what to do when Python or the packages cannot be had
 */
export async function pythonWithTorch(
  given: string | undefined,
  say: (line: string) => void,
): Promise<string> {
  if (given) {
    const answer = await run(given, ["-c", "import torch, torchvision"]);
    if (answer !== undefined) {
      throw new Error(`--python=${given} cannot import torch and torchvision: ${answer}`);
    }
    return given;
  }
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? ".", ".cache");
  const folder = join(cache, "emoco", `bench-${REQUIREMENTS[0].replace("==", "-")}`);
  const python = join(folder, "bin", "python");
  if (await run(python, ["-c", "import torch, torchvision"]) === undefined) return python;
  say(`The peer needs PyTorch. Downloading ${REQUIREMENTS.join(", ")} and what they need (up to 3 GB with`);
  say(`CUDA's libraries) by pip into ${folder}; --python=<path> takes a Python of yours instead.`);
  const steps: [string, string[]][] = [
    ["python3", ["-m", "venv", "--clear", folder]],
    [python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...REQUIREMENTS]],
  ];
  for (const [command, args] of steps) {
    const problem = await run(command, args);
    if (problem !== undefined) {
      throw new Error(
        `The environment for PyTorch could not be made: ${problem}\nWhat failed: ${command} ${
          args.join(" ")
        }`,
      );
    }
  }
  return python;
}

/** Undefined when the command succeeds, else the last line of what it wrote on standard error. */
async function run(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(command, { args, stdin: "null", stdout: "null" })
      .output();
    return success ? undefined : new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "it failed";
  } catch (problem) {
    if (problem instanceof Deno.errors.NotFound) return `there is no ${command}`;
    throw problem;
  }
}
