"""Networks of detectors without a trunk, in PyTorch's layers, and their losses; see detectors.py."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from detector_parts import CENTRES, Patches, centres_of, dice, rows, summed, weighted


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

    def logits(self, x, points):
        return self.fc8(F.relu(self.fc7(F.relu(self.fc6(self.maps(x))))))

    def losses(self, x, points, present, known, weights):
        return [summed(self.logits(x, points), present, known)]


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

    def logits(self, x, points):
        return self.fc9(F.relu(self.fc8(F.relu(self.fc7(self.maps(x))))))

    def losses(self, x, points, present, known, weights):
        return [summed(self.logits(x, points), present, known)]


class JAA(nn.Module):
    ALIGNED = [i for i in range(17, 68) if i not in (60, 64)]

    def __init__(self, side, aus, sizes, trunk, labels):
        super().__init__()
        u, self.aus, self.side = sizes["unit"], aus, side // 4 + 8
        deep = lambda channels: round(channels * sizes["deep"])

        def conv(inputs, outputs, padding=1):
            layer = nn.Conv2d(inputs, outputs, 3, padding=padding, bias=False)
            layer.norm = nn.BatchNorm2d(outputs)
            return layer

        def block(inputs, c):
            m = nn.Module()
            m.whole = nn.Conv2d(inputs, c, 3, padding=1, bias=False)
            m.patches8, m.patches4 = Patches(c, c // 2, 8, False), Patches(c // 2, c // 4, 4, False)
            m.patches2, m.norm = Patches(c // 4, c // 4, 2, False), nn.BatchNorm2d(c)
            return m

        def pairs():
            widths = [8 * u, deep(12), deep(16), deep(20)]
            return nn.ModuleList([nn.ModuleList([conv(a, b), conv(b, b)]) for a, b in zip(widths, widths[1:])])

        self.region1, self.region2 = block(3, 4 * u), block(4 * u, 8 * u)
        flat = (side // 4 // 8) ** 2 * deep(20)
        self.align = pairs()
        self.add_module("global", pairs())
        self.align.hidden = nn.Linear(flat, sizes["align"])
        self.align.points = nn.Linear(sizes["align"], 98)
        self.refine = nn.ModuleList([nn.ModuleList([conv(1, deep(8), 0), conv(deep(8), deep(8), 0),
                                                    conv(deep(8), deep(8), 0), nn.Conv2d(deep(8), 1, 3)]) for _ in aus])
        self.local = nn.ModuleList([pairs() for _ in aus])
        self.units = nn.Linear(sizes["features"], 2 * len(aus))
        self.units.hidden = nn.Linear(3 * flat, sizes["features"])

    @staticmethod
    def conv(layer, x):
        return F.relu(layer.norm(layer(x)))

    def pairs(self, layers, x):
        for one, other in list(layers)[:3]:
            x = F.max_pool2d(self.conv(other, self.conv(one, x)), 2, ceil_mode=True)
        return x

    def block(self, m, x):
        whole = m.whole(x)
        one = m.patches8(whole)
        two = m.patches4(one)
        return F.max_pool2d(F.relu(m.norm(whole + torch.cat([one, two, m.patches2(two)], 1))), 2)

    def unit_maps(self, points):
        side, all_points = self.side, torch.zeros(len(points), 68, 2)
        all_points[:, self.ALIGNED] = points.detach().reshape(-1, 49, 2)
        centres = centres_of(all_points, [CENTRES[au] for au in self.aus])
        reach = round((side - 1) / 2 * 0.14)
        maps = torch.zeros(len(points), len(self.aus), side, side)
        for face, own in enumerate(centres):
            for unit, pair in enumerate(own):
                for x, y in pair:
                    i, j = int(np.floor(float(y) * side)), int(np.floor(float(x) * side))
                    for di in range(-reach, reach + 1):
                        for dj in range(-reach, reach + 1):
                            if 0 <= i + di < side and 0 <= j + dj < side:
                                near = max(0, 1 - 4 * (abs(di) + abs(dj)) / side)
                                maps[face, unit, i + di, j + dj] = max(maps[face, unit, i + di, j + dj], near)
        return maps

    def parts(self, x):
        shared = self.block(self.region2, self.block(self.region1, x))
        aligned = rows(self.pairs(self.align, shared))
        points = self.align.points(self.align.hidden(aligned))
        maps = self.unit_maps(points)
        refined, local = [], 0
        for a in range(len(self.aus)):
            m = maps[:, a:a + 1]
            for layer in list(self.refine[a])[:3]:
                m = self.conv(layer, m)
            refined.append(torch.sigmoid(self.refine[a][3](m)))
            local = local + rows(self.pairs(self.local[a], shared * refined[-1])) / len(self.aus)
        everything = torch.cat([aligned, rows(self.pairs(getattr(self, "global"), shared)), local], 1)
        both = self.units(self.units.hidden(everything)).reshape(len(x), -1, 2)
        return both, points, maps, torch.cat(refined, 1)

    def logits(self, x, points):
        both = self.parts(x)[0]
        return both[..., 1] - both[..., 0]

    def losses(self, x, points, present, known, weights):
        both, predicted, maps, refined = self.parts(x)
        log = F.log_softmax(both, 2)
        entropy = weighted(-(present * log[..., 1] + (1 - present) * log[..., 0]), known, weights)
        overlap = weighted(dice(both[..., 1] - both[..., 0], present), known, weights)
        truth = points[:, self.ALIGNED].flatten(1)
        apart = ((points[:, 36] - points[:, 45]) ** 2).sum(1)
        align = (((predicted - truth) ** 2).sum(1) / (2 * apart)).mean()
        first = F.interpolate(maps, size=refined.shape[2:], mode="bilinear", align_corners=False)
        refine = sum(F.binary_cross_entropy(refined[:, a], first[:, a]) for a in range(len(self.aus)))
        return [entropy, overlap, 0.5 * align, 1e-4 * refine]
