/**
 * The sockets of `rank_watch.ts`. Rank 0 listens, all others connect to it and stay. Lines of JSON go both ways, at
 * least one every few seconds: a connection that closes or falls silent is a rank that is lost.
 */
import type { Place } from "./ranks.ts";

/** What the main thread asks for. */
export type Order =
  | { to: "join"; place: Place; agreement: string; patience: number }
  | { to: "tell"; reason: string }
  | { to: "finish" };

/** What it hears back. `reason` comes with `failed` and `waiting`. */
export interface Answer {
  is: "waiting" | "joined" | "failed" | "told" | "finished";
  reason?: string;
}

/** A line between ranks. */
interface Line {
  is: "hello" | "beat" | "joined" | "failed" | "finished";
  rank?: number;
  agreement?: string;
  reason?: string;
}

const BEAT = 2_000;
/** A rank unheard for so long is lost, ms. */
const SILENCE = 20_000;

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(answer: Answer): void;
};

class Watch {
  /** Open connections by the rank at the other end: rank 0 has all others, they have rank 0. */
  readonly #peers = new Map<number, { connection: Deno.Conn; heard: number }>();
  readonly #finished = new Set<number>();
  #over = false;
  #joined = false;
  #ticked = performance.now();

  constructor(readonly place: Place, readonly agreement: string, readonly patience: number) {
    setInterval(() => this.#tick(), BEAT);
    setTimeout(() => !this.#joined && scope.postMessage({ is: "waiting", reason: this.#missing() }), 5_000);
    setTimeout(() => {
      if (this.#joined) return;
      this.#fail(
        `${this.#missing()} They have not come within ${Math.round(patience / 1000)} s: look at what they ` +
          "printed, and whether the hosts reach each other's ports.",
      );
    }, patience);
    if (place.rank === 0) this.#listen();
    else this.#connect();
  }

  /** Tells all others why this rank stops. */
  async tell(reason: string): Promise<void> {
    if (!this.#over) {
      this.#over = true;
      await this.#sendAll({ is: "failed", reason: `Rank ${this.place.rank} has stopped: ${reason}` });
    }
    scope.postMessage({ is: "told" });
  }

  /** This rank has done its part. */
  finish(): void {
    this.#finished.add(this.place.rank);
    if (this.place.rank !== 0) this.#sendAll({ is: "finished" });
    else this.#endIfAllFinished();
  }

  #listen(): void {
    const [host, port] = split(this.place.meeting);
    let listener: Deno.TcpListener;
    try {
      listener = Deno.listen({ hostname: host === "localhost" ? "127.0.0.1" : "0.0.0.0", port });
    } catch (error) {
      this.#fail(
        `Rank 0 cannot listen on port ${port} (${
          (error as Error).message
        }). If another program has it, give all ` +
          "ranks another EMOCO_PORT.",
      );
      return;
    }
    (async () => {
      for await (const connection of listener) this.#meet(connection);
    })();
  }

  /** A connection to rank 0: by a rank that says hello, or by a stranger who is not answered. */
  async #meet(connection: Deno.Conn): Promise<void> {
    let rank: number | undefined;
    await this.#read(connection, (line) => {
      if (rank !== undefined) return this.#hear(rank, line);
      const isRank = line.is === "hello" && line.rank! > 0 && line.rank! < this.place.size;
      if (!isRank || this.#peers.has(line.rank!)) return connection.close();
      rank = line.rank!;
      this.#peers.set(rank, { connection, heard: performance.now() });
      if (line.agreement !== this.agreement) {
        this.#fail(
          `Rank ${rank} was started with other settings, other faces or another checkpoint than rank 0. ` +
            "Start all ranks by the same command, in a folder that all hosts share.",
        );
      } else if (this.#peers.size === this.place.size - 1) {
        this.#join();
        this.#sendAll({ is: "joined" });
      }
    });
    if (rank !== undefined) this.#lose(rank);
  }

  async #connect(): Promise<void> {
    const [hostname, port] = split(this.place.meeting);
    while (!this.#over) {
      try {
        const connection = await Deno.connect({ hostname, port });
        this.#peers.set(0, { connection, heard: performance.now() });
        await this.#sendAll({ is: "hello", rank: this.place.rank, agreement: this.agreement });
        await this.#read(connection, (line) => this.#hear(0, line));
        return this.#lose(0);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 300)); // rank 0 does not listen yet
      }
    }
  }

  #hear(rank: number, { is, reason }: Line): void {
    this.#peers.get(rank)!.heard = performance.now();
    if (is === "joined") this.#join();
    else if (is === "failed") this.#fail(reason!);
    else if (is === "finished" && this.place.rank === 0) {
      this.#finished.add(rank);
      this.#endIfAllFinished();
    } else if (is === "finished") this.#end();
  }

  #join(): void {
    this.#joined = true;
    scope.postMessage({ is: "joined" });
  }

  async #endIfAllFinished(): Promise<void> {
    if (this.#finished.size < this.place.size) return;
    await this.#sendAll({ is: "finished" });
    this.#end();
  }

  #end(): void {
    this.#over = true;
    scope.postMessage({ is: "finished" });
  }

  #lose(rank: number): void {
    this.#fail(
      `Rank ${rank} (${this.place.addresses[rank]}) has ended in the middle of the run, killed or crashed; ` +
        "its own output may say why. The last checkpoint is kept.",
    );
  }

  async #fail(reason: string): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    await this.#sendAll({ is: "failed", reason });
    scope.postMessage({ is: "failed", reason });
  }

  #tick(): void {
    const now = performance.now();
    // After a sleep of its own, as of a suspended job, this rank has heard nobody, and nobody is to blame.
    if (now - this.#ticked > 2 * BEAT) { for (const peer of this.#peers.values()) peer.heard = now; }
    this.#ticked = now;
    for (const [rank, { heard }] of this.#peers) {
      if (now - heard > SILENCE) {
        this.#fail(
          `Rank ${rank} (${this.place.addresses[rank]}) has been silent for ${
            SILENCE / 1000
          } s: its host or the ` +
            "network is down. The last checkpoint is kept.",
        );
      }
    }
    this.#sendAll({ is: "beat" });
  }

  async #sendAll(line: Line): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
    // What cannot be written is noticed where it is read.
    await Promise.all(
      [...this.#peers.values()].map(({ connection }) => connection.write(bytes).catch(() => {})),
    );
  }

  /** Hands over line by line until the connection ends. */
  async #read(connection: Deno.Conn, hear: (line: Line) => void): Promise<void> {
    let rest = "";
    try {
      for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        if (rest.length > LONGEST_LINE) return connection.close();
        for (const line of lines) hear(JSON.parse(line));
      }
    } catch {
      // closed, reset, or by somebody who speaks otherwise
    }
  }

  #missing(): string {
    const ranks = Array.from({ length: this.place.size }, (_, rank) => rank);
    const missing = this.place.rank === 0
      ? ranks.filter((rank) => rank > 0 && !this.#peers.has(rank))
      : this.#peers.has(0)
      ? []
      : [0];
    if (missing.length === 0) return "Waiting for the other ranks.";
    return `Waiting for ${missing.map((rank) => `rank ${rank} (${this.place.addresses[rank]})`).join(", ")}.`;
  }
}

const LONGEST_LINE = 100_000;

function split(address: string): [host: string, port: number] {
  const [host, port] = address.split(":");
  return [host, Number(port)];
}

let watch: Watch;
scope.onmessage = ({ data }) => {
  if (data.to === "join") watch = new Watch(data.place, data.agreement, data.patience);
  else if (data.to === "tell") watch.tell(data.reason);
  else watch.finish();
};
