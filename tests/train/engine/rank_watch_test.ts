import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { runTogether } from "../../../train/engine/rank_watch.ts";
import { type Place, placeOf } from "../../../train/engine/ranks.ts";
import { RunError } from "../../../train/runs/run_folder.ts";
import { freePorts } from "./free_ports.ts";

describe("runTogether", () => {
  /** Starts `size` ranks in this process; the outcome of each is its error, or undefined. */
  function start(
    size: number,
    body: (place: Place) => Promise<void>,
    {
      agreements = Array<string>(size).fill("same"),
      absent = [] as number[],
      patience = 60_000,
      returned = () => {},
    } = {},
  ): Promise<(Error | void)[]> {
    const port = String(freePorts(1));
    const outcomes = agreements.map((agreement, rank) => {
      if (absent.includes(rank)) return Promise.resolve(undefined);
      const variables: { [name: string]: string } = {
        EMOCO_RANK: `${rank}`,
        EMOCO_SIZE: `${size}`,
        EMOCO_PORT: port,
      };
      const place = placeOf((name) => variables[name])!;
      return runTogether(place, { agreement, patience }, () => body(place))
        .then(returned, (error) => error as Error);
    });
    return Promise.all(outcomes);
  }
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const forEver = () => new Promise<void>(() => {});

  it("begins when all have come and returns when all have ended", async () => {
    let begun = 0, ended = 0;
    const endedAtReturn: number[] = [];
    const outcomes = await start(3, async ({ rank }) => {
      begun++;
      while (begun < 3) await pause(5);
      await pause(100 * rank);
      ended++;
    }, { returned: () => void endedAtReturn.push(ended) });
    assertEquals([outcomes, endedAtReturn], [[undefined, undefined, undefined], [3, 3, 3]]);
  });

  for (const failing of [0, 2]) {
    it(`stops all with the reason when rank ${failing} fails`, async () => {
      const outcomes = await start(3, async ({ rank }) => {
        if (rank !== failing) return await forEver();
        await pause(50);
        throw new RunError("The disk is full.");
      });
      outcomes.forEach((error, rank) => {
        assert(error instanceof RunError);
        const reason = "The disk is full.";
        assertEquals(error.message, rank === failing ? reason : `Rank ${failing} has stopped: ${reason}`);
      });
    });
  }

  for (const victim of [0, 1]) {
    it(`says that rank ${victim} was lost when it is killed, though TensorFlow's error comes first`, async () => {
      const port = String(freePorts(1));
      const env = { EMOCO_RANK: `${victim}`, EMOCO_SIZE: "2", EMOCO_PORT: port };
      const program = fileURLToPath(new URL("./waiting_rank.ts", import.meta.url));
      const permissions = ["read", "env", "net"].map((each) => `--allow-${each}`);
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", ...permissions, program],
        env,
        stdout: "piped",
      }).spawn();
      const place = placeOf((name) =>
        name === "EMOCO_RANK" ? `${1 - victim}` : ({ ...env } as { [name: string]: string })[name]
      )!;
      const error = await assertRejects(
        () =>
          runTogether(place, { agreement: "same" }, async () => {
            await child.stdout.getReader().read(); // it is in its body as well
            child.kill("SIGKILL");
            throw new Error("UNAVAILABLE: recvmsg:Connection reset by peer");
          }),
        RunError,
      );
      assertStringIncludes(error.message, `Rank ${victim} (localhost:`);
      assertStringIncludes(error.message, "has ended in the middle of the run");
      await child.status;
    });
  }

  it("refuses ranks that were started otherwise", async () => {
    let begun = 0;
    const agreements = ["same", "other"];
    const outcomes = await start(2, () => Promise.resolve(void begun++), { agreements });
    for (const error of outcomes) {
      assertStringIncludes(error!.message, "Rank 1 was started with other settings");
    }
    assertEquals(begun, 0);
  });

  for (const missing of [0, 1]) {
    it(`names rank ${missing} when it does not come`, async () => {
      const outcomes = await start(2, forEver, { absent: [missing], patience: 500 });
      assertStringIncludes(outcomes[1 - missing]!.message, `Waiting for rank ${missing} (localhost:`);
      assertStringIncludes(outcomes[1 - missing]!.message, "not come within 1 s");
    });
  }

  it("does not mind a stranger who speaks to its port", async () => {
    const outcomes = await start(2, async ({ rank, meeting }) => {
      if (rank === 0) return await pause(300);
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(meeting.split(":")[1]) });
      await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
      assertEquals(await connection.read(new Uint8Array(9)), null, "nobody answers");
      connection.close();
    });
    assertEquals(outcomes, [undefined, undefined]);
  });

  it("says that the port is taken", async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const variables: { [name: string]: string } = {
      EMOCO_RANK: "0",
      EMOCO_SIZE: "2",
      EMOCO_PORT: `${taken.addr.port}`,
    };
    const place = placeOf((name) => variables[name])!;
    await assertRejects(
      () => runTogether(place, { agreement: "", patience: 60_000 }, forEver),
      RunError,
      "give all ranks another EMOCO_PORT",
    );
  });
});
