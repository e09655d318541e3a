"""A small classifier for small pictures, trained on clean ones only: the judge of Figure 7, not a good classifier."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge import metrics
from edge.codecs import weights
from edge.images import Named, Picture
from tools.ftsc.data import labelled
from tools.ftsc.setting import Setting

CLASSES = 10
EPOCHS = {"cifar10": 6, "fashion": 12}
BATCH = 64


class SmallCNN(nn.Module):
    """[B, 3, H, W] in [0, 1], H = W of 28 or 32 -> scores [B, 10]. Three halvings, 24, 48 and 96 filters."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in (24, 48, 96):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
            before = width
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * before, CLASSES))

    def forward(self, pictures: Tensor) -> Tensor:
        scores: Tensor = self.body(pictures - 0.5)
        return scores


def as_batch(pictures: Sequence[Picture]) -> Tensor:
    """uint8 [H, W, 3] each -> [B, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div_(255.0)


def train(pictures: Sequence[Named], epochs: int, seed: int) -> SmallCNN:
    """Adam with a cosine to zero; random flips and shifts by up to two pixels."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    inputs = as_batch([picture.pixels for picture in pictures])
    labels = torch.tensor([picture.label for picture in pictures])
    network = SmallCNN()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3, weight_decay=1e-4)
    batches = len(pictures) // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, epochs * batches))
    for _ in range(epochs):
        order = torch.randperm(len(pictures), generator=generator)
        for chosen in order[: batches * BATCH].view(batches, BATCH):
            batch = _moved(inputs[chosen], generator).contiguous(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(network(batch), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    network.eval()
    return network


def _moved(batch: Tensor, generator: torch.Generator) -> Tensor:
    """The whole batch mirrored or not, and shifted with its border repeated."""
    if bool(torch.rand(1, generator=generator) < 0.5):
        batch = batch.flip(3)
    down, right = (int(shift) for shift in torch.randint(0, 5, (2,), generator=generator))
    padded = nn.functional.pad(batch, (2, 2, 2, 2), mode="replicate")
    return padded[:, :, down : down + batch.shape[2], right : right + batch.shape[3]]


def scores(network: SmallCNN, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """[N, 10]."""
    with torch.inference_mode():
        found = [network(as_batch(pictures[i : i + BATCH])) for i in range(0, len(pictures), BATCH)]
    return np.asarray(torch.cat(found).numpy(), np.float32)


def accuracy(network: SmallCNN, pictures: Sequence[Picture], labels: Sequence[int]) -> float:
    """Top-1."""
    return metrics.top1_accuracy(scores(network, pictures), np.asarray(labels))


def trained(setting: Setting, set_key: str) -> SmallCNN:
    """The classifier of a set; trains it when it is not there yet, and keeps it among the cells."""
    epochs = 1 if setting.quick else EPOCHS[set_key]
    path: Path = setting.cells.path({"what": "classifier", "set": set_key, "epochs": epochs}, ".safetensors")
    network = SmallCNN()
    if not path.exists():
        pictures = labelled(setting.data, set_key, "train")
        network = train(pictures[:: 10 if setting.quick else 1], epochs, 0)
        weights.write(path, {k: v.contiguous() for k, v in network.state_dict().items()}, {"architecture": "small-cnn"})
    network.load_state_dict(weights.read_tensors(path, ("",)))
    return network.eval()
