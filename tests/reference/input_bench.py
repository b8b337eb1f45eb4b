"""The peer of `deno task bench input`: decoding and two MoCo v2 views by a PyTorch DataLoader with torchvision.

Reads lines "round <steps>" and answers each with one line of JSON; see tools/bench/contender.ts. Pictures are decoded by
Pillow and augmented by torchvision.transforms on Pillow images, as MoCo's own code does.
"""
import argparse
import json
import random
import resource
import sys
import time

import numpy as np
import torch
import torchvision
from PIL import Image, ImageFilter
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


MADE_AHEAD = 4  # batches that stand ready when a round begins, on either side: they must not count


class GaussianBlur:
    """MoCo v2's, for the sizes that it is drawn for: sigma 0.1 to 2 at 224 px."""

    def __init__(self, size):
        self.scale = size / 224

    def __call__(self, image):
        return image.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0) * self.scale))


class TwoViews(Dataset):
    def __init__(self, files, size, least):
        self.files = files
        self.view = transforms.Compose([
            transforms.RandomResizedCrop(size, scale=(least, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([GaussianBlur(size)], p=0.5),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with open(self.files[index], "rb") as file:
            image = Image.open(file).convert("RGB")
        return self.view(image), self.view(image)


def seed_worker(_):
    random.seed(torch.initial_seed() % 2**32)
    np.random.seed(torch.initial_seed() % 2**32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--least", type=float, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    files = open(args.list, encoding="utf-8").read().split("\n")
    loader = DataLoader(
        TwoViews([file for file in files if file], args.size, args.least), batch_size=args.batch, shuffle=True,
        num_workers=args.workers, drop_last=True, persistent_workers=True,
        prefetch_factor=max(1, MADE_AHEAD // args.workers), worker_init_fn=seed_worker)

    def batches():
        while True:
            yield from loader

    source = batches()
    next(source)
    engine = f"torch {torch.__version__}, torchvision {torchvision.__version__}, Pillow {Image.__version__}"
    print(json.dumps(dict(engine=engine, parameters=0)), flush=True)
    for line in sys.stdin:
        steps = int(line.split()[1])
        for _ in range(MADE_AHEAD):
            next(source)
        total, start = 0.0, time.perf_counter()
        for _ in range(steps):
            query, key = next(source)
            total += float(query[0, 0, 0, 0]) + float(key[0, 0, 0, 0])
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(dict(seconds=seconds, cpuSeconds=0, loss=total, peakBytes=peak)), flush=True)


if __name__ == "__main__":
    main()
