import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { HELP, readFlags, UsageError } from "../../serve/flags.ts";

describe("readFlags", () => {
  it("serves on 127.0.0.1:8000 with a worker a processor, at most eight, when nothing is said", () => {
    assertEquals(readFlags([], 4), {
      port: 8000,
      host: "127.0.0.1",
      model: undefined,
      engine: "auto",
      token: undefined,
      cors: undefined,
      queue: 64,
      workers: 4,
      ratePerMinute: undefined,
      deadlineMs: 30_000,
      graceMs: 5000,
    });
    assertEquals(readFlags([], 32)?.workers, 8);
  });

  it("reads every option, after -- as well", () => {
    const args = "-- --port=9 --host=::1 --model=m --engine=wasm --token=a.B=" +
      " --cors=https://a.example,http://b.example:81 --queue=0 --workers=3 --rate=60 --deadline=0.5 --grace=0";
    assertEquals(readFlags(args.split(" "), 4), {
      port: 9,
      host: "::1",
      model: "m",
      engine: "wasm",
      token: "a.B=",
      cors: ["https://a.example", "http://b.example:81"],
      queue: 0,
      workers: 3,
      ratePerMinute: 60,
      deadlineMs: 500,
      graceMs: 0,
    });
  });

  it("says what is wrong with a command line", () => {
    for (
      const [argument, sentence] of [
        ["--color=red", "--color is no option. Options are: --port, "],
        ["--port", "--port needs a value"],
        ["--port=", "--port needs a value"],
        ["--port=seven", "--port=seven: it must be a whole number from 0 to 65535."],
        ["--queue=1.5", "a whole number from 0 to 10000"],
        ["--workers=0", "a whole number from 1 to 64"],
        ["--deadline=0", "a number from 0.1 to 3600"],
        ["--engine=gpu", "an engine is native, wasm or auto"],
        ["--token=two words", "a token is made of"],
        ["--cors=example.org", '"example.org" is no origin'],
        ["--cors=https://a.example/path", '"https://a.example/path" is no origin'],
        ["words", '"words" stands alone'],
        ["--token-file=", "--token-file needs a value"],
      ]
    ) assertThrows(() => readFlags([argument], 2), UsageError, sentence);
  });

  it("takes a host as URLs write it, and a file for the token", () => {
    assertEquals(readFlags(["--host=[::1]"], 2)?.host, "::1");
    assertEquals(readFlags(["--host=localhost"], 2)?.host, "localhost");
    assertEquals(readFlags(["--token-file=secret.txt"], 2)?.tokenFile, "secret.txt");
    assertThrows(() => readFlags(["--token-file=a", "--token=b"], 2), UsageError, "one of them");
  });

  it("gives way to the help, which names every option", () => {
    assertEquals(readFlags(["--help"], 2), undefined);
    for (const name of "port host model engine token cors queue workers rate deadline grace".split(" ")) {
      assertStringIncludes(HELP, `--${name}=`);
    }
  });
});
