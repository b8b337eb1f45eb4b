/** Ports for the tests that start several ranks. */

/** The first of `count` neighbouring ports that nobody listens on at this moment. */
export function freePorts(count: number): number {
  for (let tries = 0; tries < 100; tries++) {
    const taken: Deno.TcpListener[] = [];
    try {
      taken.push(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
      const first = taken[0].addr.port;
      for (let i = 1; i < count; i++) taken.push(Deno.listen({ hostname: "127.0.0.1", port: first + i }));
      return first;
    } catch {
      // one of the neighbours is taken
    } finally {
      for (const listener of taken) listener.close();
    }
  }
  throw new Error(`This machine has no ${count} free ports in a row.`);
}
