/** Whether this machine can compute a step in fewer bits than float32. */
import { backend, EngineError } from "./backend.ts";
import type { Precision } from "./precisions.ts";

/** Flags of Linux for processors that multiply bfloat16; elsewhere oneDNN would emulate it, slower than float32. */
const FLAGS = /\b(avx512_bf16|amx_bf16)\b/;

/**
 * Refuses a precision that the step would not have.
 * @param eager whether it runs operation by operation
 * @throws {EngineError} saying why
 */
export function checkPrecision(precision: Precision, eager: boolean): void {
  if (precision === "float32") return;
  const refuse = (why: string) => {
    throw new EngineError(`--precision=${precision}: ${why} Leave it out to compute in float32.`);
  };
  if (eager) refuse("the graph computes in it, and --eager runs without one.");
  if (backend().binding.isUsingGpuDevice()) refuse("it is for processors; on a GPU it has not been built.");
  if (!FLAGS.test(readProcessor())) {
    refuse("this processor has no instructions for it (avx512_bf16, amx_bf16).");
  }
}

/** The start of /proc/cpuinfo, which Deno itself opens with all permissions only; "" where there is none. */
function readProcessor(): string {
  const libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const { open, read, close } = libc.symbols, READ_ONLY = 0;
  try {
    const file = open(new TextEncoder().encode("/proc/cpuinfo\0"), READ_ONLY);
    if (file < 0) return "";
    const bytes = new Uint8Array(8192); // the first processor's entry takes 2 kB
    const count = Number(read(file, bytes, BigInt(bytes.length)));
    close(file);
    return new TextDecoder().decode(bytes.subarray(0, Math.max(0, count)));
  } finally {
    libc.close();
  }
}
