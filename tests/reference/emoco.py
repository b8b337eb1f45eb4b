"""An independent EmoCo in PyTorch, float64, and the fixtures that the TypeScript is held to.

    python3 -m pip install torch torchvision numpy scikit-learn
    python3 tests/reference/emoco.py

writes tests/fixtures/reference/*.safetensors (the same bytes each time on one machine and version of PyTorch). The
method here is written from the paper (Sun, Zeng, Shan, FG 2021; equations by number) and from MoCo v2 where the paper
follows it, in the most direct form: a deque per emotion, one query at a time, every negative normalised on its own.
"""
import json
import sys
from collections import deque
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.dont_write_bytecode = True
from networks import Encoder
from parts import save_parts

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # the same sums in the same order everywhere
FIXTURES = Path(__file__).parent.parent / "fixtures" / "reference"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

BATCH, SIDE, EMOTIONS, STEPS, PROBED = 16, 32, 7, 20, (1, 10, 20)
FACES_OF = [14, 12, 9, 8, 5, 3, 5]  # unequal, as in AffectNet
PER_EMOTION, SINGLE = [24, 24, 16, 20, 16, 18, 24], [40]  # slots; all but the rare emotion's ring wrap
WARM_PER_EMOTION, WARM_SINGLE = [5, 0, 3, 8, 1, 2, 4], [10]  # keys that a masked queue holds before the first step

# Numbers that show in 20 steps, where m = 0.999 or a decay of 1e-4 would not, at a rate that float32 can follow.
BASE = dict(
    backbone="resnet18", width=1 / 32, stem="small", projectionSize=32, embeddingSize=16,
    queues="per-emotion", normalization="intra-class", losses="both", temperature=0.2, emotionWeight=1.5,
    encoderMomentum=0.9, sgdMomentum=0.9, weightDecay=0.5, batchNorm="sync", batchNormGroups=2,
    queueFill="masked", baseLearningRate=0.001,
)
# Every combination of Table IV's switches (queue and normalisation say nothing to the emotion loss alone); the ways to
# normalise a batch, to fill a queue and to begin the network are spread over them.
RUNS = {
    "emoco": {},
    "emoco-contrastive": dict(losses="contrastive", queueFill="random"),
    "emoco-l2": dict(normalization="l2", batchNorm="split"),
    "emoco-l2-contrastive": dict(normalization="l2", losses="contrastive", stem="imagenet"),
    "single": dict(queues="single", batchNorm="split", queueFill="random"),
    "single-contrastive": dict(queues="single", losses="contrastive"),
    "single-l2": dict(queues="single", normalization="l2", queueFill="random", stem="imagenet"),
    "moco": dict(queues="single", normalization="l2", losses="contrastive", batchNorm="split", queueFill="random"),
    "emotion": dict(losses="emotion", batchNorm="split"),
}


def with_statistics_of_first(encoder, parts):
    """Each part by its own batch statistics, as on GPUs of their own; the first leaves its running statistics."""
    norms = [module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    outputs = []
    for i, part in enumerate(parts):
        for norm in norms:
            norm.momentum = 0.1 if i == 0 else 0.0
        outputs.append(encoder(part))
    return torch.cat(outputs)


class EmoCo:
    def __init__(self, method, initial, classifier, queues):
        self.m = method
        self.query_encoder, self.key_encoder = Encoder(method), Encoder(method)
        for encoder in (self.query_encoder, self.key_encoder):
            encoder.load_state_dict(initial, strict=False)  # running statistics stay at 0 and 1
        self.W = nn.Parameter(classifier.clone())
        self.queues = queues
        self.sgd = torch.optim.SGD(
            [*self.query_encoder.parameters(), self.W], lr=1.0,
            momentum=method["sgdMomentum"], weight_decay=method["weightDecay"])

    def losses(self, view_q, view_k, emotions, order):
        """lambda L_emo + L_cont, its terms, and the keys. The key encoder has followed already."""
        m, groups = self.m, self.m["batchNormGroups"] if self.m["batchNorm"] == "split" else 1
        q = with_statistics_of_first(self.query_encoder, view_q.chunk(groups))
        emotion = F.cross_entropy(q @ self.W.T, emotions)  # Eq. 2
        with torch.no_grad():
            if groups == 1:
                k = self.key_encoder(view_k)
            else:  # MoCo's shuffle: key i is computed in other company than query i
                k = torch.empty_like(q)
                k[order] = with_statistics_of_first(self.key_encoder, view_k[order].chunk(groups))
        terms = []
        for q_i, k_i, y in zip(q, k, emotions.tolist()):
            queue = self.queues[y if m["queues"] == "per-emotion" else 0]
            keys = torch.stack([k_i, *queue])  # the positive first
            if m["normalization"] == "intra-class":  # Eq. 4; the prototype carries no gradient
                prototype = (self.W[y] / self.W[y].norm()).detach()
                q_i = (q_i - prototype) / (q_i - prototype).norm()
                keys = (keys - prototype) / (keys - prototype).norm(dim=1, keepdim=True)
            terms.append(-torch.log_softmax(keys @ q_i / m["temperature"], 0)[0])  # Eq. 5
        contrastive = torch.stack(terms).mean()
        if m["losses"] == "emotion":
            return m["emotionWeight"] * emotion, emotion, torch.zeros(()), k
        if m["losses"] == "contrastive":
            return contrastive, torch.zeros(()), contrastive, k
        return m["emotionWeight"] * emotion + contrastive, emotion, contrastive, k

    def step(self, view_q, view_k, emotions, order, rate):
        with torch.no_grad():
            for key, query in zip(self.key_encoder.parameters(), self.query_encoder.parameters()):
                key.copy_(self.m["encoderMomentum"] * key + (1 - self.m["encoderMomentum"]) * query)  # Eq. 3
        *losses, keys = self.losses(view_q, view_k, emotions, order)
        self.sgd.zero_grad(set_to_none=True)
        losses[0].backward()
        for group in self.sgd.param_groups:
            group["lr"] = rate
        self.sgd.step()
        for key, y in zip(keys, emotions.tolist()):
            self.queues[y if self.m["queues"] == "per-emotion" else 0].append(key)
        return [loss.item() for loss in losses]

    def gradient(self):
        named = [*self.query_encoder.named_parameters(), ("classifier.weight", self.W)]
        return {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in named}


def in_tensorflow_order(name, value):
    """Kernels [out, in, height, width] become [height, width, in, out], fully connected [out, in] become [in, out]."""
    value = value.detach().numpy()
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T if name.startswith("projection") and value.ndim == 2 else value


def flat(named):
    """All weights as one vector, in the order of the names in `initial.safetensors`."""
    return np.concatenate([in_tensorflow_order(name, value).ravel() for name, value in named]).astype(np.float32)


def save(name, tensors, **metadata):
    """Safetensors: length of the header, JSON header, raw little-endian values."""
    kinds = {"float32": "F32", "float16": "F16", "uint8": "U8", "int32": "I32"}
    header, body = {"__metadata__": {key: json.dumps(value) for key, value in metadata.items()}}, b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(value)
        header[key] = dict(dtype=kinds[str(value.dtype)], shape=list(value.shape),
                           data_offsets=[len(body), len(body) + value.nbytes])
        body += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    (FIXTURES / f"{name}.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + body)


def draw_faces(random):
    """Smooth pictures: a pattern of the emotion, one of the face, and another light in each of two views."""
    def pattern():
        coarse = torch.tensor(random.normal(size=(1, 3, 5, 5)))
        return F.interpolate(coarse, size=SIDE, mode="bicubic")[0].permute(1, 2, 0).numpy()

    views, emotions = [], []
    for emotion, count in enumerate(FACES_OF):
        common = pattern()
        for _ in range(count):
            face = common + pattern()
            views.append([128 + 40 * random.uniform(0.7, 1.3) * (face + 0.3 * pattern()) for _ in range(2)])
            emotions.append(emotion)
    return np.clip(np.array(views), 0, 255).astype(np.uint8), np.array(emotions, np.int32)  # [faces, 2, S, S, 3]


def run(name, method, data, initial):
    sizes, warm = (PER_EMOTION, WARM_PER_EMOTION) if method["queues"] == "per-emotion" else (SINGLE, WARM_SINGLE)
    counts = sizes if method["queueFill"] == "random" else warm
    start = torch.tensor(data["keys"].astype(np.float64))
    queues = [deque(start[:count, ring], maxlen=size) for ring, (count, size) in enumerate(zip(counts, sizes))]
    encoder, classifier = initial[method["stem"]]
    model = EmoCo(method, encoder, classifier, queues)
    tensors, losses = {}, []
    for t in range(1, STEPS + 1):
        batch = data["batches"][t - 1]
        views = (data["views"][batch] / 255 - MEAN) / STD
        view_q, view_k = (torch.tensor(views[:, i]).permute(0, 3, 1, 2) for i in (0, 1))
        if t in PROBED and t > 1:
            tensors[f"weights.{t}"] = flat([*model.query_encoder.named_parameters(), ("classifier.weight", model.W)])
            if method["losses"] != "emotion":
                held = np.zeros((max(sizes), len(sizes), method["embeddingSize"]), np.float32)
                for ring, queue in enumerate(queues):
                    held[:len(queue), ring] = torch.stack(list(queue)).numpy()
                tensors[f"key.{t}"] = flat(model.key_encoder.named_parameters())
                tensors[f"keys.{t}"] = held
                tensors[f"filled.{t}"] = np.array([len(queue) for queue in queues], np.int32)
        rate = method["baseLearningRate"] * 0.5 * (1 + np.cos(np.pi * (t - 1) / STEPS))
        labels, order = (torch.tensor(data[key]).long() for key in ("emotions", "orders"))
        losses.append(model.step(view_q, view_k, labels[batch], order[t - 1], rate))
        if t in PROBED:
            gradient = flat(model.gradient().items())
            scale = np.abs(gradient).max()
            tensors[f"gradient.{t}"] = (gradient / scale).astype(np.float16)
            tensors[f"gradientScale.{t}"] = scale.reshape(1)
    tensors["losses"] = np.array(losses, np.float32)
    statistics = [(n, b) for n, b in model.query_encoder.named_buffers() if "running" in n]
    tensors["statistics"] = flat(statistics)
    save(name, tensors, method=method, sizes=sizes, filled=counts, statistics=[n for n, _ in statistics])
    print(f"{name:24} loss {losses[0][0]:.4f} -> {losses[-1][0]:.4f}", *(f"{v:.4f}" for v in losses[-1][1:]))


def main():
    random = np.random.default_rng(2021)
    torch.manual_seed(2021)
    views, emotions = draw_faces(random)
    keys = random.normal(size=(max(PER_EMOTION + SINGLE), EMOTIONS, BASE["embeddingSize"]))
    data = dict(
        views=views, emotions=emotions,
        batches=np.array([random.permutation(len(emotions))[:BATCH] for _ in range(STEPS)], np.int32),
        orders=np.array([random.permutation(BATCH) for _ in range(STEPS)], np.int32),
        keys=(keys / np.linalg.norm(keys, axis=2, keepdims=True)).astype(np.float32),
    )
    initial, tensors, names = {}, {}, {}
    for stem in ("small", "imagenet"):
        encoder = Encoder(dict(BASE, stem=stem))
        classifier = torch.tensor(random.normal(size=(EMOTIONS, BASE["embeddingSize"])) * 0.5)
        with torch.no_grad():  # values that float32 holds exactly, batch norms that are not all alike, calm residuals
            for name, p in encoder.named_parameters():
                if p.ndim == 1 and not name.startswith("projection"):
                    p.add_(0.2 * torch.randn_like(p)).mul_(0.15 if "bn2" in name else 1)
                p.copy_(p.float())
        initial[stem] = encoder.state_dict(), classifier.float().double()
        named = [*encoder.named_parameters(), ("classifier.weight", initial[stem][1])]
        tensors[stem] = flat(named)
        names[stem] = [[n, list(in_tensorflow_order(n, p).shape)] for n, p in named]
    assert all(len(weights) <= 20_000 for weights in tensors.values())
    for stem in initial:
        initial[stem] = {k: v.clone() for k, v in initial[stem][0].items()}, initial[stem][1]
    save("initial", {**data, **tensors}, names=names)
    for name, switches in RUNS.items():
        run(name, {**BASE, **switches}, data, initial)
    save_parts(save, flat, in_tensorflow_order)


if __name__ == "__main__":
    main()
