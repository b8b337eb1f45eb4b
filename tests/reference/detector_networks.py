"""The detectors' networks in PyTorch's layers, and their losses; see detectors.py."""
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

    def logits(self, x, points):
        return self.fc9(F.relu(self.fc8(F.relu(self.fc7(self.maps(x))))))

    def losses(self, x, points, present, known, weights):
        return [summed(self.logits(x, points), present, known)]


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


class EAC(Trunk):
    REGIONS = [CENTRES[au] for au in (1, 2, 4, 6, 7, 10, 12)] + [(51, 57, 0), (61, 63, 0), CENTRES[17]]

    def __init__(self, side, aus, sizes, trunk, labels):
        super().__init__(trunk)
        c, n = self.widths[1], len(aus)
        self.enhanced = nn.ModuleList([nn.Linear(self.features, sizes["enhanced"]),
                                       nn.Linear(sizes["enhanced"], sizes["hidden"]), nn.Linear(sizes["hidden"], n)])
        self.crops = nn.ModuleList([Own(20, c, c, 3), Own(20, c, sizes["crop"], 4),
                                    nn.Linear(20 * sizes["crop"], sizes["hidden"]), nn.Linear(sizes["hidden"], n)])

    def attention(self, centres, side):
        times = -(-100 // side)
        grid = (torch.arange(times * side) + 0.5) / (times * side)
        maps = torch.zeros(len(centres), times * side, times * side)
        for i, own in enumerate(centres):
            for x, y in own:
                dx, dy = (grid - x).abs()[None, :], (grid - y).abs()[:, None]
                near = (1 - 7 * (dx + dy)).clamp(min=0) * (dx <= 0.0701) * (dy <= 0.0701)
                maps[i] = torch.maximum(maps[i], near)
        return F.max_pool2d(maps[:, None], times)

    def both(self, x, points):
        centres = centres_of(points, self.REGIONS).flatten(1, 2)
        def change(stage, output, inputs):
            if stage not in (1, 2):
                return output
            return output + inputs * self.attention(centres, output.shape[2])
        stages = self.maps(x, change)
        first = stages[3].mean((2, 3))
        for layer in self.enhanced[:2]:
            first = F.relu(layer(first))
        lower = stages[1].detach()
        # alpha is divided by the five channels there
        lower = F.local_response_norm(lower, 5, alpha=0.01, beta=0.75, k=2)
        second = F.relu(self.crops[1](F.relu(self.crops[0](crops(lower, centres, 3, 2)))))
        second = F.relu(self.crops[2](second.flatten(1)))
        return self.crops[3](second), self.enhanced[2](first)

    def logits(self, x, points):
        return self.both(x, points)[0]

    def losses(self, x, points, present, known, weights):
        def bounded(logits):
            p = torch.sigmoid(logits)
            cells = present * torch.log((p + 0.05) / 1.05) + (1 - present) * torch.log((1.05 - p) / 1.05)
            return -(cells * known).sum() / len(p)
        return [bounded(logits) for logits in self.both(x, points)]


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


def put(module, path, value):
    """A parameter under a path of names."""
    *ways, name = path.split(".")
    for way in ways:
        if not hasattr(module, way):
            module.add_module(way, nn.Module())
        module = getattr(module, way)
    module.register_parameter(name, nn.Parameter(value))


class DSIN(Trunk):
    def __init__(self, side, aus, sizes, trunk, labels):
        super().__init__(trunk)
        n, c = len(aus), sizes["channels"]
        self.steps, self.side = sizes["iterations"], side // 4
        self.patches = nn.ModuleList([Own(5, 3, c, 3, 1), Own(5, c, 2 * c, 3, 1), Own(5, 2 * c, 2 * c, 3, 1),
                                      Own(5, 2 * c, 2 * c, side // 32), Own(5, 2 * c, n, 1)])
        self.face = nn.Linear(self.features, n)
        self.fusion = nn.ModuleList([Own(n, 6, sizes["hidden"], 1), Own(n, sizes["hidden"], 1, 1)])
        starts = {"tells.y": 0.5, "tells.f": 0.5, "tells.bias": 0, "gate.own": 0, "gate.y": 0, "gate.f": 0,
                  "f": 2, "y": 2, "hears": 0.1, "bias": -2}
        for name, start in starts.items():
            put(self, f"inference.{name}", torch.full((n,), float(start)))
        put(self, "inference.gate.bias", 0.3 * torch.randn(n, n))

    def stages(self, x, points):
        middles = [points[:, 36:42].mean(1), points[:, 42:48].mean(1), points[:, 21:23].mean(1), points[:, 48], points[:, 54]]
        m = crops(x, torch.stack(middles, 1), self.side, 1)
        for layer in list(self.patches)[:3]:
            m = F.max_pool2d(F.relu(layer(m)), 2)
        m = F.relu(self.patches[3](m))
        parts = self.patches[4](m).reshape(len(x), 5, -1)
        face = self.face(self.maps(x)[3].mean((2, 3)))
        predicted = torch.cat([parts, face[:, None]], 1)
        seen = torch.sigmoid(predicted).transpose(1, 2).flatten(1)[..., None, None]
        fused = self.fusion[1](F.relu(self.fusion[0](seen)))[..., 0, 0]
        return predicted, fused, self.infer(fused)

    def infer(self, fused):
        p, n = self.inference, fused.shape[1]
        f, rounds = torch.sigmoid(fused), []
        y = f
        for _ in range(self.steps):
            logits = []
            for a in range(n):
                heard = 0
                for b in range(n):
                    if a == b:
                        continue
                    told = F.relu(p.tells.y[b] * y[:, b] + p.tells.f[b] * f[:, b] + p.tells.bias[b])
                    gate = torch.sigmoid(p.gate.own[a] * y[:, a] + p.gate.y[b] * y[:, b] + p.gate.f[b] * f[:, b]
                                         + p.gate.bias[a, b])
                    heard = heard + gate * told
                logits.append(p.f[a] * f[:, a] + p.y[a] * y[:, a] + p.hears[a] * heard + p.bias[a])
            rounds.append(torch.stack(logits, 1))
            y = torch.sigmoid(rounds[-1])
        return rounds

    def logits(self, x, points):
        return self.stages(x, points)[2][-1]

    def losses(self, x, points, present, known, weights):
        predicted, fused, rounds = self.stages(x, points)
        loss = lambda logits: weighted(cross_entropy(logits, present), known, weights)
        return [sum(loss(logits) for logits in predicted.unbind(1)) / 6, loss(fused),
                sum(loss(logits) for logits in rounds) / len(rounds)]


class SRERL(Trunk):
    def __init__(self, side, aus, sizes, trunk, labels):
        super().__init__(trunk)
        n, c, d = len(aus), sizes["channels"], sizes["node"]
        self.aus, self.rounds, self.d = aus, sizes["iterations"], d
        self.scales = nn.Conv2d(sum(self.widths[1:]), c, 3, padding=1, bias=False)
        self.scales.norm = nn.BatchNorm2d(c)
        self.regions = nn.ModuleList([Own(2 * n, c, c, 3), Own(2 * n, c, sizes["crop"], 4)])
        self.nodes = Own(n, 2 * sizes["crop"], d, 1)
        for part in ("symbiosis", "exclusion", "update.message", "update.state", "reset.message", "reset.state",
                     "next.message", "next.state"):
            put(self, f"graph.{part}", torch.randn(d, d) / d**0.5)
        put(self, "graph.bias", torch.zeros(d))
        self.add_module("answers", Own(n, 2 * d, sizes["own"], 1))
        self.before = Own(n, d, 1, 1)
        self.units = nn.Linear(n * sizes["own"] + self.features, n)
        off = ~torch.eye(n, dtype=bool)
        self.relations = [(torch.rand(n, n) < 0.4) & off, (torch.rand(n, n) < 0.4) & off]

    def fixed(self):
        return {f"relations.{name}": edges.numpy().astype(np.float32)
                for name, edges in zip(("symbiosis", "exclusion"), self.relations)}

    def parts(self, x, points):
        stages = self.maps(x)
        side = stages[1].shape[2]
        wide = [m.repeat_interleave(side // m.shape[2], 2).repeat_interleave(side // m.shape[2], 3) for m in stages[1:]]
        joined = F.relu(self.scales.norm(self.scales(torch.cat(wide, 1))))
        centres = centres_of(points, [CENTRES[au] for au in self.aus]).flatten(1, 2)
        r = F.relu(self.regions[1](F.relu(self.regions[0](crops(joined, centres, 3, 2)))))
        x = self.nodes(r).reshape(len(points), -1, self.d)
        h, g = x, self.graph
        for _ in range(self.rounds):
            told = []
            for a in range(len(self.aus)):
                sums = [sum((h[:, b] for b in range(len(self.aus)) if edges[a, b]), torch.zeros_like(h[:, 0]))
                        for edges in self.relations]
                told.append(sums[0] @ g.symbiosis + sums[1] @ g.exclusion + g.bias)
            m = torch.stack(told, 1)
            z = torch.sigmoid(m @ g.update.message + h @ g.update.state)
            r = torch.sigmoid(m @ g.reset.message + h @ g.reset.state)
            h = (1 - z) * h + z * torch.tanh(m @ g.next.message + (r * h) @ g.next.state)
        both = torch.cat([h, x], 2).flatten(1)[..., None, None]
        answers = F.relu(self.answers(both)).flatten(1)
        logits = self.units(torch.cat([answers, stages[3].mean((2, 3))], 1))
        return logits, self.before(x.flatten(1)[..., None, None])[..., 0, 0]

    def logits(self, x, points):
        return self.parts(x, points)[0]

    def losses(self, x, points, present, known, weights):
        logits, nodes = self.parts(x, points)
        return [weighted(cross_entropy(logits, present), known, weights), weighted(dice(logits, present), known, weights),
                weighted(cross_entropy(nodes, present), known, weights)]


NETWORKS = dict(alexnet=AlexNet, drml=DRML, jaa=JAA, eac=EAC, dsin=DSIN, srerl=SRERL)
