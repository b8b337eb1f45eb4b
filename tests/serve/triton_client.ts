/** Triton's own client for Python, kept beside what else the project has in the user's cache. */
import { join } from "node:path";

/** Pinned; the client's optional parts (gRPC, asyncio, CUDA) are left out, which makes it a download of 30 MB. */
const PACKAGES = [
  ...["tritonclient==2.73.0", "geventhttpclient==2.6.1", "gevent==26.9.0", "greenlet==3.5.6", "numpy==2.4.6"],
  ...["python-rapidjson==1.25", "urllib3==2.8.0", "certifi==2026.10.19.post1", "brotli==1.2.1"],
  ...["zope.event==6.2", "zope.interface==8.7", "ml_dtypes==0.6.0"],
];

/**
 * Runs lines of Python with `http` (tritonclient.http), `address` (host and port) and an empty `said`, which is what comes
 * back. The client is installed by pip when it is not there yet.
 * @throws {Error} with what pip or Python said
 */
export async function tritonClient(url: string, script: string): Promise<Record<string, unknown>> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? ".", ".cache");
  const folder = join(cache, "emoco", `${PACKAGES[0].replace("==", "-")}-http`);
  const begin = "import json, sys, tritonclient.http as http\nsaid, address = {}, sys.argv[1]\n";
  const ask = () =>
    python(["-c", `${begin}${script}\nprint(json.dumps(said))`, new URL(url).host], { PYTHONPATH: folder });
  if (!await Deno.stat(folder).then(() => true, () => false)) await install(folder);
  return JSON.parse(await ask());
}

/** The folder appears when everything is in it; another test at the same time loses nothing but its own copy. */
async function install(folder: string): Promise<void> {
  const part = `${folder}.${crypto.randomUUID()}`;
  const options = [
    "--quiet",
    "--disable-pip-version-check",
    "--no-warn-script-location",
    "--no-deps",
    "--no-compile",
  ];
  await python(["-m", "pip", "install", ...options, "--target", part, ...PACKAGES]);
  await Deno.rename(part, folder).catch(() => Deno.remove(part, { recursive: true }));
}

async function python(args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("python3", { args, env }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`python3 ${args[0]} ${args[1].slice(0, 20)}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
