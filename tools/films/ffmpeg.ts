/**
 * The program ffmpeg: whether it is there, how it hands over every frame, and how its pictures begin.
 * @module
 */
import type { ByteStream } from "./byte_stream.ts";

/** An ffmpeg that was found. */
export interface FoundFfmpeg {
  readonly program: string;
  /** Options without which it repeats and drops frames to hold a steady pace, and labels after that are one off. */
  readonly everyFrame: readonly string[];
}

/** Looks for ffmpeg; undefined where it is not on the PATH, for which `withoutFfmpeg` has the sentence. */
export async function findFfmpeg(program = "ffmpeg"): Promise<FoundFfmpeg | undefined> {
  let version: string;
  try {
    const { stdout } = await new Deno.Command(program, { args: ["-version"], stdin: "null" }).output();
    version = new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
  const old = /^ffmpeg version n?([0-4]\.|5\.0)/.test(version);
  return { program, everyFrame: old ? ["-vsync", "passthrough"] : ["-fps_mode", "passthrough"] };
}

/** Why something cannot be read, and how to get ffmpeg. @param what is read by it, such as "Films" */
export function withoutFfmpeg(what: string): string {
  return `${what} are read by the program ffmpeg, which is not on the PATH: install it (Debian, Ubuntu: apt install ` +
    "ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg) and run the same command again.";
}

/** Width and height from the header of a picture as PAM (`-c:v pam`); nothing at the end of the stream. */
export async function readPamHeader(
  bytes: ByteStream,
): Promise<{ width: number; height: number } | undefined> {
  const header = await bytes.until("ENDHDR\n");
  if (header === undefined) return undefined;
  const number = (name: string) => Number(new RegExp(`${name} (\\d+)`).exec(header)![1]);
  return { width: number("WIDTH"), height: number("HEIGHT") };
}
