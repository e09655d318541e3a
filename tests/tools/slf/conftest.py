"""Tiny image sets under the names that tools/slf expects, and untrained weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.slf_network import ClassifierPart, ClassifierShape, SlfReceiver, SlfShape, SlfTransmitter
from tools.slf import data
from tools.slf.setting import Setting

COUNT = 40  # pictures in a part of a set


@pytest.fixture(scope="session")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each picture is one value of its own; test pictures are brighter than any of the train part."""
    folder = tmp_path_factory.mktemp("sets")
    for key, shape in (("mnist", (28, 28)), ("cifar10", (32, 32, 3))):
        values = np.arange(COUNT, dtype=np.uint8).reshape(-1, *[1] * len(shape))
        train = np.broadcast_to(values, (COUNT, *shape)).copy()
        labels = (np.arange(COUNT) % 10).astype(np.uint8)
        np.savez(folder / data.FILES[key], train_x=train, train_y=labels, test_x=train + 100, test_y=labels)
    return folder


def _write(path: Path, tensors: dict[str, torch.Tensor], about: dict[str, str]) -> None:
    weights.write(path, {name: value.detach().clone().contiguous() for name, value in tensors.items()}, about)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three transceivers and two classifiers."""
    folder = tmp_path_factory.mktemp("weights")
    about = {"architecture": "slf", "shape": '{"side": 32, "entries": 16, "dimension": 16}'}
    for seed, name in enumerate(("slf-trx1", "slf-trx2", "slf-trx3")):
        torch.manual_seed(seed)
        sender, receiver = SlfTransmitter(SlfShape()), SlfReceiver(SlfShape())
        receiver.codebook = sender.codebook
        _write(folder / f"{name}.safetensors", sender.state_dict() | receiver.state_dict(), about)
    for name, classes in (("mnist", 10), ("both", 20)):
        part = ClassifierPart(ClassifierShape(classes=classes)).state_dict()
        about = {"architecture": "slf-classifier", "shape": f'{{"side": 32, "classes": {classes}}}'}
        _write(folder / f"slf-classifier-{name}.safetensors", part, about)
    return folder


@pytest.fixture
def setting(sets: Path, untrained: Path, tmp_path: Path) -> Setting:
    return Setting(sets, untrained, pictures=COUNT, scored=10, steps=2, batch=8, out=tmp_path, seeds=1)
