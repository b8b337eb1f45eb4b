/**
 * Rewrites a recorded step so that its state changes in place.
 *
 * A step is pure: it makes a new value of every variable, by several passes over memory each. Three forms of such
 * updates are recognised and become TensorFlow's operations on variables; whatever has another form stays as it is and
 * is assigned at the end. The forms, m, d and l being numbers that never change and r a scalar:
 *   v <- m v + g + d w, w <- w - r v   momentum with weight decay (`sgd`)
 *   k <- m k + (1 - m) x               a running average (`follow`, batch-norm statistics)
 *   q <- q with rows replaced          a ring of keys (`enqueue`)
 */
import { attributeOf, attributes, constantNode, DATA_TYPE, type GraphNode } from "./graph_def.ts";
import type { Recording } from "./trace.ts";

/** Nodes of a step that updates its variables, and the nodes that do so. */
export interface UpdatingGraph {
  readonly nodes: readonly GraphNode[];
  readonly targets: readonly string[];
  readonly losses: Recording["losses"];
}

/**
 * The recorded step with its updates as operations on variables, in place where the form of an update allows.
 * @param aliases whether what is read from a variable is its own memory; with XLA it may be a copy
 */
export function updateInPlace(recording: Recording, { aliases }: { aliases: boolean }): UpdatingGraph {
  return new Rewriter(recording).rewrite(aliases);
}

/** Results that are the same memory as the first input. */
const ALIASES = new Set(["Reshape", "Identity", "ExpandDims", "Squeeze"]);

class Rewriter {
  #nodes: Map<string, GraphNode>;
  #added = 0;
  readonly #targets: string[] = [];
  /** New value of each variable that is still to be assigned. */
  readonly #pending: Map<string, { dtype: number; value: string }>;
  readonly #losses: Recording["losses"];

  constructor({ nodes, updates, losses }: Recording) {
    // Inputs are replaced below, and the recording must stay what it was.
    this.#nodes = new Map(nodes.map((node) => [node.name, { ...node, input: [...node.input] }]));
    this.#pending = new Map(updates.map(({ variable, dtype, value }) => [variable, { dtype, value }]));
    this.#losses = { ...losses };
  }

  rewrite(aliases: boolean): UpdatingGraph {
    // Whatever is computed for nobody goes first and after each pass: an update in place waits for all who read.
    const pass = (update: (variable: string, value: string) => boolean) => {
      this.#removeUnreached();
      for (const [variable, { value }] of [...this.#pending]) {
        if (this.#pending.has(variable)) update(variable, value);
      }
    };
    pass((variable, value) => this.#average(variable, value));
    if (aliases) pass((variable, value) => this.#replaceRows(variable, value));
    pass((variable, value) => this.#momentum(variable, value));
    for (const [variable, { dtype, value }] of this.#pending) {
      const input = [handle(variable), value, `^${read(variable)}`];
      this.#update("AssignVariableOp", input, { dtype: { type: dtype } });
    }
    this.#pending.clear();
    this.#removeUnreached();
    return { nodes: [...this.#nodes.values()], targets: this.#targets, losses: this.#losses };
  }

  /** v <- m v + g + d w as v <- v + (d / m) w; then v <- m v + g, w <- w - r v, which is one operation. */
  #momentum(velocity: string, value: string): boolean {
    const sum = this.#nodes.get(value);
    if (sum?.op !== "AddN" || sum.input.length !== 3) return false;
    const [scaledVelocity, gradient, decayed] = sum.input;
    const m = this.#scaled(scaledVelocity), d = this.#scaled(decayed);
    if (!m || !d || m.of !== read(velocity) || m.by === 0) return false;
    const weight = variableOf(d.of);
    const step = this.#nodes.get(this.#pending.get(weight ?? "")?.value ?? "");
    if (!weight || step?.op !== "Sub" || step.input[0] !== d.of) return false;
    const product = this.#nodes.get(step.input[1]);
    if (product?.op !== "Mul" || product.input[0] !== value) return false;
    // Nothing else may look at the new values: they exist in the variables only.
    if (!this.#usedOnlyBy(value, product) || !this.#usedOnlyBy(product.name, step)) return false;
    if (!this.#usedOnlyBy(step.name)) return false;

    const own = [scaledVelocity, decayed, step.name];
    const after = [velocity, weight].flatMap((variable) => this.#readersOf(variable, own));
    const float = { T: { type: DATA_TYPE.float32 } };
    const ratio = this.#constant(-d.by / m.by);
    const decay = this.#update("ResourceApplyGradientDescent", [handle(velocity), ratio, d.of], float);
    const operands = [handle(weight), handle(velocity), product.input[1], gradient, this.#constant(m.by)];
    const waits = [decay, ...after].map((name) => `^${name}`);
    this.#update("ResourceApplyMomentum", [...operands, ...waits], float);
    this.#pending.delete(velocity);
    this.#pending.delete(weight);
    return true;
  }

  /**
   * k <- m k + (1 - m) x by the operation that adds to a variable and scales it, proximal gradient descent:
   * k <- (k - a x) / (1 + a l). With a = -(1 - m) / m and l = -1 that is the average.
   */
  #average(variable: string, value: string): boolean {
    const sum = this.#nodes.get(value);
    if (sum?.op !== "Add" && sum?.op !== "AddV2") return false;
    const [old, now] = sum.input.map((name) => this.#scaled(name));
    if (!old || !now || old.of !== read(variable) || old.by === 0) return false;
    if (Math.abs(old.by + now.by - 1) > 1e-6) return false;
    const rate = -(1 - old.by) / old.by;
    const operands = [handle(variable), ...[rate, 0, -1].map((number) => this.#constant(number)), now.of];
    const readers = this.#readersOf(variable, [sum.input[0]]);
    if (this.#reachedFrom(readers).has(value)) return false; // old and new value meet: they cannot share memory
    const waits = readers.map((name) => `^${name}`);
    const float = { T: { type: DATA_TYPE.float32 } };
    const name = this.#update("ResourceApplyProximalGradientDescent", [...operands, ...waits], float);
    this.#pending.delete(variable);
    // Who used the sum reads the variable once more.
    const again = this.#add("ReadVariableOp", [handle(variable), `^${name}`], { dtype: float.T });
    const replace = (result: string) => result === value ? again : result;
    for (const node of this.#nodes.values()) node.input = node.input.map(replace);
    for (const update of this.#pending.values()) update.value = replace(update.value);
    for (const [name, loss] of Object.entries(this.#losses)) this.#losses[name] = replace(loss);
    return true;
  }

  /** Rows of a variable replaced by others: written into the variable's own memory, once all others have read it. */
  #replaceRows(variable: string, value: string): boolean {
    const shaped = this.#nodes.get(value);
    const scatter = this.#nodes.get(shaped?.input[0] ?? "");
    const flat = this.#nodes.get(scatter?.input[0] ?? "");
    const indices = this.#nodes.get(scatter?.input[1] ?? "");
    if (shaped?.op !== "Reshape" || scatter?.op !== "TensorScatterUpdate" || flat?.op !== "Reshape") {
      return false;
    }
    if (flat.input[0] !== read(variable) || indices?.op !== "Reshape") return false;
    if (!this.#usedOnlyBy(scatter.name, shaped) || !this.#usedOnlyBy(value)) return false;
    const waits = this.#readersOf(variable, [flat.name, scatter.name]).map((name) => `^${name}`);
    const operands = [flat.name, indices.input[0], scatter.input[2]];
    this.#update("InplaceUpdate", [...operands, ...waits], { T: { type: DATA_TYPE.float32 } });
    this.#pending.delete(variable);
    return true;
  }

  /** What a product with a constant number multiplies, and by how much. */
  #scaled(result: string): { of: string; by: number } | undefined {
    const product = this.#nodes.get(result);
    if (product?.op !== "Mul") return undefined;
    const factor = this.#nodes.get(product.input[1]);
    const tensor = factor?.op === "Const" ? attributeOf(factor, "value")?.tensor : undefined;
    if (tensor?.dtype !== DATA_TYPE.float32 || tensor.tensorContent.length !== 4) return undefined;
    return { of: product.input[0], by: new Float32Array(tensor.tensorContent.slice().buffer)[0] };
  }

  /**
   * The read of a variable and all who look at what was read, but the given: they come before it changes in place.
   * One that held the old value longer would keep it, since TensorFlow copies then, at the cost of that copy.
   */
  #readersOf(variable: string, except: readonly string[]): string[] {
    const readers = new Set([read(variable)]);
    for (const result of readers) { // grows while it is walked
      const { op } = this.#nodes.get(result)!;
      if (result !== read(variable) && !ALIASES.has(op)) continue;
      for (const { name } of this.#users(result)) if (!except.includes(name)) readers.add(name);
    }
    return [...readers];
  }

  #users(result: string): GraphNode[] {
    return [...this.#nodes.values()].filter(({ input }) => input.includes(result));
  }

  #usedOnlyBy(result: string, user?: GraphNode): boolean {
    return !Object.values(this.#losses).includes(result) &&
      this.#users(result).every((each) => each === user);
  }

  #constant(value: number): string {
    const bytes = new Uint8Array(Float32Array.of(value).buffer);
    const node = constantNode(`added${this.#added++}_Const`, DATA_TYPE.float32, [], bytes);
    this.#nodes.set(node.name, node);
    return node.name;
  }

  #add(op: string, input: string[], attr: Parameters<typeof attributes>[0]): string {
    const name = `added${this.#added++}_${op}`;
    this.#nodes.set(name, { name, op, input, attr: attributes(attr) });
    return name;
  }

  /** Adds what changes a variable. */
  #update(op: string, input: string[], attr: Parameters<typeof attributes>[0]): string {
    const name = this.#add(op, input, attr);
    this.#targets.push(name);
    return name;
  }

  #removeUnreached(): void {
    const values = [...this.#pending.values()].map(({ value }) => value);
    const reached = this.#reachedFrom([...this.#targets, ...Object.values(this.#losses), ...values]);
    this.#nodes = new Map([...this.#nodes].filter(([name]) => reached.has(name)));
  }

  /** Nodes that the given results need, and their own. */
  #reachedFrom(results: readonly string[]): Set<string> {
    const reached = new Set<string>();
    const waiting = [...results];
    for (let result = waiting.pop(); result !== undefined; result = waiting.pop()) {
      const name = result.replace(/^\^/, "").split(":")[0];
      if (reached.has(name)) continue;
      reached.add(name);
      waiting.push(...this.#nodes.get(name)!.input);
    }
    return reached;
  }
}

function handle(variable: string): string {
  return `variable/${variable}`;
}

function read(variable: string): string {
  return `read/${variable}`;
}

function variableOf(result: string): string | undefined {
  return result.startsWith("read/") ? result.slice("read/".length) : undefined;
}
