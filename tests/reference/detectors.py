"""Independent detectors in PyTorch, float64, and the fixtures that train/detectors is held to.

    python3 -m pip install torch torchvision numpy
    python3 tests/reference/detectors.py

writes tests/fixtures/reference/detector-*.safetensors. Every network stands in PyTorch's own layers in
detector_networks.py and detector_trunks.py, written from its paper: where the TypeScript cuts patches into groups of
channels or picks a crop by a product of matrices, here is one module a patch and one slice a crop.
"""
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True
from detector_networks import DRML, JAA, AlexNet
from detector_trunks import DSIN, EAC, SRERL
from emoco import flat, in_tensorflow_order, save

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)  # the same sums in the same order everywhere

NETWORKS = dict(alexnet=AlexNet, drml=DRML, jaa=JAA, eac=EAC, dsin=DSIN, srerl=SRERL)
BATCH, STEPS, FACES = 4, 20, 8
RATE, DECAY = 2e-4, 0.01
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
AUS = [1, 4, 12, 25]

# Side of the views and the TypeScript's `sizes`.
SHAPES = {
    "alexnet": (67, dict(width=1 / 24, hidden=24)),
    "drml": (64, dict(kernel=9, channels=3, inner=4, hidden=16, features=12)),
    "jaa": (32, dict(unit=1, deep=1 / 4, align=16, features=16)),
    "eac": (32, dict(crop=4, enhanced=12, hidden=10)),
    "dsin": (32, dict(channels=4, hidden=6, iterations=3)),
    "srerl": (32, dict(channels=5, crop=6, node=8, iterations=2, own=3)),
}
TRUNK = dict(backbone="resnet18", width=1 / 32, stem="small")


def order(name, value):
    """Fully connected [out, in] become [in, out]; kernels [height, width, in, out]."""
    value = value.detach()
    return value.T.numpy() if value.ndim == 2 and name.endswith(".weight") else in_tensorflow_order(name, value)


def vector(named):
    return np.concatenate([order(n, v).ravel() for n, v in named]).astype(np.float32)


def faces(random, side, aus):
    """Smooth pictures in bytes, points that lie in them like a face's, and labels of which some are missing."""
    coarse = torch.tensor(random.normal(size=(FACES, 3, 6, 6)))
    smooth = torch.nn.functional.interpolate(coarse, size=side, mode="bicubic").permute(0, 2, 3, 1).numpy()
    pictures = np.clip(128 + 50 * smooth, 0, 255).astype(np.uint8)
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    face = np.stack([0.5 + 0.35 * np.cos(turn), 0.5 + 0.35 * np.sin(turn)], 1)
    face[36:48, 0] = np.linspace(0.25, 0.75, 12)
    face[36:48, 1] = 0.4
    face[48:68] = 0.5 + 0.15 * np.stack([np.cos(turn[::3][:20] * 68 / 60), 1.6 + np.sin(turn[::3][:20])], 1)
    points = (face + random.normal(size=(FACES, 68, 2)) * 0.02).astype(np.float32)
    labels = (random.random((FACES, len(aus))) < 0.5).astype(np.int32)
    labels[random.random(labels.shape) < 0.1] = 9
    return pictures, points, labels


def unit_weights(labels):
    rates = [max((c == 1).sum(), 1) / max((c != 9).sum(), 1) for c in labels.T]
    inverse = 1 / np.array(rates)
    return torch.tensor(inverse / inverse.mean())


def run(name):
    side, sizes = SHAPES[name]
    random = np.random.default_rng(19)
    torch.manual_seed(19)
    aus = AUS[::2] if name == "jaa" else AUS  # each unit of JAA is two networks of its own
    pictures, points, labels = faces(random, side, aus)
    weights = unit_weights(labels)
    net = NETWORKS[name](side, aus, sizes, TRUNK, labels)
    with torch.no_grad():  # values that float32 holds exactly; batch norms that are not all alike
        for key, p in net.named_parameters():
            if p.ndim == 1:
                p.add_(0.1 * torch.randn_like(p))
            p.copy_(p.float())
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    batches = np.array([random.permutation(FACES)[:BATCH] for _ in range(STEPS)], np.int32)
    tensors = dict(pictures=pictures, points=points, labels=labels, batches=batches,
                   unitWeights=weights.numpy().astype(np.float32), weights=vector(net.named_parameters()))
    if hasattr(net, "fixed"):
        tensors.update(net.fixed())
    losses = []
    for t, batch in enumerate(batches, 1):
        images = torch.tensor((pictures[batch] / 255 - MEAN) / STD).permute(0, 3, 1, 2)
        y = torch.tensor(labels[batch])
        present, known = torch.where(y == 9, 0, y).double(), (y != 9).double()
        parts = net.losses(images, torch.tensor(points[batch].astype(np.float64)), present, known, weights)
        optimizer.zero_grad(set_to_none=True)
        sum(parts).backward()
        if t == 1:
            grads = [(n, torch.zeros_like(p) if p.grad is None else p.grad) for n, p in net.named_parameters()]
            gradient = vector(grads)
            scale = np.abs(gradient).max()
            tensors["gradient"] = (gradient / scale).astype(np.float16)
            tensors["gradientScale"] = scale.reshape(1)
        optimizer.step()
        losses.append(sum(parts).item())
    tensors["losses"] = np.array(losses, np.float32)
    with torch.no_grad():
        net.eval()
        images = torch.tensor((pictures / 255 - MEAN) / STD).permute(0, 3, 1, 2)
        tensors["answers"] = net.logits(images, torch.tensor(points.astype(np.float64))).numpy().astype(np.float32)
    statistics = [(n, b) for n, b in net.named_buffers() if "running" in n]
    if statistics:
        tensors["statistics"] = flat(statistics)
    names = [[n, list(order(n, p).shape)] for n, p in net.named_parameters()]
    save(f"detector-{name}", tensors, names=names, statistics=[[n, list(b.shape)] for n, b in statistics],
         shape=dict(imageSize=side, aus=aus, sizes=sizes, trunk=TRUNK), learningRate=RATE, weightDecay=DECAY)
    count = sum(p.numel() for p in net.parameters())
    print(f"{name:8} {count} weights, loss {losses[0]:.4f} -> {losses[-1]:.4f}")


if __name__ == "__main__":
    for name in sys.argv[1:] or NETWORKS:
        run(name)
