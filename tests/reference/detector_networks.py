"""The detectors' networks in PyTorch's layers, and their losses; see detectors.py."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def cross_entropy(logits, present):
    return F.binary_cross_entropy_with_logits(logits, present, reduction="none")


def summed(logits, present, known):
    return (cross_entropy(logits, present) * known).sum() / len(logits)


def weighted(cells, known, weights):
    return (cells * known * weights).sum() / known.sum()


def dice(logits, present):
    p = torch.sigmoid(logits)
    return 1 - (2 * p * present + 1) / (p**2 + present**2 + 1)


class AlexNet(nn.Module):
    def __init__(self, side, aus, sizes, trunk, labels):
        super().__init__()
        w = [2 * round(sizes["width"] * c / 2) for c in (96, 256, 384, 384, 256)]
        self.conv1 = nn.Conv2d(3, w[0], 11, 4)
        self.conv2 = nn.Conv2d(w[0], w[1], 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(w[1], w[2], 3, padding=1)
        self.conv4 = nn.Conv2d(w[2], w[3], 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(w[3], w[4], 3, padding=1, groups=2)
        self.fc6 = nn.Linear(self.maps(torch.zeros(1, 3, side, side)).shape[1], sizes["hidden"])
        self.fc7 = nn.Linear(sizes["hidden"], sizes["hidden"])
        self.fc8 = nn.Linear(sizes["hidden"], len(aus))

    def maps(self, x):
        pool = lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
        norm = lambda x: F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1)
        x = norm(pool(F.relu(self.conv1(x))))
        x = norm(pool(F.relu(self.conv2(x))))
        x = F.relu(self.conv4(F.relu(self.conv3(x))))
        return rows(pool(F.relu(self.conv5(x))))

    def answers(self, x, points):
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(self.maps(x))))))

    def losses(self, x, points, present, known, weights):
        return [summed(self.answers(x, points), present, known)]


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


class DRML(nn.Module):
    def __init__(self, side, aus, sizes, trunk, labels):
        super().__init__()
        c, i = sizes["channels"], sizes["inner"]
        self.conv1 = nn.Conv2d(3, c, sizes["kernel"])
        self.region = Patches(c, c, 8, bias=True)
        self.conv3, self.conv4 = nn.Conv2d(c, i, 8), nn.Conv2d(i, i, 8)
        self.conv5, self.conv6 = nn.Conv2d(i, i, 6, 2), nn.Conv2d(i, i, 5)
        self.eval()
        inputs = self.maps(torch.zeros(1, 3, side, side)).shape[1]
        self.train()
        self.fc7 = nn.Linear(inputs, sizes["hidden"])
        self.fc8 = nn.Linear(sizes["hidden"], sizes["features"])
        self.fc9 = nn.Linear(sizes["features"], len(aus))

    def maps(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.region(x) + x), 2)
        x = F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1)
        for layer in (self.conv3, self.conv4, self.conv5, self.conv6):
            x = F.relu(layer(x))
        return rows(x)

    def answers(self, x, points):
        return self.fc9(F.relu(self.fc8(F.relu(self.fc7(self.maps(x))))))

    def losses(self, x, points, present, known, weights):
        return [summed(self.answers(x, points), present, known)]


NETWORKS = dict(alexnet=AlexNet, drml=DRML)
