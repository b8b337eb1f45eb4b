/** The place of this process among those that train one model together, as the launcher's environment tells it. */
import { UsageError } from "../runs/flags.ts";

/** One of several processes, each a rank. */
export interface Place {
  rank: number;
  /** Ranks in all, two or more. */
  size: number;
  /** Which of the ranks on its own host it is, and how many those are. */
  localRank: number;
  localSize: number;
  /** `host:port` of every rank's TensorFlow server, in order. */
  addresses: string[];
  /** `host:port` of rank 0 where the ranks watch each other, see `rank_watch.ts`. */
  meeting: string;
}

/** Reads a variable of the environment. */
export type Environment = (name: string) => string | undefined;

/**
 * The place that the environment gives: plain variables (EMOCO_RANK, EMOCO_SIZE), Open MPI's, those of MPICH and Intel
 * MPI, or Slurm's. Undefined for a process that is alone.
 *
 * Slurm tells its hosts. Else EMOCO_HOSTS does, in mpirun's own form (`one:4,two:4`, ranks in that order), and without
 * it all ranks are on this host. Rank 0 listens on EMOCO_PORT (24310), and the ranks of a host on the ports above it.
 * @throws {UsageError} naming the variable that is missing or contradicts another
 */
export function placeOf(read: Environment): Place | undefined {
  const found = LAUNCHERS.find(({ rank, sign = rank }) => read(sign) !== undefined);
  if (!found) return undefined;
  const size = wholeNumber(read, found.size, 1);
  const rank = wholeNumber(read, found.rank, 0);
  if (rank >= size) throw new UsageError(`${found.rank} is ${rank}; ranks of ${size} end at ${size - 1}.`);
  if (size === 1) return undefined;
  const port = read("EMOCO_PORT") === undefined ? DEFAULT_PORT : wholeNumber(read, "EMOCO_PORT", 1);

  const hosts = readHosts(read) ?? onThisHost(found, size, read);
  const places = hosts.flatMap(({ host, ranks }) =>
    Array.from({ length: ranks }, (_, localRank) => ({ host, localRank, localSize: ranks }))
  );
  if (places.length !== size) {
    const list = hosts.map(({ host, ranks }) => `${host}:${ranks}`).join(",");
    throw new UsageError(`The hosts ${list} take ${places.length} ranks, but ${found.size} is ${size}.`);
  }
  const { localRank, localSize } = places[rank];
  const addresses = places.map((place) => `${place.host}:${port + 1 + place.localRank}`);
  return { rank, size, localRank, localSize, addresses, meeting: `${places[0].host}:${port}` };
}

/**
 * The GPU that a rank takes, as a value of CUDA_VISIBLE_DEVICES: one of its own among the ranks of a host.
 * @param visible that variable as the launcher has left it; Slurm lists all GPUs of a job, or the one of each task
 */
export function gpuOf({ localRank }: Place, visible?: string): string {
  if (!visible) return String(localRank);
  const listed = visible.split(",");
  return listed[localRank % listed.length];
}

/** The place of this process. */
export function placeHere(): Place | undefined {
  return placeOf((name) => Deno.env.get(name));
}

const DEFAULT_PORT = 24310;

interface Launcher {
  rank: string;
  size: string;
  /** Set by this launcher alone, where `rank` may be set by others. */
  sign?: string;
  /** Ranks on the same host. */
  localSize?: string;
}

/** In order: a job step of Slurm may run mpirun, never the other way round, and whoever sets our own means it. */
const LAUNCHERS: readonly Launcher[] = [
  { rank: "EMOCO_RANK", size: "EMOCO_SIZE" },
  { rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE", localSize: "OMPI_COMM_WORLD_LOCAL_SIZE" },
  { rank: "PMI_RANK", size: "PMI_SIZE", localSize: "MPI_LOCALNRANKS" },
  // SLURM_NTASKS is set in a batch script as well, where only one process runs; the size of a step by srun alone.
  { rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS", sign: "SLURM_STEP_NUM_TASKS" },
];

type Host = { host: string; ranks: number };

function readHosts(read: Environment): Host[] | undefined {
  const given = read("EMOCO_HOSTS");
  if (given !== undefined) {
    return given.split(",").map((entry) => {
      const [, host, ranks] = /^([\w.-]+):([1-9]\d*)$/.exec(entry.trim()) ?? [];
      if (!host) throw new UsageError(`EMOCO_HOSTS=${given}: give hosts and their ranks as one:4,two:4.`);
      return { host, ranks: Number(ranks) };
    });
  }
  const nodes = read("SLURM_STEP_NODELIST"), tasks = read("SLURM_STEP_TASKS_PER_NODE");
  if (nodes === undefined || tasks === undefined) return undefined;
  const counts = tasks.split(",").flatMap((entry) => {
    const [, count, times = "1"] = /^(\d+)(?:\(x(\d+)\))?$/.exec(entry) ?? [];
    return Array<number>(Number(times)).fill(Number(count));
  });
  return expandNodes(nodes).map((host, i) => ({ host, ranks: counts[i] ?? 0 }));
}

function onThisHost({ size: variable, localSize }: Launcher, size: number, read: Environment): Host[] {
  const here = localSize === undefined ? undefined : read(localSize);
  if (here !== undefined && Number(here) !== size) {
    throw new UsageError(
      `${here} of the ${size} ranks (${variable}) are on this host. Say where all of them are: ` +
        "mpirun -x EMOCO_HOSTS=one:4,two:4, in the order of their ranks.",
    );
  }
  return [{ host: "localhost", ranks: size }];
}

/** Slurm's short form of a list of hosts, written out: `a[01-02,7]b,c` is a01b, a02b, a7b, c. */
function expandNodes(list: string): string[] {
  return list.split(/,(?![^[]*\])/).flatMap((entry) => {
    const [, before, ranges, after] = /^([^[]*)\[([^\]]*)\](.*)$/.exec(entry) ?? [];
    if (ranges === undefined) return [entry];
    return ranges.split(",").flatMap((range) => {
      const [first, last = first] = range.split("-");
      const count = Number(last) - Number(first) + 1;
      const numbers = Array.from({ length: count }, (_, i) => String(Number(first) + i));
      return numbers.flatMap((number) => expandNodes(before + number.padStart(first.length, "0") + after));
    });
  });
}

function wholeNumber(read: Environment, name: string, least: number): number {
  const text = read(name);
  const value = Number(text ?? NaN);
  if (Number.isInteger(value) && value >= least) return value;
  throw new UsageError(`${name} is ${text ?? "not set"}; it must be a whole number of at least ${least}.`);
}
