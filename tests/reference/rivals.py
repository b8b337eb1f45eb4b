"""EmoCo's rivals on two views in PyTorch, float64, and the fixtures that the TypeScript is held to.

    python3 -m pip install torch numpy
    python3 tests/reference/rivals.py

writes tests/fixtures/reference/rival-*.safetensors. Written from the papers' formulas in the most direct form, one face
at a time where that says it best. Faces, batches and the backbone's first weights are those of `initial.safetensors`.
"""
import sys
from collections import deque

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.dont_write_bytecode = True
from emoco import EMOTIONS, FACES_OF, STEPS
from networks import ResNet
from rival_frame import Method, flat, layers, run_all, spread, unit


def in_batch(z, positives, tau):
    """Mean over anchors; `positives[i]` are the indices of i's positives."""
    pull, push = [], []
    for i in range(len(z)):
        others = [j for j in range(len(z)) if j != i]
        push.append(torch.logsumexp(torch.stack([z[i] @ z[j] for j in others]) / tau, 0))
        pull.append(-torch.stack([z[i] @ z[p] for p in positives[i]]).mean() / tau)
    pull, push = torch.stack(pull).mean(), torch.stack(push).mean()
    return pull + push, pull, push


class SimCLR(Method):
    settings = dict(projectionSize=12, embeddingSize=8, temperature=0.3)

    def build(self, features):
        m = self.m
        self.net.projection = layers(
            nn.Linear(features, m["projectionSize"], bias=False), nn.BatchNorm1d(m["projectionSize"]), nn.ReLU(),
            nn.Linear(m["projectionSize"], m["embeddingSize"], bias=False), nn.BatchNorm1d(m["embeddingSize"]))

    def losses(self, views, emotions):
        z = unit(self.net.projection(self.net.backbone(torch.cat(views))))
        n = len(emotions)
        return in_batch(z, [[(i + n) % (2 * n)] for i in range(2 * n)], self.m["temperature"])


class SupCon(Method):
    settings = dict(projectionSize=12, embeddingSize=8, temperature=0.2)

    def build(self, features):
        m = self.m
        self.net.projection = layers(
            nn.Linear(features, m["projectionSize"]), nn.ReLU(), nn.Linear(m["projectionSize"], m["embeddingSize"]))

    def losses(self, views, emotions):
        z = unit(self.net.projection(self.net.backbone(torch.cat(views))))
        y = [*emotions, *emotions]
        return in_batch(
            z, [[p for p in range(len(y)) if p != i and y[p] == y[i]] for i in range(len(y))], self.m["temperature"])


class SimSiam(Method):
    settings = dict(projectionSize=12, predictorSize=4)

    def build(self, features):
        d, h = self.m["projectionSize"], self.m["predictorSize"]
        self.net.projection = layers(
            nn.Linear(features, d, bias=False), nn.BatchNorm1d(d), nn.ReLU(),
            nn.Linear(d, d, bias=False), nn.BatchNorm1d(d), nn.ReLU(),
            nn.Linear(d, d, bias=False), nn.BatchNorm1d(d, affine=False))
        self.net.predictor = layers(
            nn.Linear(d, h, bias=False), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, d))

    def rate(self, name):
        return self.peak() if name.startswith("predictor") else self.cosine()

    def losses(self, views, emotions):
        z = [self.net.projection(self.net.backbone(view)) for view in views]
        p = [self.net.predictor(each) for each in z]
        loss = sum(-0.5 * F.cosine_similarity(p[i], z[1 - i].detach()).mean() for i in (0, 1))
        return loss, spread(z[0])


class BYOL(Method):
    settings = dict(projectionSize=12, embeddingSize=8, targetMomentum=0.8)

    def build(self, features):
        h, d = self.m["projectionSize"], self.m["embeddingSize"]

        def mlp(inputs):
            return layers(nn.Linear(inputs, h, bias=False), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, d))

        self.net.projection, self.net.predictor = mlp(features), mlp(d)
        self.target_backbone = ResNet(self.m["backbone"], self.m["width"], self.m["stem"])
        self.target_projection = mlp(features)

    def pairs(self):
        """Online and target parameters of one name."""
        yield from zip(self.net.backbone.parameters(), self.target_backbone.parameters())
        yield from zip(self.net.projection.parameters(), self.target_projection.parameters())

    def start(self):
        with torch.no_grad():
            for online, target in self.pairs():
                target.copy_(online)

    def decays(self, name, p):
        return p.ndim > 1

    def losses(self, views, emotions):
        with torch.no_grad():
            targets = [self.target_projection(self.target_backbone(view)) for view in views]
        z = [self.net.projection(self.net.backbone(view)) for view in views]
        loss = 0
        for i in (0, 1):
            error = unit(self.net.predictor(z[i])) - unit(targets[1 - i])
            loss = loss + error.square().sum(1).mean()
        return loss, spread(z[0])

    def after(self):
        rho = 1 - (1 - self.m["targetMomentum"]) * (np.cos(np.pi * self.t / STEPS) + 1) / 2
        with torch.no_grad():
            for online, target in self.pairs():
                target.copy_(rho * target + (1 - rho) * online)

    def others(self):
        return {"target": flat(
            [*self.target_backbone.named_parameters(),
             *((f"projection.{n}", p) for n, p in self.target_projection.named_parameters())])}


class SwAV(Method):
    # The queue takes part from step 5 on, prototypes move from step 2 on (57 faces, a quarter of an epoch).
    settings = dict(projectionSize=12, embeddingSize=8, prototypes=10, temperature=0.2, epsilon=0.1,
                    queueBatches=2, queueFrom=0.25, frozenEpochs=0.5)

    def build(self, features):
        h, d = self.m["projectionSize"], self.m["embeddingSize"]
        self.net.projection = layers(
            nn.Linear(features, h, bias=False), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, d))
        self.net.prototypes = nn.Linear(d, self.m["prototypes"], bias=False)
        self.queues = [deque(maxlen=self.m["queueBatches"] * self.m["batchSize"]) for _ in range(2)]

    def before(self):
        with torch.no_grad():
            self.net.prototypes.weight.copy_(unit(self.net.prototypes.weight))

    def codes(self, z, queue):
        with torch.no_grad():
            n = len(z)
            if self.t >= max(self.m["queueBatches"], np.ceil(self.m["queueFrom"] * STEPS)):
                z = torch.cat([z, torch.stack(list(queue))])
            Q = torch.exp(self.net.prototypes(z) / self.m["epsilon"]).T  # [K, samples]
            Q /= Q.sum()
            K, samples = Q.shape
            for _ in range(3):
                Q /= Q.sum(1, keepdim=True)
                Q /= K
                Q /= Q.sum(0, keepdim=True)
                Q /= samples
            return (Q * samples).T[:n]

    def losses(self, views, emotions):
        z = unit(self.net.projection(self.net.backbone(torch.cat(views)))).chunk(2)
        self.embeddings = [each.detach() for each in z]
        codes = [self.codes(each.detach(), queue) for each, queue in zip(z, self.queues)]
        loss = 0
        for i in (0, 1):
            log_p = F.log_softmax(self.net.prototypes(z[1 - i]) / self.m["temperature"], 1)
            loss = loss - 0.5 * (codes[i] * log_p).sum(1).mean()
        return loss, spread(z[0])

    def step(self, views, emotions):
        frozen = self.t * self.m["batchSize"] < self.m["frozenEpochs"] * sum(FACES_OF)
        self.net.prototypes.weight.requires_grad_(not frozen)
        return super().step(views, emotions)

    def after(self):
        for queue, z in zip(self.queues, self.embeddings):
            queue.extendleft(reversed(list(z)))  # the newest batch in front, in its own order

    def others(self):
        return {f"queue.{name}": torch.stack(list(queue)).numpy().astype(np.float32)
                for name, queue in zip("qk", self.queues) if queue}


class ANCOR(Method):
    """EmoCo's step, but the classifier reads max(0, embedding) and has a bias."""
    settings = dict(
        queues="per-emotion", normalization="intra-class", losses="both", classifierInput="rectified",
        projectionSize=12, embeddingSize=8, temperature=0.2, emotionWeight=1.0, encoderMomentum=0.8, batchNorm="sync",
        batchNormGroups=2, queueSize=20, queueFill="masked", rateCycles=2)

    def build(self, features):
        h, d = self.m["projectionSize"], self.m["embeddingSize"]

        def mlp():
            return layers(nn.Linear(features, h), nn.ReLU(), nn.Linear(h, d))

        self.net.projection, self.net.classifier = mlp(), nn.Linear(d, EMOTIONS)
        self.key_backbone, self.key_projection = ResNet(self.m["backbone"], self.m["width"], self.m["stem"]), mlp()
        self.queues = [deque(maxlen=self.m["queueSize"]) for _ in range(EMOTIONS)]

    pairs = lambda self: [*zip(self.net.backbone.parameters(), self.key_backbone.parameters()),
                          *zip(self.net.projection.parameters(), self.key_projection.parameters())]

    def start(self):
        with torch.no_grad():
            for query, key in self.pairs():
                key.copy_(query)

    def cosine(self):
        cycle = STEPS / self.m["rateCycles"]
        return self.peak() * 0.5 * (1 + np.cos(np.pi * (self.t % cycle) / cycle))

    def before(self):
        with torch.no_grad():
            for query, key in self.pairs():
                key.copy_(self.m["encoderMomentum"] * key + (1 - self.m["encoderMomentum"]) * query)

    def losses(self, views, emotions):
        embedding = self.net.projection(self.net.backbone(views[0]))
        emotion = F.cross_entropy(self.net.classifier(F.relu(embedding)), torch.tensor(emotions))
        with torch.no_grad():
            k = unit(self.key_projection(self.key_backbone(views[1])))
        self.fresh = list(zip(emotions, k))
        terms = []
        for q, key, y in zip(unit(embedding), k, emotions):
            w = unit(self.net.classifier.weight[y]).detach()
            keys = unit(torch.stack([key, *self.queues[y]]) - w)
            terms.append(-torch.log_softmax(keys @ unit(q - w) / self.m["temperature"], 0)[0])
        contrastive = torch.stack(terms).mean()
        return emotion + contrastive, emotion, contrastive

    def after(self):
        for y, key in self.fresh:
            self.queues[y].append(key)

    def others(self):
        slots = np.zeros((self.m["queueSize"], EMOTIONS, self.m["embeddingSize"]), np.float32)
        for y, queue in enumerate(self.queues):
            if queue:
                slots[:len(queue), y] = torch.stack(list(queue)).numpy()
        return {"queue.keys": slots, "filled": np.array([len(queue) for queue in self.queues], np.int32),
                "key": flat([*self.key_backbone.named_parameters(),
                             *((f"projection.{n}", p) for n, p in self.key_projection.named_parameters())])}


RIVALS = dict(ancor=ANCOR, simclr=SimCLR, supcon=SupCon, byol=BYOL, simsiam=SimSiam, swav=SwAV)

if __name__ == "__main__":
    run_all(RIVALS)
