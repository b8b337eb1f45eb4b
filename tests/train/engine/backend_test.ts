import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { attribute, backend, openBackend, rawOp, tf } from "../../../train/engine/backend.ts";

const BACKEND = new URL("../../../train/engine/backend.ts", import.meta.url).href;

/** Runs a program in a fresh process, where TensorFlow is loaded anew. */
async function run(program: string, env: Record<string, string> = {}, folder = ".") {
  const file = await Deno.makeTempFile({ dir: folder === "." ? undefined : folder, suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const config = folder === "." ? `${root}deno.json` : `${folder}/deno.json`;
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", `--config=${config}`, "--no-lock", "--allow-read", "--allow-env", "--allow-ffi", file],
    env: { NO_COLOR: "1", ...env },
  }).output();
  await Deno.remove(file);
  const text = new TextDecoder();
  return { code: output.code, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
}

describe("openBackend", () => {
  it("names engine, TensorFlow and device", () => {
    const { engine, tensorflow, device } = openBackend({ device: "auto" });
    assertEquals(engine, "tfjs-node-gpu 4.22.0");
    assertEquals(tensorflow, "2.21.0");
    assertEquals(/^CPU, \d+ threads$/.test(device), !backend().binding.isUsingGpuDevice());
  });

  it("refuses the CPU where a GPU was asked for", async () => {
    const program = `import { openBackend } from "${BACKEND}"; openBackend({ device: "gpu" });`;
    const { code, stderr } = await run(program, { CUDA_VISIBLE_DEVICES: "-1" });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "--device=gpu: TensorFlow finds no GPU it can use.");
    assertStringIncludes(stderr, "deno task setup --cuda");
  });
});

describe("loading TensorFlow", () => {
  it("prints nothing of its own", async () => {
    const { stdout, stderr } = await run(
      `import { tf } from "${BACKEND}"; tf.ones([2]).square().dataSync();`,
    );
    assertEquals(stdout + stderr, "");
  });

  it("gives stderr back to the program", async () => {
    const { stderr } = await run(`import "${BACKEND}"; console.error("after");`);
    assertEquals(stderr, "after\n");
  });

  it("switches oneDNN on before the library reads its environment", async () => {
    const { stderr } = await run(`import "${BACKEND}";`, { TF_CPP_MIN_LOG_LEVEL: "0" });
    assertStringIncludes(stderr, "oneDNN custom operations are on");
  });

  it("leaves oneDNN off when the user has switched it off", async () => {
    const { stderr } = await run(`import "${BACKEND}";`, {
      TF_CPP_MIN_LOG_LEVEL: "0",
      TF_ENABLE_ONEDNN_OPTS: "0",
    });
    assertEquals(stderr.includes("oneDNN custom operations are on"), false);
  });

  it("names deno task setup when the library cannot be loaded", async () => {
    const folder = await Deno.makeTempDir();
    for (const file of ["engine/backend.ts", "engine/ranks.ts", "runs/flags.ts"]) {
      await Deno.mkdir(dirname(`${folder}/${file}`), { recursive: true });
      await Deno.copyFile(new URL(`../${file}`, BACKEND), `${folder}/${file}`);
    }
    await Deno.writeTextFile(`${folder}/broken.ts`, `throw new Error("libtensorflow_cc.so.2: cannot open");`);
    const imports = { "@tensorflow/tfjs-node-gpu": "./broken.ts" };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports }));
    const { code, stderr } = await run(`import "./engine/backend.ts";`, {}, folder);
    await Deno.remove(folder, { recursive: true });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "TensorFlow could not be loaded. Run `deno task setup`");
    assertStringIncludes(stderr, "libtensorflow_cc.so.2: cannot open");
  });
});

describe("rawOp", () => {
  it("runs FusedBatchNormV3 as plain loops have it", () => {
    const values = Array.from({ length: 2 * 3 * 3 * 2 }, (_, i) => Math.sin(i * 1.7) * (1 + i % 2));
    const [y, mean, variance] = tf.tidy(() =>
      rawOp(
        "FusedBatchNormV3",
        [
          attribute.type("T", "float32"),
          attribute.type("U", "float32"),
          attribute.float("epsilon", 1e-5),
          attribute.float("exponential_avg_factor", 1),
          attribute.string("data_format", "NHWC"),
          attribute.bool("is_training", true),
        ],
        [
          tf.tensor4d(values, [2, 3, 3, 2]),
          tf.tensor1d([2, 3]),
          tf.tensor1d([0.5, -1]),
          tf.tensor1d([]),
          tf.tensor1d([]),
        ],
        6,
      ).slice(0, 3).map((tensor) => Array.from(tensor.dataSync()))
    );
    for (const channel of [0, 1]) {
      const own = values.filter((_, i) => i % 2 === channel);
      const average = own.reduce((sum, value) => sum + value) / own.length;
      const squares = own.reduce((sum, value) => sum + (value - average) ** 2, 0);
      assertAlmostEquals(mean[channel], average, 1e-6);
      assertAlmostEquals(variance[channel], squares / (own.length - 1), 1e-5);
      own.forEach((value, i) => {
        const normalized = (value - average) / Math.sqrt(squares / own.length + 1e-5);
        assertAlmostEquals(y[2 * i + channel], [2, 3][channel] * normalized + [0.5, -1][channel], 1e-5);
      });
    }
  });

  it("takes lists of integers and shapes", () => {
    const sums = tf.tidy(() => {
      const [pooled] = rawOp(
        "AvgPool",
        [
          attribute.type("T", "float32"),
          attribute.int("ksize", [1, 2, 2, 1]),
          attribute.int("strides", [1, 2, 2, 1]),
          attribute.string("padding", "VALID"),
          attribute.string("data_format", "NHWC"),
        ],
        [tf.tensor4d([1, 2, 3, 6], [1, 2, 2, 1])],
        1,
      );
      return rawOp(
        "EnsureShape",
        [attribute.type("T", "float32"), attribute.shape("shape", [1, 1, 1, 1])],
        [pooled],
        1,
      )[0].dataSync();
    });
    assertEquals(Array.from(sums), [3]);
  });

  it("passes on TensorFlow's sentence when there is no such operation", () => {
    assertThrows(() => rawOp("NoSuchOperation", [], [], 1), Error, "NoSuchOperation");
  });

  it("leaves no tensor behind in a tidy", () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const x = tf.ones([4]);
      for (let i = 0; i < 10; i++) rawOp("AddV2", [attribute.type("T", "float32")], [x, x], 1);
    });
    assertEquals(tf.memory().numTensors, before);
  });
});

describe("backend", () => {
  it("lets every operation pass through a replaced binding", () => {
    const engine = backend();
    const original = engine.binding;
    const seen: string[] = [];
    const copy: Record<string, unknown> = {};
    for (const key of Object.getOwnPropertyNames(original)) {
      const value: unknown = original[key as keyof typeof original];
      copy[key] = typeof value === "function" ? value.bind(original) : value;
    }
    engine.binding = {
      ...copy as unknown as typeof original,
      executeOp(name, attributes, inputs, outputCount) {
        seen.push(name);
        return original.executeOp(name, attributes, inputs, outputCount);
      },
    };
    try {
      tf.tidy(() => {
        const x = tf.tensor2d([[1, 2], [3, 4]]);
        tf.matMul(x, x).relu();
      });
    } finally {
      engine.binding = original;
    }
    assertEquals(seen.filter((name) => name !== "Const" && name !== "Identity"), ["BatchMatMulV2", "Relu"]);
  });
});
