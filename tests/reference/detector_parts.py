"""What several of the detectors' networks share, in PyTorch's layers; see detectors.py."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from networks import ResNet


def cross_entropy(logits, present):
    return F.binary_cross_entropy_with_logits(logits, present, reduction="none")


def summed(logits, present, known):
    return (cross_entropy(logits, present) * known).sum() / len(logits)


def weighted(cells, known, weights):
    return (cells * known * weights).sum() / known.sum()


def dice(logits, present):
    p = torch.sigmoid(logits)
    return 1 - (2 * p * present + 1) / (p**2 + present**2 + 1)


def rows(x):
    """A map as one row, channels last, as TensorFlow has them."""
    return x.permute(0, 2, 3, 1).flatten(1)


class Patches(nn.Module):
    """Every patch by modules of its own: batch norm, ReLU, convolution. Its parameters are stacked by `Joined`."""

    def __init__(self, inputs, outputs, count, bias):
        super().__init__()
        self.count, self.inputs, self.outputs = count, inputs, outputs
        n = count**2
        self.weight = nn.Parameter(torch.randn(n * outputs, inputs, 3, 3) * (2 / (9 * outputs)) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(n * outputs)) if bias else None
        self.norm = nn.BatchNorm2d(n * inputs)

    def forward(self, x):
        size = x.shape[2] // self.count
        bands = []
        for i in range(self.count):
            band = []
            for j in range(self.count):
                k = i * self.count + j
                own = slice(k * self.inputs, (k + 1) * self.inputs)
                patch = x[:, :, i * size:(i + 1) * size, j * size:(j + 1) * size]
                patch = F.batch_norm(patch, self.norm.running_mean[own], self.norm.running_var[own],
                                     self.norm.weight[own], self.norm.bias[own], self.training, 0.1)
                mine = slice(k * self.outputs, (k + 1) * self.outputs)
                band.append(F.conv2d(F.relu(patch), self.weight[mine], None if self.bias is None else self.bias[mine],
                                     padding=1))
            bands.append(torch.cat(band, 3))
        return torch.cat(bands, 2)


CENTRES = {  # of the units of the fixtures: two points, and how far below them in r = |x39 - x42|
    1: (21, 22, -1 / 2), 2: (18, 25, -1 / 3), 4: (19, 24, 1 / 3), 6: (41, 46, 1), 7: (38, 43, 0), 10: (49, 53, 0),
    12: (48, 54, 0), 17: (56, 58, 1 / 2), 25: (51, 57, 0),
}


def centres_of(points, regions):
    """[B, regions, 2, 2]"""
    r = (points[:, 39, 0] - points[:, 42, 0]).abs()
    found = []
    for one, other, below in regions:
        pair = points[:, [one, other]].clone()
        pair[:, :, 1] += below * r[:, None]
        found.append(pair)
    return torch.stack(found, 1)


def crop(x, centre, side):
    """A crop of one face's map [C, H, W] about a centre in units of the view, moved inside."""
    first = [min(max(int(np.floor(float(c) * n + 0.5 - side / 2)), 0), n - side) for c, n in zip(centre, (x.shape[2], x.shape[1]))]
    return x[:, first[1]:first[1] + side, first[0]:first[0] + side]


def crops(x, centres, side, times):
    """[B, K C, s, s]"""
    picked = [torch.cat([crop(face, c, side) for c in own]) for face, own in zip(x, centres)]
    return torch.stack(picked).repeat_interleave(times, 2).repeat_interleave(times, 3)


class Own(nn.Module):
    """A convolution of its own for each part of the channels, one after the other."""

    def __init__(self, parts, inputs, outputs, kernel, padding=0):
        super().__init__()
        self.parts, self.inputs, self.outputs, self.padding = parts, inputs, outputs, padding
        deviation = (2 / (kernel**2 * outputs)) ** 0.5
        self.weight = nn.Parameter(torch.randn(parts * outputs, inputs, kernel, kernel) * deviation)
        self.bias = nn.Parameter(torch.zeros(parts * outputs))

    def forward(self, x):
        done = []
        for k in range(self.parts):
            mine = slice(k * self.outputs, (k + 1) * self.outputs)
            part = x[:, k * self.inputs:(k + 1) * self.inputs]
            done.append(F.conv2d(part, self.weight[mine], self.bias[mine], padding=self.padding))
        return torch.cat(done, 1)


class Trunk(ResNet):
    def __init__(self, trunk):
        super().__init__(trunk["backbone"], trunk["width"], trunk["stem"])
        self.widths = [round(64 * trunk["width"]) * 2**i for i in range(4)]

    def maps(self, x, change=lambda stage, output, inputs: output):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        stages = []
        for stage in range(4):
            *blocks, last = getattr(self, f"layer{stage + 1}")
            for block in blocks:
                x = block(x)
            x = change(stage, last(x), x)
            stages.append(x)
        return stages


def put(module, path, value):
    """A parameter under a path of names."""
    *ways, name = path.split(".")
    for way in ways:
        if not hasattr(module, way):
            module.add_module(way, nn.Module())
        module = getattr(module, way)
    module.register_parameter(name, nn.Parameter(value))
