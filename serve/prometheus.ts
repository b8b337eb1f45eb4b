/**
 * The parts of prom-client that count, without those that watch a Node process: what they ask of the platform, workerd
 * does not have.
 * @module
 */
import type * as client from "prom-client";
import counter from "prom-client/lib/counter.js";
import gauge from "prom-client/lib/gauge.js";
import histogram from "prom-client/lib/histogram.js";
import registry from "prom-client/lib/registry.js";

// The package declares types for its index only, whose classes these are.
/** Only rises. */
export const Counter = counter as typeof client.Counter;
/** Rises and falls. */
export const Gauge = gauge as typeof client.Gauge;
/** Counts by size. */
export const Histogram = histogram as typeof client.Histogram;
/** Holds all of them. */
export const Registry = registry as typeof client.Registry;
