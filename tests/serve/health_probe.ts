/** Asks a server for its health every 20 ms for some seconds, from a process of its own; prints how long that took. */
const [url, seconds] = Deno.args;
const took: number[] = [], late: number[] = [];
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const slept = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  late.push(performance.now() - slept - 20); // how long this process itself is kept waiting for a processor
  const asked = performance.now();
  const response = await fetch(`${url}/v2/health/live`);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`Health answers ${response.status}.`);
  took.push(performance.now() - asked);
}
const p95 = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.95)];
// deno-lint-ignore no-console
console.log(JSON.stringify({ count: took.length, p95: p95(took), lateness: p95(late) }));
