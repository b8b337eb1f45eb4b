import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { UsageError } from "../../../train/runs/flags.ts";
import { gpuOf, placeOf } from "../../../train/engine/ranks.ts";

describe("placeOf", () => {
  const place = (variables: { [name: string]: string }) => placeOf((name) => variables[name]);

  it("is undefined for a process that nobody has started as a rank, and for a single rank", () => {
    assertEquals(place({}), undefined);
    assertEquals(place({ EMOCO_RANK: "0", EMOCO_SIZE: "1" }), undefined);
    // A batch script of Slurm that runs the program itself, without srun.
    assertEquals(place({ SLURM_PROCID: "0", SLURM_NTASKS: "8", SLURM_JOB_NODELIST: "a[1-2]" }), undefined);
  });

  it("puts ranks of which it knows no hosts on this one, each with a port of its own", () => {
    assertEquals(place({ EMOCO_RANK: "1", EMOCO_SIZE: "3", EMOCO_PORT: "7000" }), {
      rank: 1,
      size: 3,
      localRank: 1,
      localSize: 3,
      addresses: ["localhost:7001", "localhost:7002", "localhost:7003"],
      meeting: "localhost:7000",
    });
  });

  it("reads Open MPI's variables, and hosts in mpirun's form", () => {
    const variables = {
      OMPI_COMM_WORLD_RANK: "5",
      OMPI_COMM_WORLD_SIZE: "6",
      OMPI_COMM_WORLD_LOCAL_SIZE: "2",
      EMOCO_HOSTS: "one.lab:4,two:2",
    };
    assertEquals(place(variables), {
      rank: 5,
      size: 6,
      localRank: 1,
      localSize: 2,
      addresses: [
        ...["one.lab:24311", "one.lab:24312", "one.lab:24313", "one.lab:24314"],
        ...["two:24311", "two:24312"],
      ],
      meeting: "one.lab:24310",
    });
    const { EMOCO_HOSTS: _, ...without } = variables;
    assertThrows(() => place(without), UsageError, "mpirun -x EMOCO_HOSTS=one:4,two:4");
    assertThrows(() => place({ ...variables, EMOCO_HOSTS: "one:4" }), UsageError, "take 4 ranks");
    assertThrows(() => place({ ...variables, EMOCO_HOSTS: "one,two" }), UsageError, "EMOCO_HOSTS=one,two");
  });

  it("reads the variables of MPICH and Intel MPI", () => {
    const variables = { PMI_RANK: "1", PMI_SIZE: "2", MPI_LOCALNRANKS: "2" };
    assertEquals(place(variables)?.addresses, ["localhost:24311", "localhost:24312"]);
  });

  it("writes out Slurm's short lists of hosts and of tasks", () => {
    const slurm = (list: string, tasks: string, rank: number, size: number) =>
      place({
        SLURM_PROCID: `${rank}`,
        SLURM_STEP_NUM_TASKS: `${size}`,
        SLURM_STEP_NODELIST: list,
        SLURM_STEP_TASKS_PER_NODE: tasks,
      })!;
    const hosts = (list: string, tasks: string, size: number) =>
      slurm(list, tasks, 0, size).addresses.map((address) => address.split(":")[0]);
    assertEquals(hosts("gpu[08-10,12],login", "1(x4),2", 6), [
      ...["gpu08", "gpu09", "gpu10", "gpu12", "login", "login"],
    ]);
    assertEquals(hosts("r[1-2]n[3,5]", "1(x4)", 4), ["r1n3", "r1n5", "r2n3", "r2n5"]);
    const { localRank, localSize } = slurm("a,b", "2,3", 4, 5);
    assertEquals([localRank, localSize], [2, 3]);
  });

  it("says which variable is wrong", () => {
    assertThrows(() => place({ EMOCO_RANK: "0" }), UsageError, "EMOCO_SIZE is not set");
    assertThrows(() => place({ EMOCO_RANK: "x", EMOCO_SIZE: "2" }), UsageError, "EMOCO_RANK is x");
    assertThrows(() => place({ EMOCO_RANK: "2", EMOCO_SIZE: "2" }), UsageError, "ranks of 2 end at 1");
    const port = { EMOCO_RANK: "0", EMOCO_SIZE: "2", EMOCO_PORT: "high" };
    assertThrows(() => place(port), UsageError, "EMOCO_PORT is high");
  });
});

describe("gpuOf", () => {
  it("gives each rank of a host one GPU, of all or of those that its launcher allows", () => {
    const gpus = (visible?: string) =>
      [0, 1, 2, 3].map((rank) => {
        const place = placeOf((name) =>
          ({ EMOCO_RANK: `${rank}`, EMOCO_SIZE: "4" } as Record<string, string>)[name]
        )!;
        return gpuOf(place, visible);
      });
    assertEquals(gpus(), ["0", "1", "2", "3"]);
    assertEquals(gpus("4,5,6,7"), ["4", "5", "6", "7"]);
    assertEquals(gpus("-1"), ["-1", "-1", "-1", "-1"], "--device=cpu");
    assertEquals(gpus("2"), ["2", "2", "2", "2"], "the launcher has shared them out, each task sees its own");
  });
});
