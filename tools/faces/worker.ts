/// <reference lib="webworker" />
/** Draws the portraits it is sent, with the head it was sent first. */
import type { Portrait } from "./draw.ts";
import type { Head } from "./head.ts";
import { HeadModel } from "./model.ts";
import { renderFace } from "./render.ts";

let model: HeadModel | null = null;

self.onmessage = ({ data }: MessageEvent<{ head: Head } | { portrait: Portrait }>) => {
  if ("head" in data) {
    model = new HeadModel(data.head);
    return;
  }
  const { subject, weights, scene, view, samples } = data.portrait;
  const picture = renderFace(model!, subject, weights, scene, view, samples);
  self.postMessage(picture, [picture.data.buffer]);
};
