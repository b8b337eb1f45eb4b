"""The PyTorch peer of `deno task bench step`: the same EmoCo step as train/emoco.ts, written as PyTorch does it best.

torchvision's ResNet, channels_last, in-place foreach updates, the fused SGD, eager or torch.compile, whichever is
faster here. Reads one line a round from standard input ("round <steps>") and answers each with one JSON line.
"""
import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

EMOTIONS, EMBEDDING, PROJECTION = 7, 128, 2048
TEMPERATURE, LAMBDA, ENCODER_MOMENTUM, EPSILON = 0.2, 1.0, 0.999, 1e-6


def encoder(backbone):
    net = getattr(models, backbone)()
    net.fc = nn.Sequential(nn.Linear(net.fc.in_features, PROJECTION), nn.ReLU(), nn.Linear(PROJECTION, EMBEDDING))
    return net.to(memory_format=torch.channels_last).train()


def normalize(v, own):
    offset = v - own
    return offset / offset.norm(dim=1, keepdim=True).clamp_min(EPSILON)


class Step:
    """State and step of EmoCo: Eqs. 2 to 5, per-emotion queues, both losses."""

    def __init__(self, backbone, slots, learning_rate):
        torch.manual_seed(0)
        self.query = encoder(backbone)
        self.key = encoder(backbone)
        self.key.load_state_dict(self.query.state_dict())
        for parameter in self.key.parameters():
            parameter.requires_grad_(False)
        self.classifier = nn.Parameter(torch.empty(EMOTIONS, EMBEDDING).uniform_(-EMBEDDING**-0.5, EMBEDDING**-0.5))
        self.keys = F.normalize(torch.randn(slots, EMOTIONS, EMBEDDING), dim=2)
        self.query_parameters = list(self.query.parameters())
        self.key_parameters = list(self.key.parameters())
        self.optimizer = torch.optim.SGD(
            [*self.query_parameters, self.classifier], learning_rate, momentum=0.9, weight_decay=1e-4, fused=True
        )
        self.position = torch.zeros(EMOTIONS, dtype=torch.long)

    def losses(self, view_q, key, prototypes, emotions, labels):
        query = F.normalize(self.query(view_q), dim=1)
        emotion_loss = F.cross_entropy(query @ self.classifier.t(), emotions)
        own = prototypes[emotions]
        anchor, positive_key = normalize(query, own), normalize(key, own)
        positive = (anchor * positive_key).sum(1, keepdim=True)
        slots = self.keys.shape[0]
        placed = (labels[:, :, None] * anchor[:, None, :]).flatten(1)
        negatives = placed @ self.keys.view(slots, -1).t()
        along = labels @ torch.einsum("kgd,gd->gk", self.keys, prototypes)
        distance = (2 - 2 * along).clamp_min(EPSILON**2).sqrt()
        negatives = (negatives - (anchor * own).sum(1, keepdim=True)) / distance
        logits = torch.cat([positive, negatives], 1) / TEMPERATURE
        contrastive_loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
        return LAMBDA * emotion_loss + contrastive_loss

    @torch.no_grad()
    def embed_keys(self, view_k):
        return F.normalize(self.key(view_k), dim=1)

    def __call__(self, view_q, view_k, emotions):
        labels = F.one_hot(emotions, EMOTIONS).float()
        with torch.no_grad():
            torch._foreach_lerp_(self.key_parameters, self.query_parameters, 1 - ENCODER_MOMENTUM)
            prototypes = F.normalize(self.classifier.detach(), dim=1)
        key = self.embed_keys(view_k)
        loss = self.losses(view_q, key, prototypes, emotions, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            slots = self.keys.shape[0]
            for emotion in range(EMOTIONS):
                mine = key[emotions == emotion]
                rows = (self.position[emotion] + torch.arange(len(mine))) % slots
                self.keys[rows, emotion] = mine
                self.position[emotion] = (self.position[emotion] + len(mine)) % slots
        return loss.item()

    def compile(self):
        self.losses = torch.compile(self.losses)
        self.embed_keys = torch.compile(self.embed_keys)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--compile", choices=["yes", "no", "best"], default="best")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    step = Step(options.backbone, options.slots, 0.003)
    images = (options.batch, 3, options.size, options.size)
    views = [torch.randn(images).to(memory_format=torch.channels_last) for _ in range(2)]
    emotions = torch.arange(options.batch) % EMOTIONS

    def seconds(count):
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            loss = step(*views, emotions)
        return time.perf_counter() - start, time.process_time() - cpu, loss

    seconds(2)
    mode = "eager"
    if options.compile != "no":
        eager = min(seconds(1)[0] for _ in range(3))
        losses, embed_keys = step.losses, step.embed_keys
        try:
            step.compile()
            seconds(2)
            mode = "torch.compile"
            if options.compile == "best" and min(seconds(1)[0] for _ in range(3)) > eager:
                step.losses, step.embed_keys, mode = losses, embed_keys, "eager (torch.compile is slower here)"
        except Exception as problem:  # no compiler, an unsupported platform: the peer is eager PyTorch then
            reason = str(problem).strip().splitlines()[0][:120]
            step.losses, step.embed_keys, mode = losses, embed_keys, f"eager (torch.compile failed: {reason})"
        seconds(1)
    parameters = sum(p.numel() for p in step.query_parameters) + step.classifier.numel()
    print(json.dumps({"engine": f"PyTorch {torch.__version__}, {mode}", "parameters": parameters}), flush=True)

    for line in sys.stdin:
        wall, cpu, loss = seconds(int(line.split()[1]))
        with open("/proc/self/status") as status:
            peak = next(int(row.split()[1]) * 1024 for row in status if row.startswith("VmHWM"))
        print(json.dumps({"seconds": wall, "cpuSeconds": cpu, "loss": loss, "peakBytes": peak}), flush=True)


if __name__ == "__main__":
    main()
