"""What the references of EmoCo's rivals share: SGD by hand, first weights, and what of a run becomes its fixture."""
import json

import numpy as np
import torch
from torch import nn

from emoco import BATCH, FIXTURES, MEAN, STD, STEPS, save
from networks import ResNet

PROBED = (1, 20)
# Numbers that show in 20 steps, at a rate that float32 can follow.
RUN = dict(
    backbone="resnet18", width=1 / 32, stem="small", sgdMomentum=0.9, weightDecay=0.2, batchSize=BATCH, seed=0,
    baseLearningRate=0.008,
)


def read_fixture(name):
    data = (FIXTURES / f"{name}.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    kinds = {"F32": np.float32, "U8": np.uint8, "I32": np.int32}
    metadata = {key: json.loads(value) for key, value in header.pop("__metadata__").items()}
    return {key: np.frombuffer(body[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
            for key, entry in header.items()}, metadata


def turned(name, value):
    """Kernels [out, in, height, width] to [height, width, in, out], fully connected [out, in] to [in, out]; a classifier
    stays as it is."""
    value = value.detach().numpy()
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T if value.ndim == 2 and not name.startswith("classifier") else value


def flat(named):
    return np.concatenate([turned(name, value).ravel() for name, value in named]).astype(np.float32)


def layers(*members):
    """A head: numbers pairs are fully connected, with or without a bias in front of a batch norm."""
    return nn.Sequential(*members)


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def spread(z):
    return unit(z).std(0, unbiased=False).mean() * z.shape[1] ** 0.5


class Method:
    """The frame: SGD by hand, so that decay and rate can differ from weight to weight."""

    def __init__(self, m):
        self.m, self.net = m, nn.Module()
        self.net.backbone = ResNet(m["backbone"], m["width"], m["stem"])
        self.build(self.net.backbone.features)
        self.velocity = {}
        self.t = 0

    def named(self):
        backbone = list(self.net.backbone.named_parameters())
        return backbone + [(n, p) for n, p in self.net.named_parameters() if not n.startswith("backbone.")]

    def rate(self, name):
        return self.cosine()

    def cosine(self):
        return self.peak() * 0.5 * (1 + np.cos(np.pi * self.t / STEPS))

    def peak(self):
        return self.m["baseLearningRate"] * self.m["batchSize"] / 256

    def decays(self, name, p):
        return True

    def before(self):
        pass

    def after(self):
        pass

    def step(self, views, emotions):
        self.before()
        loss, *terms = self.losses(views, emotions)
        self.net.zero_grad(set_to_none=True)
        loss.backward()
        with torch.no_grad():
            for name, p in self.named():
                if p.grad is None:
                    continue
                g = p.grad + (self.m["weightDecay"] * p if self.decays(name, p) else 0)
                v = self.velocity[name] = self.m["sgdMomentum"] * self.velocity.get(name, 0) + g
                p -= self.rate(name) * v
        self.after()
        self.t += 1
        return [loss.item(), *(term.item() for term in terms)]

    def others(self):
        """Groups of the state beside weights, statistics and velocity, each as one vector."""
        return {}


def run(name, kind, data, first):
    torch.manual_seed(7)
    model = kind({**RUN, **kind.settings})
    with torch.no_grad():
        position = 0
        for n, p in model.net.backbone.named_parameters():  # the order of `initial.safetensors`
            shape = turned(n, p).shape
            values = torch.tensor(first[position:position + p.numel()].astype(np.float64)).reshape(shape)
            p.copy_(values.permute(3, 2, 0, 1) if p.ndim == 4 else values)
            position += p.numel()
        heads = [(n, p) for n, p in model.named() if n in dict(model.net.named_parameters())]
        for n, p in heads:  # values that float32 holds exactly, batch norms that are not all alike
            if p.ndim == 1:
                p.add_(0.2 * torch.randn_like(p))
            p.copy_(p.float())
    if hasattr(model, "start"):
        model.start()
    tensors, losses = {"heads": flat(heads)}, []
    for t in range(1, STEPS + 1):
        batch = data["batches"][t - 1]
        views = (data["views"][batch] / 255 - MEAN) / STD
        if t in PROBED and t > 1:
            tensors[f"weights.{t}"] = flat(model.named())
            tensors.update({f"{key}.{t}": value for key, value in model.others().items()})
        losses.append(model.step(
            [torch.tensor(views[:, i]).permute(0, 3, 1, 2) for i in (0, 1)], data["emotions"][batch].tolist()))
        if t in PROBED:
            gradient = flat((n, torch.zeros_like(p) if p.grad is None else p.grad) for n, p in model.named())
            scale = np.abs(gradient).max()
            tensors[f"gradient.{t}"] = (gradient / scale).astype(np.float16)
            tensors[f"gradientScale.{t}"] = scale.reshape(1)
    tensors["losses"] = np.array(losses, np.float32)
    statistics = [(n, b) for n, b in model.net.backbone.named_buffers() if "running" in n]
    tensors["statistics"] = flat(statistics)
    save(f"rival-{name}", tensors, config=model.m, statistics=[n for n, _ in statistics],
         names=[[n, list(turned(n, p).shape)] for n, p in model.named()], heads=[n for n, _ in heads])
    print(f"{name:10} loss {losses[0][0]:.4f} -> {losses[-1][0]:.4f}", *(f"{v:.4f}" for v in losses[-1][1:]))


def run_all(rivals):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    initial, _ = read_fixture("initial")
    for name, kind in rivals.items():
        run(name, kind, initial, initial["small"])
