"""The networks of the reference: torchvision's ResNets with a width factor, and MoCo v2's projection head."""
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """He et al., 2016: two 3x3 convolutions, or the bottleneck 1x1, 3x3 (with the stride), 1x1."""

    def __init__(self, inputs, inner, stride, expansion):
        super().__init__()
        output = inner * expansion
        shapes = [(inputs, inner, 3, stride), (inner, inner, 3, 1)] if expansion == 1 else [
            (inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, output, 1, 1)]
        self.layers = len(shapes)
        for i, (a, b, kernel, step) in enumerate(shapes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.downsample = None
        if stride != 1 or inputs != output:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, output, 1, stride, bias=False), nn.BatchNorm2d(output))

    def forward(self, x):
        y = x
        for i in range(1, self.layers + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.layers:
                y = F.relu(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """torchvision's ResNet with a width factor and, for small images, a 3x3 stem without max-pool."""

    def __init__(self, backbone, width, stem):
        super().__init__()
        counts = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}[backbone]
        expansion = 4 if backbone == "resnet50" else 1
        base = round(64 * width)
        kernel = 7 if stem == "imagenet" else 3
        self.conv1 = nn.Conv2d(3, base, kernel, 2, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.pool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else nn.Identity()
        inputs = base
        for stage, count in enumerate(counts):
            blocks = []
            for i in range(count):
                blocks.append(Block(inputs, base * 2**stage, 2 if stage and not i else 1, expansion))
                inputs = base * 2**stage * expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.features = inputs

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean((2, 3))


class Encoder(ResNet):
    def __init__(self, m):
        super().__init__(m["backbone"], m["width"], m["stem"])
        hidden = nn.Linear(self.features, m["projectionSize"])
        self.projection = nn.Sequential(hidden, nn.ReLU(), nn.Linear(m["projectionSize"], m["embeddingSize"]))

    def forward(self, x):
        return F.normalize(self.projection(super().forward(x)), dim=1)
