/** ONNX files for tests, by a protobuf writer of its own. */

export type Field = [number: number, value: number | string | Uint8Array];

/** A protobuf message: numbers as varints, text and bytes with their length. */
export function message(...fields: Field[]): Uint8Array {
  const out: number[] = [];
  const varint = (value: number) => {
    for (; value > 127; value = Math.floor(value / 128)) out.push(value % 128 + 128);
    out.push(value);
  };
  for (const [number, value] of fields) {
    varint(number * 8 + (typeof value === "number" ? 0 : 2));
    if (typeof value === "number") varint(value);
    else {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      varint(bytes.length);
      for (const byte of bytes) out.push(byte);
    }
  }
  return Uint8Array.from(out);
}

/** NodeProto; a number is an attribute of type INT, a list one of type INTS. */
export function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Uint8Array {
  return message(
    ...inputs.map((name): Field => [1, name]),
    [2, output],
    [4, operator],
    ...Object.entries(attributes).map(([name, value]): Field => [
      5,
      typeof value === "number"
        ? message([1, name], [3, value], [20, 2])
        : message([1, name], ...value.map((one): Field => [8, one]), [20, 7]),
    ]),
  );
}

/** TensorProto of float32. */
export function initializer(name: string, dims: readonly number[], values: readonly number[]): Uint8Array {
  const raw = new Uint8Array(new Float32Array(values).buffer);
  return message(...dims.map((dim): Field => [1, dim]), [2, 1], [8, name], [9, raw]);
}

/** TensorProto of int64 in one dimension. */
export function integers(name: string, values: readonly number[]): Uint8Array {
  const raw = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
  return message([1, values.length], [2, 7], [8, name], [9, raw]);
}

/** ValueInfoProto of float32; a text is a dimension left open. */
export function tensorInfo(name: string, dims: (number | string)[]): Uint8Array {
  const shape = message(...dims.map((dim): Field => [1, message([typeof dim === "number" ? 1 : 2, dim])]));
  return message([1, name], [2, message([1, message([1, 1], [2, shape])])]);
}
