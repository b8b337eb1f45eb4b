/**
 * Records a step written for tfjs as one TensorFlow graph: `tf.function` for tfjs.
 *
 * tfjs-node sends every operation, forward and gradient, through `executeOp` of its binding. While a step is recorded,
 * that binding is replaced by one that computes nothing: it adds each operation to a TensorFlow graph, which infers the
 * shapes of the results, and hands out tensors without values. State becomes variables, feeds placeholders, and
 * everything else that enters an operation a constant. So a number that changes from step to step must be a feed.
 */
import { mapState } from "../runs/tensor_values.ts";
import { backend, type Binding, type BoundTensor, type OpAttribute, type Tensor, tf } from "./backend.ts";
import {
  attributeOf,
  attributes,
  type AttributeValue,
  constantNode,
  DATA_TYPE,
  type GraphNode,
  shapeValue,
} from "./graph_def.ts";
import { Graph, type SymbolicResult } from "./session.ts";
import { checkSameNames, type StateTensors } from "./state_values.ts";

/** Shape and type of a tensor. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
}

/** Specs of a step's state, by group and name. */
export type StateSpecs = { [group: string]: { [name: string]: TensorSpec } };

/** A step as operations. Results are called `node` or `node:index`. */
export interface Recording {
  readonly nodes: GraphNode[];
  /** New value of every tensor of the state that changes. */
  readonly updates: { variable: string; dtype: number; value: string }[];
  /** Result of every loss. */
  readonly losses: { [name: string]: string };
}

/** What is recorded: a function of tensors to tensors, see `StepFunction`. */
export type Recordable = (
  state: StateTensors,
  feeds: { [name: string]: Tensor },
) => { state: StateTensors; losses: { [name: string]: Tensor } };

/** Name of the variable that holds a tensor of the state. */
export function variableName(group: string, name: string): string {
  return `${group}/${name}`;
}

/** Node of a variable: the session keeps one value for all nodes of that shared name. */
export function variableNode(variable: string, { shape, dtype }: TensorSpec): GraphNode {
  const attr = attributes({
    "dtype": { type: DATA_TYPE[dtype] },
    "shape": { shape: shapeValue(shape) },
    "shared_name": { s: new TextEncoder().encode(variable) },
  });
  return { name: `variable/${variable}`, op: "VarHandleOp", input: [], attr };
}

/**
 * Records one step.
 * @throws {Error} naming what cannot be recorded: an operation TensorFlow does not know, an attribute, values that the
 * step reads, a state whose names or shapes differ from before
 */
export function record(
  step: Recordable,
  state: StateSpecs,
  feeds: { [name: string]: TensorSpec },
): Recording {
  const recorder = new Recorder(backend().binding);
  const own = backend().binding;
  backend().binding = recorder.binding();
  try {
    const result: { recording?: Recording } = {};
    tf.tidy(() => {
      const variables = mapState(
        state,
        (spec, name, group) => recorder.variable(variableName(group, name), spec),
      );
      const placeholders = Object.fromEntries(
        Object.entries(feeds).map(([name, spec]) => [name, recorder.placeholder(name, spec)]),
      );
      const next = step(variables, placeholders);
      const updates: Recording["updates"] = [];
      checkSameNames(next.state, state);
      mapState(variables, (before, name, group) => {
        const after = next.state[group][name];
        const variable = variableName(group, name);
        if (`${after.shape}` !== `${before.shape}` || after.dtype !== before.dtype) {
          throw new Error(
            `The step changes "${name}" of "${group}" from ${before.dtype} [${before.shape}] to ${after.dtype} [${after.shape}]; a state keeps its shapes.`,
          );
        }
        const value = recorder.resultOf(after);
        const dtype = DATA_TYPE[before.dtype as TensorSpec["dtype"]];
        if (value !== recorder.resultOf(before)) updates.push({ variable, dtype, value });
      });
      const losses = Object.fromEntries(
        Object.entries(next.losses).map(([name, loss]) => [name, recorder.resultOf(loss)]),
      );
      result.recording = { nodes: recorder.nodes, updates, losses };
    });
    return result.recording!;
  } finally {
    backend().binding = own;
    recorder.dispose();
  }
}

/** Numbers from here on are tensors without values; the binding counts its own from 0. */
const FIRST_SYMBOLIC_ID = 2 ** 30;

class Recorder {
  readonly nodes: GraphNode[] = [];
  readonly #graph = new Graph();
  readonly #results = new Map<number, { name: string; result: SymbolicResult }>();
  readonly #uploaded = new Map<number, { shape: readonly number[]; dtype: number; bytes: Uint8Array }>();
  #nextId = FIRST_SYMBOLIC_ID;

  constructor(readonly original: Binding) {}

  /** The binding that records. Its own properties are read-only, so a copy is changed. */
  binding(): Binding {
    const copy: Record<string, unknown> = {};
    const original = this.original as unknown as Record<string, unknown>;
    for (const key of Object.getOwnPropertyNames(original)) {
      const value = original[key];
      copy[key] = typeof value === "function" ? value.bind(original) : value;
    }
    const recording: Partial<Binding> = {
      executeOp: (op, attributes, inputs, outputCount) => this.#execute(op, attributes, inputs, outputCount),
      createTensor: (shape, dtype, values) => this.#upload(shape, dtype, values as ArrayBufferView),
      deleteTensor: (id) => {
        if (id < FIRST_SYMBOLIC_ID) this.original.deleteTensor(id);
      },
      tensorDataSync: (id) => {
        if (id < FIRST_SYMBOLIC_ID) return this.original.tensorDataSync(id);
        throw new Error(
          `The step reads the values of ${
            this.#results.get(id)?.name
          } while it is traced, when there are none yet: ` +
            "no dataSync(), data() or tfjs function that looks at values may stand in a traced step.",
        );
      },
    };
    return Object.assign(copy as unknown as Binding, recording);
  }

  variable(variable: string, spec: TensorSpec): Tensor {
    const handle = variableNode(variable, spec);
    const [resource] = this.#add(handle, [], 1);
    const read: GraphNode = {
      name: `read/${variable}`,
      op: "ReadVariableOp",
      input: [handle.name],
      attr: attributes({ dtype: { type: DATA_TYPE[spec.dtype] } }),
    };
    return this.#tensor(read.name, this.#add(read, [resource], 1)[0]);
  }

  placeholder(name: string, { shape, dtype }: TensorSpec): Tensor {
    const attr = attributes({ dtype: { type: DATA_TYPE[dtype] }, shape: { shape: shapeValue(shape) } });
    const node: GraphNode = { name: `feed/${name}`, op: "Placeholder", input: [], attr };
    return this.#tensor(node.name, this.#add(node, [], 1)[0]);
  }

  /** Name of the result that a tensor stands for. */
  resultOf(tensor: Tensor): string {
    return this.#resultOf(backend().getInputTensorIds([tensor])[0]).name;
  }

  dispose(): void {
    this.#graph.dispose();
  }

  #execute(
    op: string,
    given: readonly OpAttribute[],
    inputIds: readonly number[],
    outputCount: number,
  ): BoundTensor[] {
    const inputs = inputIds.map((id) => this.#resultOf(id));
    const attr = attributes(
      Object.fromEntries(given.map((each) => [each.name, this.#attribute(op, each)])),
    );
    const node: GraphNode = {
      name: `n${this.nodes.length}_${op}`,
      op,
      input: inputs.map(({ name }) => name),
      attr,
    };
    const results = this.#add(node, inputs.map(({ result }) => result), outputCount);
    if (results.some(({ shape }, i) => !shape && !(op === "FusedBatchNormV3" && i === 5))) {
      throw new Error(
        `The operation ${op} cannot be traced: TensorFlow cannot tell the shape of its result before it runs.`,
      );
    }
    return results.map((result, i) => this.#bound(i === 0 ? node.name : `${node.name}:${i}`, result));
  }

  #add(node: GraphNode, inputs: readonly SymbolicResult[], outputCount: number): SymbolicResult[] {
    // Operations that take a list (AddN, ConcatV2, Pack) say its length in `N`; the list comes first.
    const listed = Number(attributeOf(node, "N")?.i ?? 0);
    const operands = listed > 0 ? [inputs.slice(0, listed), ...inputs.slice(listed)] : inputs;
    try {
      const results = this.#graph.add(node, operands, outputCount);
      this.nodes.push(node);
      return results;
    } catch (cause) {
      throw new Error(`The operation ${node.op} cannot be traced: ${(cause as Error).message}`, { cause });
    }
  }

  #bound(name: string, result: SymbolicResult): BoundTensor {
    const id = this.#nextId++;
    this.#results.set(id, { name, result });
    return { id, shape: result.shape ?? [0], dtype: result.dtype };
  }

  #tensor(name: string, result: SymbolicResult): Tensor {
    return backend().createOutputTensor(this.#bound(name, result));
  }

  #resultOf(id: number): { name: string; result: SymbolicResult } {
    const known = this.#results.get(id);
    if (known) return known;
    const { shape, dtype, bytes } = this.#uploaded.get(id) ?? this.#download(id);
    const node = constantNode(`n${this.nodes.length}_Const`, dtype, shape, bytes);
    const entry = { name: node.name, result: this.#add(node, [], 1)[0] };
    this.#results.set(id, entry);
    return entry;
  }

  /** A constant made while recording. It is uploaded as well, since its tensor may live on. */
  #upload(shape: number[], dtype: number, values: ArrayBufferView): number {
    const id = this.original.createTensor(shape, dtype, values);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
    this.#uploaded.set(id, { shape: [...shape], dtype, bytes });
    return id;
  }

  /** A tensor that existed before, such as one that the step's closure holds. */
  #download(id: number): { shape: readonly number[]; dtype: number; bytes: Uint8Array } {
    const [{ id: copy, shape, dtype }] = this.original.executeOp("Identity", [], [id], 1);
    const values = this.original.tensorDataSync(copy);
    this.original.deleteTensor(copy);
    return { shape, dtype, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
  }

  #attribute(op: string, { name, type, value }: OpAttribute): AttributeValue {
    const binding = this.original;
    const list = Array.isArray(value) ? value as number[] : undefined;
    switch (type) {
      case binding.TF_ATTR_TYPE:
        return { type: value as number };
      case binding.TF_ATTR_INT:
        return list ? { list: { i: list } } : { i: value as number };
      case binding.TF_ATTR_FLOAT:
        return list ? { list: { f: list } } : { f: value as number };
      case binding.TF_ATTR_BOOL:
        if (!list) return { b: Boolean(value) };
        break;
      case binding.TF_ATTR_STRING:
        return { s: new TextEncoder().encode(value as string) };
      case binding.TF_ATTR_SHAPE:
        return { shape: shapeValue(value as number[]) };
    }
    throw new Error(
      `The operation ${op} cannot be traced: its attribute "${name}" is of a kind (${type}) not known here.`,
    );
  }
}
