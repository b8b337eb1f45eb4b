"""EmoCo's rivals on clips in PyTorch, float64, and the fixtures that the TypeScript is held to.

    python3 -m pip install torch numpy
    python3 tests/reference/clip_rivals.py

writes tests/fixtures/reference/rival-*.safetensors. The two views of a face stand for two frames of a clip, the target
first; for the ranking, a batch of sixteen faces is four clips of four frames, frame by frame.
"""
import sys

import torch
import torch.nn.functional as F
from torch import nn

sys.dont_write_bytecode = True
from emoco import STEPS
from rival_frame import Method, layers, run_all, spread, unit


class Stage(nn.Module):
    def __init__(self, factor, inputs, outputs, is_last):
        super().__init__()
        self.factor, self.is_last = factor, is_last
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1, bias=is_last)
        if not is_last:
            self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = self.conv(F.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False))
        return torch.tanh(x) if self.is_last else F.relu(self.bn(x))


def decoder(inputs, c, outputs):
    """1 to 32 pixels: five stages that double."""
    widths = [inputs, 8 * c, 4 * c, 2 * c, c, outputs]
    return nn.ModuleList(Stage(2, widths[i], widths[i + 1], i == 4) for i in range(5))


def decode(stages, one, other):
    x = F.relu(torch.cat([one, other], 1))[:, :, None, None]
    for stage in stages:
        x = stage(x)
    return x.permute(0, 2, 3, 1)  # [B, S, S, outputs]


def warp(source, flow):
    line = torch.linspace(-1, 1, source.shape[-1])
    y, x = torch.meshgrid(line, line, indexing="ij")
    grid = (torch.stack([x, y], -1) + flow).clamp(-1, 1)
    return F.grid_sample(source.detach(), grid, mode="bilinear", padding_mode="border", align_corners=True)


def l1(one, other):
    return (one - other).abs().mean((1, 2, 3))


class ClipMethod(Method):
    def curriculum(self, losses):
        """The mean of those between two places of the sorted list."""
        fifth = int(5 * self.t / STEPS)
        ordered = sorted(losses, key=lambda loss: loss.item())
        chosen = [loss for i, loss in enumerate(ordered)
                  if fifth / 10 * len(ordered) <= i < (5 + fifth) / 10 * len(ordered)]
        return torch.stack(chosen).mean()


class FAbNet(ClipMethod):
    settings = dict(embeddingSize=6, decoderChannels=2, imageSize=32, weightDecay=0.1)

    def build(self, features):
        n = self.m["embeddingSize"]
        self.net.projection = layers(nn.Linear(features, n))
        self.net.decoder = decoder(2 * n, self.m["decoderChannels"], 2)

    def losses(self, views, emotions):
        target, source = views
        e_s, e_t = self.net.projection(self.net.backbone(torch.cat([source, target]))).chunk(2)
        errors = l1(warp(source, decode(self.net.decoder, e_s, e_t)), target)
        return self.curriculum(errors), errors.mean()


class TCAE(ClipMethod):
    settings = dict(embeddingSize=6, decoderChannels=1, imageSize=32, weightDecay=0.1, baseLearningRate=0.00003)

    def build(self, features):
        n = self.m["embeddingSize"]
        self.net.pose, self.net.action = layers(nn.Linear(features, n)), layers(nn.Linear(features, n))
        self.net.poseDecoder = decoder(2 * n, self.m["decoderChannels"], 3)
        self.net.actionDecoder = decoder(2 * n, self.m["decoderChannels"], 3)

    def drawn(self, *pictures):
        """Pose and action of pictures that leave no running statistics."""
        norms = [m for m in self.net.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 0.0
        f = self.net.backbone(torch.cat(pictures))
        for norm in norms:
            norm.momentum = 0.1
        return list(zip(self.net.pose(f).chunk(len(pictures)), self.net.action(f).chunk(len(pictures))))

    def losses(self, views, emotions):
        t, s = views
        f = self.net.backbone(torch.cat([s, t]))
        (p_s, p_t), (a_s, a_t) = self.net.pose(f).chunk(2), self.net.action(f).chunk(2)
        by_pose, by_action = decode(self.net.poseDecoder, p_s, p_t), decode(self.net.actionDecoder, a_s, a_t)
        f_p, f_a = by_pose[..., :2], by_action[..., :2]
        share = torch.exp(by_pose[..., 2:]) / (torch.exp(by_pose[..., 2:]) + torch.exp(by_action[..., 2:]))
        applied = (1 - share) * f_a
        I_p, I_a, I_o = warp(s, f_p), warp(s, f_a), warp(s, share * f_p + applied)
        (p_p, a_p), (p_a, a_a), (p_o, a_o) = self.drawn(I_p, I_a, I_o)
        back_p = warp(I_p.detach(), decode(self.net.poseDecoder, p_p, p_s)[..., :2])
        back_a = warp(I_a.detach(), decode(self.net.actionDecoder, a_a, a_s)[..., :2])

        def square(one, other):
            return self.curriculum((one - other).square().mean(1))

        drawing = 10 * self.curriculum(l1(I_o, t)) + self.curriculum(l1(back_p, s)) + self.curriculum(l1(back_a, s))
        vectors = (square(p_p, p_t) + square(a_p, a_s) + square(p_a, p_s) + square(a_a, a_t)
                   + square(p_o, p_t) + square(a_o, a_t))
        sparsity = 0.1 * self.curriculum(applied.abs().mean((1, 2, 3)))
        return drawing + vectors + sparsity, drawing, vectors, sparsity


class TemporalRanking(Method):
    settings = dict(embeddingSize=6, ranked=2, stride=1, margin=0.3, batchSize=4, baseLearningRate=0.032)

    def build(self, features):
        self.net.projection = layers(nn.Linear(features, self.m["embeddingSize"]))

    def losses(self, views, emotions):
        e = unit(self.net.projection(self.net.backbone(views[0]))).reshape(4, 4, -1)  # frame, clip
        total = []
        for clip in range(4):
            D = [(e[0, clip] - e[1 + i, clip]).square().sum() for i in range(1 + self.m["ranked"])]
            total.append(sum(F.relu(D[i - 1] - D[i] + self.m["margin"]) for i in range(1, len(D))))
        return torch.stack(total).mean(), spread(e[0])


RIVALS = {"fabnet": FAbNet, "tcae": TCAE, "temporal-ranking": TemporalRanking}

if __name__ == "__main__":
    run_all(RIVALS)
