/** Says how two recordings of one step differ, which they do when it depends on anything but its state and feeds. */
import { attributeOf, DATA_TYPE, type GraphNode } from "./graph_def.ts";
import type { Recording } from "./trace.ts";

/** What differs first between two recordings of one step, in a sentence; undefined when they are the same. */
export function differenceOf(before: Recording, now: Recording): string | undefined {
  const length = Math.min(before.nodes.length, now.nodes.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [before.nodes[i], now.nodes[i]];
    if (a.op !== b.op || `${a.input}` !== `${b.input}`) {
      return `operation ${i} was ${a.op} and is ${b.op} now`;
    }
    for (const key of Object.keys(a.attr)) {
      if (sameBytes(a.attr[key], b.attr[key])) continue;
      if (a.op !== "Const") return `the attribute "${key}" of ${a.name} (${a.op}) changes`;
      const users = before.nodes.filter(({ input }) => input.includes(a.name));
      const by = users.map(({ name, op, input }) => `${name} (${op} of ${input.join(", ")})`).join(" and ");
      return `the constant ${a.name} was ${preview(a)} and is ${preview(b)} now; it enters ${
        by || "the state"
      }`;
    }
  }
  if (before.nodes.length !== now.nodes.length) {
    return `it had ${before.nodes.length} operations and has ${now.nodes.length} now`;
  }
  const ends = ({ updates, losses }: Recording) => JSON.stringify([updates, losses]);
  return ends(before) === ends(now) ? undefined : "other results are its state and losses now";
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a.length === b?.length && a.every((byte, i) => byte === b[i]);
}

/** The first values of a constant. */
function preview(constant: GraphNode): string {
  const { dtype, tensorContent } = attributeOf(constant, "value")!.tensor!;
  const bytes = tensorContent.slice();
  const values = dtype === DATA_TYPE.float32
    ? new Float32Array(bytes.buffer)
    : dtype === DATA_TYPE.int32
    ? new Int32Array(bytes.buffer)
    : bytes;
  const first = Array.from(values.subarray(0, 4), (value) => Number(value.toPrecision(7)));
  return values.length > 4 ? `[${first.join(", ")}, ...]` : `[${first.join(", ")}]`;
}
