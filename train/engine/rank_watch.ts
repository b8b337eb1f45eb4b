/** Ranks watch each other, since TensorFlow's runtime waits for ever for one that is gone: one fails, all stop. */
import type { Answer, Order } from "./rank_watch_worker.ts";
import type { Place } from "./ranks.ts";
import { RunError } from "../runs/run_folder.ts";

/**
 * Runs `body` on every rank at once and returns when it has ended on all of them.
 *
 * @param agreement what all ranks must have been started with; they are compared before `body` begins
 * @param patience how long to wait for all ranks to come, ms
 * @throws {RunError} when ranks do not come, disagree, end early or fall silent; each rank says which and why
 */
export async function runTogether(
  place: Place,
  { agreement, patience = 300_000 }: { agreement: string; patience?: number },
  body: () => Promise<void>,
): Promise<void> {
  // In a thread of its own: this one is busy for long while a step is traced or a checkpoint written.
  const worker = new Worker(new URL("./rank_watch_worker.ts", import.meta.url), { type: "module" });
  const order = (message: Order) => worker.postMessage(message);
  const heard = new Map<Answer["is"], () => void>();
  const hear = (what: Answer["is"]) => new Promise<void>((resolve) => heard.set(what, resolve));
  const failure = new Promise<never>((_, fail) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (data.is === "failed") fail(new RunError(data.reason!));
      else if (data.is === "waiting") console.log(data.reason);
      else heard.get(data.is)?.();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new RunError(`Rank ${place.rank} cannot watch the others: ${event.message}`));
    };
  });
  failure.catch(() => {}); // it is met where it is raced
  const orElse = (what: Promise<void>) => Promise.race([what, failure]);
  try {
    const joined = hear("joined");
    order({ to: "join", place, agreement, patience });
    await orElse(joined);
    await orElse(body());
    const finished = hear("finished");
    order({ to: "finish" });
    await orElse(finished);
  } catch (caught) {
    const error = await causeOf(caught as Error, failure);
    const told = hear("told");
    order({ to: "tell", reason: error.message });
    await Promise.race([told, failure.catch(() => {})]); // others that know already need not be told
    throw error;
  } finally {
    worker.terminate();
  }
}

/** TensorFlow's own error may come first when another rank is lost; the reason is what the watch says a moment later. */
async function causeOf(error: Error, failure: Promise<never>): Promise<Error> {
  if (error.name !== "Error") return error; // one that this project throws on purpose
  const pause = new Promise<Error>((resolve) => setTimeout(() => resolve(error), 5_000));
  return await Promise.race([pause, failure.catch((reason: Error) => reason)]);
}
