/**
 * Keeps the page on the device, so that it works without a network after the first visit. The models and the engine
 * are kept by the worker that fetched them (fetch_file.ts).
 * @module
 */
import { KEPT } from "./fetch_file.ts";

declare const self: ServiceWorkerGlobalScope & {
  /** Written above this program by the build. */
  readonly BUILD: {
    /** Names the cache of the page's code; another build has another one. */
    readonly version: string;
    /** The page's code. */
    readonly files: readonly string[];
    /** Models and engines. */
    readonly large: readonly string[];
    /** Headers that every file is given, also where the host does not send them. */
    readonly headers: Readonly<Record<string, string>>;
  };
};

const { version, files, large, headers } = self.BUILD;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(version).then((cache) => cache.addAll(files)));
});

// A new build waits until the last page of the old one is closed, whose files would be gone.
self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== version && name !== KEPT) await caches.delete(name);
    const kept = await caches.open(KEPT);
    for (const request of await kept.keys()) {
      if (!large.some((file) => request.url.endsWith(`/${file}`))) await kept.delete(request);
    }
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(answer(request));
});

async function answer(request: Request): Promise<Response> {
  const kept = await caches.match(request, { ignoreSearch: request.mode === "navigate" });
  return withHeaders(kept ?? await fetch(request));
}

/** With cross-origin isolation, which wasm's threads need and a plain static host does not give. */
function withHeaders(response: Response): Response {
  if (response.status !== 200) return response;
  const all = new Headers(response.headers);
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return new Response(response.body, { status: 200, headers: all });
}
