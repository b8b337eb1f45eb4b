/**
 * The smallest host of a built edge, for its test and its bench: prints its address, and its memory in bytes at `/rss`. The
 * first argument is the folder.
 */
const { default: edge } = await import(new URL(`file://${Deno.args[0]}/edge.js`).href);
Deno.serve(
  {
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
  },
  (request) =>
    new URL(request.url).pathname === "/rss"
      ? new Response(String(Deno.memoryUsage().rss))
      : edge.fetch(request),
);
