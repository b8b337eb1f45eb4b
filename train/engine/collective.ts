/**
 * Several processes train one model on TensorFlow's own cluster runtime; this is the one file that knows it.
 *
 * Each process, a rank, opens a TensorFlow server, and its traced step runs in a session on its own server. A collective
 * operation inside the graph sums a tensor over all ranks: by NCCL between GPUs, by gRPC, which is slow, between CPUs.
 * Everything the method needs of the others is such a sum: gradients and losses (`meanOverRanks`), statistics of batch
 * norm (`synced_batch_norm.ts`), and the keys for the queues (`gatherRows`).
 */
import { attribute, EngineError, rawOp, type Tensor, tf } from "./backend.ts";
import { attributes, encode, type GraphNode } from "./graph_def.ts";
import type { Place } from "./ranks.ts";
import type { SessionPlace } from "./session.ts";
import { c, checked } from "./tensorflow_c.ts";

/** The ranks that a step is shared by, each of which has a part of the batch. */
export interface Ranks {
  readonly rank: number;
  readonly size: number;
  /** Sum of a float32 tensor over all ranks, the same bits on each. It has no gradient of its own. */
  sum<T extends Tensor>(x: T): T;
}

/** Averages over ranks, by one message for all tensors: each costs time, however short it is. */
export function meanOverRanks(tensors: readonly Tensor[], ranks: Ranks): Tensor[] {
  const flat = tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1])));
  const means = tf.split(tf.mul(ranks.sum(flat), 1 / ranks.size), tensors.map(({ size }) => size));
  return means.map((mean, i) => tf.reshape(mean, tensors[i].shape));
}

/** Rows of all ranks in their order, [N * B, ...] from [B, ...] each: the sum of rows that are zero elsewhere. */
export function gatherRows<T extends Tensor>(x: T, ranks: Ranks): T {
  const { rank, size } = ranks;
  const rows = x.shape[0];
  const paddings = x.shape.map((_, axis): [number, number] =>
    axis === 0 ? [rank * rows, (size - 1 - rank) * rows] : [0, 0]
  );
  return ranks.sum(tf.pad(x, paddings));
}

/**
 * `gatherRows` with a gradient: that of the sum of all ranks' losses, in each of which every rank's rows have a part.
 * Alone, the rows themselves.
 */
export function gatherDifferentiably<T extends Tensor>(x: T, ranks?: Ranks): T {
  if (!ranks) return x;
  const { rank } = ranks;
  const gather = tf.customGrad((...inputs) => ({
    value: gatherRows(inputs[0] as Tensor, ranks),
    gradFunc: (dy: Tensor) => {
      const begin = x.shape.map((_, axis) => axis === 0 ? rank * x.shape[0] : 0);
      return tf.slice(ranks.sum(dy), begin, x.shape);
    },
  }));
  return gather(x) as T;
}

/** This process in the cluster of all ranks: its server, and what a graph and a session need to run there. */
export class Cluster implements Ranks {
  readonly rank: number;
  readonly size: number;
  readonly session: SessionPlace;
  /** This rank's share of its host's processors. */
  readonly processors: number;
  readonly #onGpu: boolean;
  #graphs = 0;

  /**
   * Starts this rank's server, which listens on its address until the process ends. The first run of a session waits
   * for the servers of all others.
   * @throws {EngineError} when it cannot listen there
   */
  constructor(place: Place, onGpu: boolean) {
    this.rank = place.rank;
    this.size = place.size;
    this.#onGpu = onGpu;
    this.processors = Math.max(1, Math.floor(navigator.hardwareConcurrency / place.localSize));
    const config = {
      intraOpParallelismThreads: this.processors,
      gpuOptions: { allowGrowth: true },
      allowSoftPlacement: true,
      experimental: { collectiveGroupLeader: taskName(0), collectiveNccl: onGpu },
    };
    const server = encode("ServerDef", {
      cluster: { job: [{ name: "worker", tasks: { ...place.addresses } }] },
      jobName: "worker",
      taskIndex: place.rank,
      defaultSessionConfig: config,
      protocol: "grpc",
    });
    try {
      const pointer = checked((status) => c.TF_NewServer(server, BigInt(server.length), status));
      checked((status) => c.TF_ServerStart(pointer, status));
      const target = Deno.UnsafePointerView.getCString(c.TF_ServerTarget(pointer)!);
      this.session = { target, config };
    } catch (cause) {
      throw new EngineError(
        `Rank ${place.rank} cannot listen on ${
          place.addresses[place.rank]
        }. If another program has the port, give ` +
          `all ranks another EMOCO_PORT, the first of their ports. (${(cause as Error).message})`,
        { cause },
      );
    }
  }

  sum<T extends Tensor>(x: T): T {
    const settings = [
      attribute.type("T", "float32"),
      attribute.int("group_size", this.size),
      attribute.int("group_key", 1), // the group of all ranks, the only one
      attribute.int("instance_key", 0), // given by `place`
      attribute.string("merge_op", "Add"),
      attribute.string("final_op", "Id"),
      attribute.int("subdiv_offsets", [0]),
      attribute.int("wait_for", []),
      attribute.string("communication_hint", this.#onGpu ? "nccl" : "auto"),
      attribute.float("timeout_seconds", 0),
    ];
    return rawOp("CollectiveReduce", settings, [x], 1)[0] as T;
  }

  /**
   * The nodes of a graph on this rank's devices, and the RunOptions of its runs. Every rank must place the same graphs
   * in the same order. Collectives form a chain in the order in which they were recorded: ranks that came to them in
   * different orders would wait for each other for ever.
   */
  place(nodes: readonly GraphNode[]): { nodes: GraphNode[]; runOptions: object } {
    const graph = ++this.#graphs;
    let last: GraphNode | undefined;
    let key = graph * 100_000; // far from the keys of other graphs
    const placed = nodes.map((node) => {
      const here: GraphNode = { ...node, device: taskName(this.rank) };
      if (node.op !== "CollectiveReduce") return here;
      here.attr = { ...node.attr, ...attributes({ "instance_key": { i: key++ } }) };
      if (last) here.input = [...node.input, `^${last.name}`];
      return last = here;
    });
    return { nodes: placed, runOptions: { experimental: { collectiveGraphKey: graph } } };
  }
}

function taskName(rank: number): string {
  return `/job:worker/replica:0/task:${rank}`;
}
