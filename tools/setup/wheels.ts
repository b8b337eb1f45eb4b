/**
 * The wheels that TensorFlow's C library comes from, each pinned by version and sha256.
 *
 * The project uses no Python for TensorFlow; the wheels are where its current C library is published. The NVIDIA
 * wheels are the newest that TensorFlow's own extra `and-cuda` admits.
 * @module
 */

/** One file of the Python package index, and what is taken out of it. */
export interface Wheel {
  /** Name of the package, as pip takes it. */
  readonly name: string;
  readonly version: string;
  /** Name of the file. */
  readonly file: string;
  /** Size of the file. */
  readonly bytes: number;
  readonly sha256: string;
  /** Beginnings of the paths that are unpacked. */
  readonly prefixes: readonly string[];
}

/** A TensorFlow that can be put in place. */
export interface Engine {
  readonly name: "cpu" | "cuda";
  readonly wheels: readonly Wheel[];
  /** Disk space that download and installation take together. */
  readonly bytes: number;
}

export const TENSORFLOW_VERSION = "2.21.0";

// Of the 11,000 headers, the addon includes these.
const TENSORFLOW_PREFIXES = [
  "tensorflow/libtensorflow_cc.so.2",
  "tensorflow/libtensorflow_framework.so.2",
  "tensorflow/include/tensorflow/c/",
  "tensorflow/include/tensorflow/core/platform/ctstring",
  "tensorflow/include/tsl/platform/ctstring",
  "tensorflow/include/xla/tsl/c/",
];

/** TensorFlow without CUDA. */
export const CPU: Engine = {
  name: "cpu",
  bytes: 1.3e9,
  wheels: [{
    name: "tensorflow-cpu",
    version: TENSORFLOW_VERSION,
    file: "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    bytes: 273_829_956,
    sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
    prefixes: TENSORFLOW_PREFIXES,
  }],
};

/** TensorFlow with the CUDA 12 libraries it loads where a GPU is found. */
export const CUDA: Engine = {
  name: "cuda",
  bytes: 9.5e9,
  wheels: [
    {
      name: "tensorflow",
      version: TENSORFLOW_VERSION,
      file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
      bytes: 572_440_367,
      sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
      prefixes: TENSORFLOW_PREFIXES,
    },
    {
      name: "nvidia-cublas-cu12",
      version: "12.9.3.13",
      file: "nvidia_cublas_cu12-12.9.3.13-py3-none-manylinux_2_27_x86_64.whl",
      bytes: 581_217_458,
      sha256: "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72",
      prefixes: ["nvidia/cublas/lib/"],
    },
    {
      name: "nvidia-cuda-cupti-cu12",
      version: "12.9.79",
      file: "nvidia_cuda_cupti_cu12-12.9.79-py3-none-manylinux_2_25_x86_64.whl",
      bytes: 10_814_997,
      sha256: "096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f",
      prefixes: ["nvidia/cuda_cupti/lib/"],
    },
    {
      name: "nvidia-cuda-nvcc-cu12",
      version: "12.9.86",
      file: "nvidia_cuda_nvcc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
      bytes: 40_546_229,
      sha256: "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
      prefixes: ["nvidia/cuda_nvcc/bin/", "nvidia/cuda_nvcc/nvvm/"],
    },
    {
      name: "nvidia-cuda-nvrtc-cu12",
      version: "12.9.86",
      file: "nvidia_cuda_nvrtc_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
      bytes: 89_568_129,
      sha256: "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
      prefixes: ["nvidia/cuda_nvrtc/lib/"],
    },
    {
      name: "nvidia-cuda-runtime-cu12",
      version: "12.9.79",
      file: "nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
      bytes: 3_493_179,
      sha256: "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
      prefixes: ["nvidia/cuda_runtime/lib/"],
    },
    {
      name: "nvidia-cudnn-cu12",
      version: "9.28.0.42",
      file: "nvidia_cudnn_cu12-9.28.0.42-py3-none-manylinux_2_27_x86_64.whl",
      bytes: 716_538_495,
      sha256: "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375",
      prefixes: ["nvidia/cudnn/lib/"],
    },
    {
      name: "nvidia-cufft-cu12",
      version: "11.4.1.4",
      file: "nvidia_cufft_cu12-11.4.1.4-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
      bytes: 200_877_592,
      sha256: "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28",
      prefixes: ["nvidia/cufft/lib/"],
    },
    {
      name: "nvidia-curand-cu12",
      version: "10.3.10.19",
      file: "nvidia_curand_cu12-10.3.10.19-py3-none-manylinux_2_27_x86_64.whl",
      bytes: 68_295_626,
      sha256: "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e",
      prefixes: ["nvidia/curand/lib/"],
    },
    {
      name: "nvidia-cusolver-cu12",
      version: "11.7.5.82",
      file: "nvidia_cusolver_cu12-11.7.5.82-py3-none-manylinux_2_27_x86_64.whl",
      bytes: 338_117_415,
      sha256: "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88",
      prefixes: ["nvidia/cusolver/lib/"],
    },
    {
      name: "nvidia-cusparse-cu12",
      version: "12.5.10.65",
      file: "nvidia_cusparse_cu12-12.5.10.65-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
      bytes: 366_465_088,
      sha256: "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78",
      prefixes: ["nvidia/cusparse/lib/"],
    },
    {
      name: "nvidia-nccl-cu12",
      version: "2.32.3",
      file: "nvidia_nccl_cu12-2.32.3-py3-none-manylinux_2_27_x86_64.whl",
      bytes: 351_526_311,
      sha256: "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c",
      prefixes: ["nvidia/nccl/lib/"],
    },
    {
      name: "nvidia-nvjitlink-cu12",
      version: "12.9.86",
      file: "nvidia_nvjitlink_cu12-12.9.86-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
      bytes: 39_748_338,
      sha256: "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9",
      prefixes: ["nvidia/nvjitlink/lib/"],
    },
  ],
};
