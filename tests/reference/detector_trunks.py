"""Networks of detectors on a residual network, in PyTorch's layers, and their losses; see detectors.py."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from detector_parts import CENTRES, Own, Trunk, centres_of, crop, crops, cross_entropy, dice, put, weighted


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
