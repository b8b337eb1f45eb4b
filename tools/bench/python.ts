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
  /** The requirements are all that is needed: pip is not to look for more. */
  readonly isWhole?: boolean;
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

/** The last version whose wheel holds a face model (the face mesh with irises); later ones fetch theirs elsewhere. */
const MEDIAPIPE: Peer = {
  requirements: [
    "mediapipe==0.10.21",
    "numpy==1.26.4",
    "opencv-contrib-python==4.11.0.86",
    "protobuf==4.25.8",
    "absl-py==2.3.1",
    "attrs==25.4.0",
    "flatbuffers==25.9.23",
    // Its drawings, which are loaded with it.
    "matplotlib==3.10.7",
    "packaging==25.0",
    "pyparsing==3.2.5",
    "cycler==0.12.1",
    "kiwisolver==1.4.9",
    "python-dateutil==2.9.0.post0",
    "six==1.17.0",
    "contourpy==1.3.3",
    "fonttools==4.60.1",
    "pillow==12.0.0",
  ],
  modules: "mediapipe, cv2",
  size: "about 130 MB",
  // Left to itself pip tries a hundred versions of jax, which the face mesh has no use for.
  isWhole: true,
};

/** Path of a Python that has PyTorch; as `pythonWith`. */
export function pythonWithTorch(given: string | undefined, say: (line: string) => void): Promise<string> {
  return pythonWith(TORCH, given, say);
}

/** Path of a Python that has onnxruntime, OpenCV and FastAPI; as `pythonWith`. */
export function pythonWithServer(given: string | undefined, say: (line: string) => void): Promise<string> {
  return pythonWith(SERVER, given, say);
}

/** Path of a Python that has MediaPipe's face mesh; as `pythonWith`. */
export function pythonWithMediaPipe(
  given: string | undefined,
  say: (line: string) => void,
): Promise<string> {
  return pythonWith(MEDIAPIPE, given, say);
}

/**
 * Path of a Python that has what the peer needs; makes the environment where there is none.
 * @param say what is downloaded is said first
 * @throws {Error} with what to do when Python or the packages cannot be had
 */
async function pythonWith(
  { requirements, modules, size, isWhole }: Peer,
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
  const more = isWhole ? "" : " and what they need";
  say(`The peer needs ${modules}. Downloading ${requirements.join(", ")}${more} (${size})`);
  say(`by pip into ${folder}; --python=<path> takes a Python of yours instead.`);
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  const steps: [string, string[]][] = [
    ["python3", ["-m", "venv", "--clear", folder]],
    [python, [...install, ...isWhole ? ["--no-deps"] : [], ...requirements]],
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
