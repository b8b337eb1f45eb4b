"""Fixtures for the parts beside the method: ResNets, optimisers, measures and picture operations of known libraries."""
import numpy as np
import torch
import torchvision
from scipy.stats import pearsonr
from sklearn.metrics import average_precision_score, f1_score, mean_absolute_error, roc_auc_score
from torch import nn
from torchvision.transforms.v2 import functional as pictures

from networks import ResNet


def save_parts(save, flat, in_tensorflow_order):
    check_against_torchvision()
    random = np.random.default_rng(7)
    torch.manual_seed(7)
    resnets, names = resnet_fixture(random, flat, in_tensorflow_order)
    save("resnet", resnets, names=names)
    save("optimizer", optimizer_fixture(random))
    save("metrics", metrics_fixture(random))
    save("pictures", pictures_fixture(random))
    save("intensity", intensity_fixture(np.random.default_rng(8)))


def check_against_torchvision():
    """The width factor and the small stem are ours; at width 1 the network must be the published one."""
    images = torch.randn(2, 3, 64, 64)
    for backbone in ("resnet18", "resnet34", "resnet50"):
        theirs, ours = getattr(torchvision.models, backbone)(), ResNet(backbone, 1, "imagenet")
        theirs.fc = nn.Identity()
        ours.load_state_dict(theirs.state_dict())
        torch.testing.assert_close(ours(images), theirs(images))


def resnet_fixture(random, flat, in_tensorflow_order):
    images = torch.tensor(random.normal(size=(4, 40, 40, 3)).astype(np.float32)).double()
    tensors, names = {"images": images.numpy().astype(np.float32)}, {}
    for backbone in ("resnet18", "resnet50"):
        for stem in ("imagenet", "small"):
            net, key = ResNet(backbone, 1 / 32, stem), f"{backbone}-{stem}"
            with torch.no_grad():  # batch norms that differ, in values that float32 holds exactly
                for name, value in [*net.named_parameters(), *net.named_buffers()]:
                    if value.ndim == 1:
                        value.mul_(1 + 0.3 * torch.rand_like(value)).add_(0.2 * torch.rand_like(value))
                    if value.is_floating_point():
                        value.copy_(value.float())
            statistics = [(n, b) for n, b in net.named_buffers() if "running" in n]
            tensors[f"{key}.weights"] = flat(net.named_parameters())
            tensors[f"{key}.statistics"] = flat(statistics)
            names[key] = [[[n, list(in_tensorflow_order(n, p).shape)] for n, p in named]
                          for named in (net.named_parameters(), statistics)]
            x = images.permute(0, 3, 1, 2)
            with torch.no_grad():
                tensors[f"{key}.eval"] = net.eval()(x).numpy().astype(np.float32)
                tensors[f"{key}.train"] = net.train()(x).numpy().astype(np.float32)
            tensors[f"{key}.statisticsAfter"] = flat([(n, b) for n, b in net.named_buffers() if "running" in n])
    return tensors, names


def optimizer_fixture(random):
    """Five steps with gradients, learning rates and a weight that no gradient reaches."""
    steps, size = 5, 6
    start = random.normal(size=(2, size)).astype(np.float32)
    gradients = random.normal(size=(steps, size)).astype(np.float32)
    rates = np.array([0.1, 0.2, 0.05, 0.3, 0.01], np.float32)
    tensors = dict(start=start, gradients=gradients, rates=rates)
    for name, make in dict(
        sgd=lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.8, weight_decay=0.03),
        adamW=lambda p: torch.optim.AdamW(p, lr=1.0, weight_decay=0.07),
    ).items():
        moved, untouched = (nn.Parameter(torch.tensor(values).double()) for values in start)
        optimizer, path = make([moved, untouched]), []
        for gradient, rate in zip(gradients, rates):
            moved.grad = torch.tensor(gradient).double()
            optimizer.param_groups[0]["lr"] = float(rate)
            optimizer.step()
            path.append(moved.detach().numpy().copy())
        assert (untouched.detach().numpy() == start[1]).all()
        tensors[name] = np.array(path, np.float32)
    return tensors


def metrics_fixture(random):
    """Scores in steps of 0.1, so that many tie and some equal the threshold; 9 stands for a missing label."""
    count, units = 60, 5
    scores = (random.integers(0, 11, size=(count, units)) / 10).astype(np.float32)
    labels = (random.random((count, units)) < 0.2 + 0.6 * scores).astype(np.int32)
    labels[:, 3] = random.random(count) < 0.05
    scores[:, 4], labels[:, 4] = scores[:, 4] * 0.4, 0  # neither a positive label nor a positive decision
    labels[random.random((count, units)) < 0.15] = 9
    f1, auc, precision = [], [], []
    for unit in range(units):
        known = labels[:, unit] != 9
        truth, score = labels[known, unit], scores[known, unit]
        f1.append(f1_score(truth, score >= np.float32(0.5), zero_division=0.0))
        auc.append(roc_auc_score(truth, score) if 0 < truth.sum() < len(truth) else np.nan)
        precision.append(average_precision_score(truth, score) if truth.any() else np.nan)
    measures = dict(f1=f1, auc=auc, averagePrecision=precision)
    return dict(scores=scores, labels=labels, **{k: np.array(v, np.float32) for k, v in measures.items()})


def intensity_fixture(random):
    """Answers in 0-5 and grades 0-5; 9 stands for a missing grade, the last unit's grades do not vary."""
    count, units = 50, 4
    grades = random.integers(0, 6, size=(count, units))
    answers = np.clip(grades * [0.9, 0.5, 0.1, 1] + random.normal(size=(count, units)), 0, 5).astype(np.float32)
    grades[:, 3] = 2
    grades[random.random((count, units)) < 0.15] = 9
    icc, pcc, mae, f1 = [], [], [], []
    for unit in range(units):
        known = grades[:, unit] != 9
        truth, answer = grades[known, unit].astype(float), answers[known, unit].astype(float)
        table = np.stack([answer, truth], 1)  # Shrout and Fleiss: targets as rows, judges as columns
        n, k = table.shape
        total = ((table - table.mean()) ** 2).sum()
        between = k * ((table.mean(1) - table.mean()) ** 2).sum()
        judges = n * ((table.mean(0) - table.mean()) ** 2).sum()
        bms, ems = between / (n - 1), (total - between - judges) / ((n - 1) * (k - 1))
        icc.append((bms - ems) / (bms + (k - 1) * ems))
        pcc.append(pearsonr(answer, truth)[0] if truth.std() > 0 else np.nan)
        mae.append(mean_absolute_error(truth, answer))
        f1.append(f1_score(truth >= 2, answer >= 1.5))
    measures = {k: np.array(v, np.float32) for k, v in dict(icc=icc, pcc=pcc, mae=mae, f1=f1).items()}
    return dict(answers=answers, grades=grades.astype(np.int32), **measures)


def pictures_fixture(random):
    """torchvision's triangle-filter resize and colour operations, on floats in 0-1."""
    tensors = {}
    for name, (height, width, size) in dict(shrink=(29, 34, 12), enlarge=(9, 7, 16)).items():
        image = random.integers(0, 256, size=(height, width, 3)).astype(np.uint8)
        x = torch.tensor(image / 255).permute(2, 0, 1)
        tensors[f"{name}.image"] = image
        tensors[f"{name}.resized"] = as_picture(pictures.resize(x, [size, size], antialias=True))
    image = random.integers(0, 256, size=(8, 8, 3)).astype(np.uint8)
    x = torch.tensor(image / 255).permute(2, 0, 1)
    tensors["colour.image"] = image
    tensors["colour.brightness"] = as_picture(pictures.adjust_brightness(x, 1.35))
    tensors["colour.contrast"] = as_picture(pictures.adjust_contrast(x, 1.3))
    tensors["colour.saturation"] = as_picture(pictures.adjust_saturation(x, 0.62))
    tensors["colour.hue"] = as_picture(pictures.adjust_hue(x, -0.09))
    tensors["colour.grey"] = as_picture(pictures.rgb_to_grayscale(x, num_output_channels=3))
    return tensors


def as_picture(x):
    return x.permute(1, 2, 0).numpy().astype(np.float32)
