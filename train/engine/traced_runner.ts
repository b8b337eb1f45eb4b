/** A step that runs as one TensorFlow graph, its state in variables of a session. */
import type { Precision } from "./precisions.ts";
import { mapState, type StateValues, type TensorValues } from "../runs/tensor_values.ts";
import type { Cluster } from "./collective.ts";
import { updateInPlace } from "./graph_rewrite.ts";
import { attributes, DATA_TYPE, encode, graphDef, type GraphNode } from "./graph_def.ts";
import { checkFilled, checkSameState, type FeedValues, type StepRunner } from "./state_values.ts";
import { Graph, Session } from "./session.ts";
import {
  record,
  type Recordable,
  type Recording,
  type StateSpecs,
  type TensorSpec,
  variableName,
  variableNode,
} from "./trace.ts";
import { differenceOf } from "./trace_difference.ts";

/** How a traced step computes. */
export interface TraceOptions {
  /** The ranks that share the step: it runs on this one's server. */
  cluster?: Cluster;
  /** Compile with XLA where it can. */
  xla?: boolean;
  /** What convolutions and matrix products compute in; state, losses and updates are float32 in any case. */
  precision?: Precision;
  /** Receives TensorFlow's timings (a RunMetadata message) of every run; slows runs down. */
  profile?: (runMetadata: Uint8Array) => void;
  /** Receives the operations of every graph that is handed to TensorFlow. */
  traced?: (nodes: readonly GraphNode[]) => void;
}

/** The graph for feeds of one shape. */
interface Trace {
  readonly feeds: readonly string[];
  readonly losses: readonly string[];
  readonly recording: Recording;
  readonly specs: { [name: string]: TensorSpec };
  readonly call: ReturnType<Session["prepare"]>;
  runs: number;
  checkAt: number;
}

/**
 * Opens a step as a graph. Each new set of feed shapes is recorded when it first comes.
 *
 * A step that depends on anything but its state and feeds would go on with what it saw while it was recorded. So it is
 * recorded again before runs 2, 8, 32, ..., and must give the same graph: else the run throws an error that names what
 * has changed.
 */
export function openTraced(
  step: Recordable,
  initial: StateValues,
  { cluster, xla = false, precision = "float32", profile, traced }: TraceOptions = {},
): StepRunner {
  const specs: StateSpecs = mapState(initial, specOf);
  const graph = new Graph();
  const place = (nodes: readonly GraphNode[]) => cluster?.place(nodes) ?? { nodes, runOptions: {} };
  graph.import(graphDef(place(stateNodes(specs)).nodes), "state");
  const session = new Session(graph, sessionConfig({ xla, precision, cluster }), cluster?.session.target);
  const traces = new Map<string, Trace>();

  const traceFor = (feeds: FeedValues): Trace => {
    const feedSpecs = mapState({ feeds }, specOf).feeds;
    const key = JSON.stringify(feedSpecs);
    const known = traces.get(key);
    if (known) return known;
    const recording = record(step, specs, feedSpecs);
    const prefix = `trace${traces.size}`;
    const { nodes, targets, losses: results } = updateInPlace(recording, { aliases: !xla });
    const placed = place(nodes);
    traced?.(placed.nodes);
    graph.import(graphDef(placed.nodes), prefix);
    const used = new Set(nodes.map(({ name }) => name));
    const names = Object.keys(feedSpecs).filter((name) => used.has(`feed/${name}`));
    const losses = Object.keys(recording.losses);
    const call = session.prepare({
      feeds: names.map((name) => `${prefix}/feed/${name}`),
      fetches: losses.map((name) => `${prefix}/${results[name]}`),
      targets: targets.map((name) => `${prefix}/${name}`),
    }, placed.runOptions);
    const trace = { feeds: names, losses, recording, specs: feedSpecs, call, runs: 0, checkAt: 2 };
    traces.set(key, trace);
    return trace;
  };

  const runner: StepRunner = {
    async run(feeds) {
      for (const [name, feed] of Object.entries(feeds)) checkFilled(`feed "${name}"`, feed);
      const trace = traceFor(feeds);
      trace.runs++;
      if (trace.runs === trace.checkAt) {
        trace.checkAt *= 4;
        const difference = differenceOf(trace.recording, record(step, specs, trace.specs));
        if (difference) {
          throw new Error(
            `The step is not the same as when it was traced: ${difference}. What changes from step to step must be a feed.`,
          );
        }
      }
      const values = await trace.call(trace.feeds.map((name) => feeds[name]), profile);
      return Object.fromEntries(
        trace.losses.map((name, i) => [name, values[i].values as Float32Array<ArrayBuffer>]),
      );
    },
    async readState(...groups) {
      const wanted = Object.entries(specs).filter(([group]) => !groups.length || groups.includes(group));
      const variables = wanted.flatMap(([group, members]) =>
        Object.keys(members).map((name) => variableName(group, name))
      );
      const fetches = variables.map((variable) => `state/read/${variable}`);
      const values = fetches.length > 0 ? await session.prepare({ feeds: [], fetches, targets: [] })([]) : [];
      const byVariable = new Map(variables.map((variable, i) => [variable, values[i]]));
      return mapState(
        Object.fromEntries(wanted),
        (_, name, group) => byVariable.get(variableName(group, name))!,
      );
    },
    async writeState(state) {
      checkSameState(state, specs);
      const [variables, values] = [[] as string[], [] as TensorValues[]];
      mapState(state, (value, name, group) => {
        variables.push(variableName(group, name));
        values.push(value);
      });
      const feeds = variables.map((variable) => `state/new/${variable}`);
      const targets = variables.map((variable) => `state/write/${variable}`);
      await session.prepare({ feeds, fetches: [], targets })(values);
    },
    dispose() {
      session.dispose();
      graph.dispose();
    },
  };

  // The first call of any method waits until the initial state is in its variables.
  const written = runner.writeState(initial);
  return {
    ...runner,
    run: (feeds) => written.then(() => runner.run(feeds)),
    readState: (...groups) => written.then(() => runner.readState(...groups)),
    writeState: (state) => written.then(() => runner.writeState(state)),
  };
}

function specOf({ shape, values }: TensorValues): TensorSpec {
  return { shape, dtype: values instanceof Int32Array ? "int32" : "float32" };
}

/** Variables with what reads and writes them from outside. */
function stateNodes(specs: StateSpecs): GraphNode[] {
  const nodes: GraphNode[] = [];
  mapState(specs, (spec, name, group) => {
    const variable = variableName(group, name);
    const handle = variableNode(variable, spec);
    const attr = attributes({ dtype: { type: DATA_TYPE[spec.dtype] } });
    nodes.push(
      handle,
      { name: `read/${variable}`, op: "ReadVariableOp", input: [handle.name], attr },
      { name: `new/${variable}`, op: "Placeholder", input: [], attr },
      { name: `write/${variable}`, op: "AssignVariableOp", input: [handle.name, `new/${variable}`], attr },
    );
  });
  return nodes;
}

function sessionConfig(
  { xla, precision, cluster }:
    & Required<Pick<TraceOptions, "xla" | "precision">>
    & Pick<TraceOptions, "cluster">,
): Uint8Array<ArrayBuffer> {
  const ON_2 = 2; // OptimizerOptions.GlobalJitLevel
  const ON = 1, OFF = 2; // RewriterConfig.Toggle
  return encode("ConfigProto", {
    gpuOptions: { allowGrowth: true },
    ...cluster?.session.config,
    graphOptions: {
      optimizerOptions: { globalJitLevel: xla ? ON_2 : 0 },
      rewriteOptions: { autoMixedPrecisionOnednnBfloat16: precision === "bfloat16" ? ON : OFF },
    },
  });
}
