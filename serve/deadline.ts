/**
 * A signal that aborts when a time is over or when another does. `AbortSignal.any` and `AbortSignal.timeout` would do,
 * but hold on to their sources and timers after the work is over; a server makes thousands.
 * @module
 */
import { ApiError } from "./api_error.ts";

/** A deadline; `end` it when the work is over. */
export interface Deadline {
  readonly signal: AbortSignal;
  end(): void;
}

/** Aborts after `ms` with a 504, or with the reason of `parent` when that aborts first. */
export function startDeadline(ms: number, parent: AbortSignal): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new ApiError(504, "deadline", "The answer was not ready in time.")),
    ms,
  );
  const follow = () => controller.abort(new ApiError(499, "client-gone", "The client has gone."));
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow);
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      parent.removeEventListener("abort", follow);
    },
  };
}
