/**
 * What the server counts, for Prometheus.
 * @module
 */
import type * as client from "prom-client";
import { Counter, Gauge, Histogram, Registry } from "./prometheus.ts";
import type { Answer, ImageDetector } from "./image_detector.ts";
import type { WorkQueue } from "./queue.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The server's counters. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: client.Histogram<"method" | "route" | "status">;
  readonly #stages: client.Histogram<"stage">;
  readonly #images: client.Counter;
  readonly #faces: client.Counter;

  constructor(detector: ImageDetector, queue: WorkQueue, memory?: () => number) {
    const registers = [this.#registry];
    this.#requests = new Histogram({
      name: "http_request_duration_seconds",
      help: "Requests, from arrival to answer",
      labelNames: ["method", "route", "status"],
      buckets: SECONDS,
      registers,
    });
    this.#stages = new Histogram({
      name: "emoco_stage_duration_seconds",
      help: "Work on the pictures of a request: decode, find, align, run",
      labelNames: ["stage"],
      buckets: SECONDS,
      registers,
    });
    this.#images = new Counter({ name: "emoco_images_total", help: "Pictures answered", registers });
    this.#faces = new Counter({ name: "emoco_faces_total", help: "Faces found", registers });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    gauge("emoco_queue_places", "Requests that run or wait", () => queue.held);
    gauge("emoco_queue_running", "Requests that run", () => queue.running);
    if (memory) gauge("process_resident_memory_bytes", "Resident memory", memory);
    new Gauge({
      name: "emoco_model_info",
      help: "The model that answers",
      labelNames: ["name", "version", "engine"],
      registers,
      collect() {
        this.reset();
        this.set({ name: detector.card.name, version: detector.card.version, engine: detector.engine }, 1);
      },
    });
  }

  /** Counts an answered request. */
  countRequest(method: string, route: string, status: number, ms: number): void {
    this.#requests.observe({ method, route, status: `${status}` }, ms / 1000);
  }

  /** Counts what was detected. */
  countAnswer({ images, timings }: Answer): void {
    for (const [stage, ms] of Object.entries(timings)) this.#stages.observe({ stage }, ms / 1000);
    this.#images.inc(images.length);
    this.#faces.inc(images.reduce((sum, { faces }) => sum + faces.length, 0));
  }

  /** Everything in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The media type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }
}
