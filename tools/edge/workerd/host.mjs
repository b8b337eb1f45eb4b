/**
 * Runs workerd for tests and benches, in Node, since Deno may start programs only by names that its command line lists:
 * `node host.mjs workerd workerd.capnp`. Prints what workerd says of its sockets, a line of JSON each, and for each line
 * that it reads its resident memory in bytes and the milliseconds of processor time that it has used; ends with its input.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Linux counts processor time in hundredths of a second, whatever its clock (man 5 proc, USER_HZ). */
const TICK_MS = 10;

const [binary, config] = process.argv.slice(2);
const local = ["--socket-addr=http=127.0.0.1:0", "--inspector-addr=127.0.0.1:0", "--control-fd=3"];
const workerd = spawn(binary, ["serve", ...local, config], {
  stdio: ["ignore", "inherit", "inherit", "pipe"],
});
workerd.on("exit", (code) => process.exit(code ?? 0));
createInterface({ input: workerd.stdio[3] }).on("line", (line) => console.log(line));
createInterface({ input: process.stdin }).on("line", () => {
  const [, kilobytes] = readFileSync(`/proc/${workerd.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/);
  const [user, system] = readFileSync(`/proc/${workerd.pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ")
    .slice(11, 13);
  console.log(
    JSON.stringify({
      memory: 1024 * Number(kilobytes),
      processor: (Number(user) + Number(system)) * TICK_MS,
    }),
  );
}).on("close", () => workerd.kill("SIGKILL")); // the gentle way waits until every connection is closed
