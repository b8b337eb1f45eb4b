/**
 * Requests a minute of each client: a bucket of tokens that fills evenly. Our own, since the known middleware keeps an
 * unbounded table and a timer; this one forgets the client that was longest unheard of.
 * @module
 */

/** Clients that are remembered at one time. */
const MOST_CLIENTS = 10_000;

/** Counts the requests of clients. */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    /** Also the most that may come at once. */
    readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts a request; 0 when it may pass, else the seconds until the client may ask again. */
  take(client: string): number {
    const now = this.now(), perMs = this.perMinute / 60_000;
    const bucket = this.#buckets.get(client) ?? { tokens: this.perMinute, at: now };
    const tokens = Math.min(this.perMinute, bucket.tokens + (now - bucket.at) * perMs);
    const passes = tokens >= 1;
    this.#buckets.delete(client); // so that the table is in the order of the last request
    this.#buckets.set(client, { tokens: passes ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > MOST_CLIENTS) this.#buckets.delete(this.#buckets.keys().next().value!);
    return passes ? 0 : Math.ceil((1 - tokens) / perMs / 1000);
  }
}
