/** The Python that a peer runs in: the user's own by `--python`, or a virtual environment in the user's cache. */
import { join } from "node:path";
import { fromHere } from "../../train/runs/from_here.ts";

/** What a peer needs. */
interface Peer {
  /** Pinned, as pip reads them; the first names the environment. */
  readonly requirements: readonly string[];
  /** What `import` must find. */
  readonly modules: string;
  /** What the download is, with its size. */
  readonly size: string;
}

const TORCH: Peer = {
  requirements: ["torch==2.15.0", "torchvision==0.29.2", "numpy==2.4.6"],
  modules: "torch, torchvision",
  size: "up to 3 GB with CUDA's libraries",
};
const SERVER: Peer = {
  requirements: [
    "onnxruntime==1.30.0",
    "opencv-python-headless==5.0.0.93",
    "fastapi==0.165.0",
    "uvicorn==0.54.0",
    "numpy==2.4.6",
  ],
  modules: "onnxruntime, cv2, fastapi, uvicorn",
  size: "about 150 MB",
};

/** Path of a Python that has PyTorch; as `pythonWith`. */
export function pythonWithTorch(given: string | undefined, say: (line: string) => void): Promise<string> {
  return pythonWith(TORCH, given, say);
}

/** Path of a Python that has onnxruntime, OpenCV and FastAPI; as `pythonWith`. */
export function pythonWithServer(given: string | undefined, say: (line: string) => void): Promise<string> {
  return pythonWith(SERVER, given, say);
}

/**
 * Path of a Python that has what the peer needs; makes the environment where there is none.
 * @param say what is downloaded is said first
 * @throws {Error} with what to do when Python or the packages cannot be had
 */
async function pythonWith(
  { requirements, modules, size }: Peer,
  given: string | undefined,
  say: (line: string) => void,
): Promise<string> {
  const check = ["-c", `import ${modules}`];
  if (given) {
    const command = given.includes("/") ? fromHere(given) : given; // a name is looked for in PATH
    const answer = await run(command, check);
    if (answer !== undefined) throw new Error(`--python=${given} cannot import ${modules}: ${answer}`);
    return command;
  }
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? ".", ".cache");
  const folder = join(cache, "emoco", `bench-${requirements[0].replace("==", "-")}`);
  const python = join(folder, "bin", "python");
  if (await run(python, check) === undefined) return python;
  say(`The peer needs ${modules}. Downloading ${requirements.join(", ")} and what they need (${size})`);
  say(`by pip into ${folder}; --python=<path> takes a Python of yours instead.`);
  const steps: [string, string[]][] = [
    ["python3", ["-m", "venv", "--clear", folder]],
    [python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...requirements]],
  ];
  for (const [command, args] of steps) {
    const problem = await run(command, args);
    if (problem !== undefined) {
      throw new Error(
        `The peer's environment could not be made: ${problem}\nWhat failed: ${command} ${args.join(" ")}`,
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
