"""Eight little pictures, and untrained weights of a codec and of a mapper that fit each other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edge.codecs import weights
from edge.codecs.split import DEMAPPER, LEVEL_BERS, PAIRING, digest
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
from emulator.bearers.mapper_network import MapperPair, MapperShape
from tools.split import links
from tools.split.setting import Setting

torch.set_num_threads(1)
SPLIT = SplitShape(bits=20, channels=8, fine_channels=4, blocks=1)
MAPPER = MapperShape(bits=20, symbols=64, channels=8, blocks=1)


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """split-m2560 (which has fewer bits here) and mapper-k64-snr20."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("weights")
    tensors = SplitTransmitter(SPLIT).state_dict() | SplitReceiver(SPLIT).state_dict()
    about = {"architecture": "split", "shape": json.dumps(asdict(SPLIT)), LEVEL_BERS: json.dumps(links.PAPERS_BERS)}
    about |= {PAIRING: digest(tensors, "encoder"), DEMAPPER: digest(tensors, "decoder")}
    weights.write(folder / "split-m2560.safetensors", tensors, about)
    described = {"architecture": "channel-mapper", "shape": json.dumps(asdict(MAPPER)), "snr_db": "20"}
    save_file(MapperPair(MAPPER).state_dict(), folder / "mapper-k64-snr20.safetensors", described)
    return folder


@pytest.fixture
def setting(untrained: Path, tmp_path: Path) -> Setting:
    y, x = np.mgrid[0:32, 0:32]
    pictures = np.stack([np.stack([x * 7, y * 7, (x + y) * i % 256], axis=2) for i in range(8)]).astype(np.uint8)
    labels = np.arange(8, dtype=np.uint8)
    np.savez(tmp_path / "set.npz", train_x=pictures, train_y=labels, test_x=pictures, test_y=labels)
    return Setting(tmp_path / "set.npz", untrained, untrained, 4, out=tmp_path / "out", seeds=2)
