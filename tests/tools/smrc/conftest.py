"""Twelve little labelled pictures, and untrained weights of all the models that the figures know."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.smrc_file import HEADS
from edge.codecs.smrc_network import HeadShape, SmrcReceiver, SmrcShape, SmrcTransmitter, equal_heads
from edge.codecs.symbol_codec import PAIRING
from tools.smrc.setting import Setting

torch.set_num_threads(1)
SIDE = 16
POOLED = ((0,), (1,), (2,), (3,), (4,), (5, 6, 7, 8, 9))
MODELS = {
    "smrc": equal_heads(2, 20, 10),
    "bound": equal_heads(1, 40, 10),
    "bound16": equal_heads(1, 16, 10),
    "bound20": equal_heads(1, 20, 10),
    "bound30": equal_heads(1, 30, 10),
    "beta1": equal_heads(2, 20, 10),
    "beta2": equal_heads(2, 20, 10),
    "beta3": (*equal_heads(1, 20, 10), HeadShape(2, 20, POOLED)),
}


def save(path: Path, heads: tuple[HeadShape, ...]) -> None:
    shape = SmrcShape(SIDE, 1, 4, 10, heads)
    tensors = SmrcTransmitter(shape).state_dict() | SmrcReceiver(shape).state_dict()
    sizes = asdict(shape)
    about = {"architecture": "smrc", HEADS: json.dumps(sizes.pop(HEADS)), "shape": json.dumps(sizes), PAIRING: "1"}
    weights.write(path, tensors, about)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeds 0 and 1 of each for MNIST."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("weights")
    for kind, heads in MODELS.items():
        for seed in (0, 1):
            save(folder / f"{kind}-mnist-s{seed}.safetensors", heads)
    save(folder / "smrc-mnist-l3.safetensors", equal_heads(3, 20, 10))
    return folder


@pytest.fixture
def setting(untrained: Path, tmp_path: Path) -> Setting:
    pictures = np.random.default_rng(0).integers(0, 256, (12, SIDE, SIDE), np.uint8)
    labels = (np.arange(12) % 10).astype(np.uint8)
    np.savez(tmp_path / "set.npz", train_x=pictures, train_y=labels, test_x=pictures, test_y=labels)
    (tmp_path / "out").mkdir()
    return Setting({"mnist": tmp_path / "set.npz"}, untrained, 12, 2, out=tmp_path / "out", seeds=2)
