/** The list of methods. Each file is loaded when it is asked for, since it brings TensorFlow with it. */
import type { PretrainMethod } from "./method.ts";

/** A method before it is loaded. */
interface Entry {
  /** Its name in tables and reports. */
  title: string;
  /** Where it was published. */
  paper: string;
  load: () => Promise<unknown>;
}

/** Methods by the names that `--method` takes. */
export const METHODS = {
  emoco: {
    title: "EmoCo",
    paper: "Sun, Zeng, Shan, FG 2021",
    load: async () => (await import("./queued.ts")).queued,
  },
  moco: {
    title: "MoCo",
    paper: "He et al., CVPR 2020; v2: Chen et al., 2020",
    load: async () => (await import("./queued.ts")).queued,
  },
  ancor: {
    title: "ANCOR",
    paper: "Bukchin et al., CVPR 2021",
    load: async () => (await import("./queued.ts")).queued,
  },
  simclr: {
    title: "SimCLR",
    paper: "Chen et al., ICML 2020",
    load: async () => (await import("./simclr.ts")).simclr,
  },
  supcon: {
    title: "SupCon",
    paper: "Khosla et al., NeurIPS 2020",
    load: async () => (await import("./supcon.ts")).supcon,
  },
  byol: {
    title: "BYOL",
    paper: "Grill et al., NeurIPS 2020",
    load: async () => (await import("./byol.ts")).byol,
  },
  simsiam: {
    title: "SimSiam",
    paper: "Chen and He, CVPR 2021",
    load: async () => (await import("./simsiam.ts")).simsiam,
  },
  swav: {
    title: "SwAV",
    paper: "Caron et al., NeurIPS 2020",
    load: async () => (await import("./swav.ts")).swav,
  },
  fabnet: {
    title: "FAb-Net",
    paper: "Wiles et al., BMVC 2018",
    load: async () => (await import("./fabnet.ts")).fabnet,
  },
  tcae: {
    title: "TCAE",
    paper: "Li et al., CVPR 2019",
    load: async () => (await import("./tcae.ts")).tcae,
  },
  "temporal-ranking": {
    title: "Temporal Ranking",
    paper: "Lu et al., BMVC 2020",
    load: async () => (await import("./temporal_ranking.ts")).temporalRanking,
  },
} satisfies { [name: string]: Entry };

export type MethodName = keyof typeof METHODS;

/** Whether a method of that name exists. */
export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

/** The method of that name, with TensorFlow. */
export async function loadMethod(name: MethodName): Promise<PretrainMethod> {
  return await METHODS[name].load() as PretrainMethod;
}
