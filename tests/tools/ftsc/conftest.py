"""A folder of tiny image sets under the names that tools/ftsc expects, and tiny weights."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edge.codecs import weights
from edge.codecs.vqvae2 import shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from tools.ftsc import data
from tools.ftsc.data import SETS
from tools.ftsc.setting import Setting

PICTURES = 90  # in a set: 32 for fine-tuning, 48 to score, 10 left; of those held out, every tenth
HELD_OUT_PICTURES = 200
SIDE = 20


def pictures(count: int, seed: int) -> np.ndarray:
    """Each picture is one grey with a number-dependent corner, so that no two are the same."""
    found = np.full((count, SIDE, SIDE, 3), 100 + seed % 50, np.uint8)
    found[:, 0, 0, 0] = np.arange(count) % 256
    found[:, 0, 1, 0] = np.arange(count) // 256
    return found


def _tar(path: Path, stack: np.ndarray) -> None:
    with tarfile.open(path, "w") as archive:
        for i, pixels in enumerate(stack):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, format="PNG")
            member = tarfile.TarInfo(f"p{i:04d}.png")
            member.size = buffer.tell()
            buffer.seek(0)
            archive.addfile(member, buffer)


@pytest.fixture(scope="session", autouse=True)
def small_squares() -> Iterator[None]:
    """64x64 in place of 256x256, so that the tests are quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SIDE", 64)
        yield


@pytest.fixture(scope="session")
def image_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for seed, chosen in enumerate(SETS.values()):
        count = HELD_OUT_PICTURES if chosen.held_out else PICTURES
        for file in {chosen.file, chosen.evaluation_file}:
            if file.endswith(".tar"):
                _tar(folder / file, pictures(count, seed))
            elif chosen.evaluation_split == "test":
                labels = (np.arange(count) % 10).astype(np.uint8)
                train, test = pictures(count, seed), pictures(count, seed + 25)
                np.savez(folder / file, train_x=train, test_x=test, train_y=labels, test_y=labels)
            else:
                np.savez(folder / file, x=pictures(count, seed))
    return folder


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """vqvae2-s4, untrained, of four filters."""
    folder = tmp_path_factory.mktemp("weights")
    shape = VQVAE2Shape(scale=4, channels=4, fine_channels=4, blocks=1, entries=8, dimension=4)
    torch.manual_seed(0)
    sender, receiver = TransmitterHalf(shape), ReceiverHalf(shape)
    receiver.share(sender)
    state = {k: v.clone().contiguous() for k, v in (sender.state_dict() | receiver.state_dict()).items()}
    metadata = shape_metadata(shape) | {"command": "edge-codec train vqvae2 --hold-out 10"}
    weights.write(folder / "vqvae2-s4.safetensors", state, metadata)
    weights.write(folder / "vqvae2-s4-f20.safetensors", state, metadata)
    return folder


@pytest.fixture
def setting(image_sets: Path, tiny_weights: Path, tmp_path: Path) -> Setting:
    return Setting(image_sets, tiny_weights, pictures=2, steps=2, batch=1, basic_steps=2, out=tmp_path, seeds=2)
