"""A few pictures, untrained weights of a tiny `swin` under the names of the trainings, and made-up curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.swin_network import SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from tools.multiuser.setting import ANEW, BY_CONTINUED, CONTINUED, SCHEMES, Setting

torch.set_num_threads(1)
SHAPE = SwinShape(numbers=4, width=4, growth=4, head=4)
Curve = Callable[[str, int, Sequence[float]], None]


def put(path: Path, decoders: Sequence[str], seed: int) -> None:
    torch.manual_seed(seed)
    halves = [SwinTransmitter(SHAPE), *(SwinReceiver(SHAPE, decoder) for decoder in decoders)]
    tensors = {name: value for half in halves for name, value in half.state_dict().items()}
    for tensor in tensors.values():
        if not tensor.any():  # what begins as zero, so that the SNR matters
            tensor.normal_(std=0.3)
    about = {"architecture": "swin", "shape": json.dumps(asdict(SHAPE)), "decoders": json.dumps(list(decoders))}
    weights.write(path, tensors, about | {PAIRING: pairing(tensors)})


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of seed 0 everything, of seed 1 `high` and `proposed`; three shipped decoders."""
    folder = tmp_path_factory.mktemp("weights")
    put(folder / "f-high-s0.safetensors", ["high"], 0)
    for scheme in (*SCHEMES, CONTINUED, BY_CONTINUED, ANEW):
        put(folder / f"f-{scheme}-s0.safetensors", ["high", "low"], 1)
    for name, decoders in (("high", ["high"]), ("proposed", ["high", "low"])):
        put(folder / f"f-{name}-s1.safetensors", decoders, 2)
    put(folder / "swin.safetensors", ["high", "low", "lowest"], 3)
    return folder


@pytest.fixture
def setting(untrained: Path, tmp_path: Path) -> Setting:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "small.npz", test_x=small, test_y=np.arange(6, dtype=np.uint8))
    np.savez(tmp_path / "photographs.npz", x=rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8))
    (tmp_path / "out").mkdir()
    data = (tmp_path / "small.npz", tmp_path / "photographs.npz")
    return Setting(data, untrained, pictures=4, photographs=1, out=tmp_path / "out", seeds=2)


@pytest.fixture
def curve(tmp_path: Path) -> Curve:
    """Writes a finished curve into the folder `curves` beside the pictures: its name, seed, and PSNR by epoch."""
    (tmp_path / "curves").mkdir()

    def written(name: str, seed: int, psnr_db: Sequence[float]) -> None:
        about = {"snr_db": 3.0, "steps": 10 * len(psnr_db), "epoch_steps": 10, "batch": 2, "learning_rate": 1e-3}
        points = [
            {"step": 10 * i, "cpu_s": 2.0 * i, "epoch": i, "psnr_db": value} for i, value in enumerate(psnr_db, 1)
        ]
        document = {"about": about | {"pictures": 4}, "points": points}
        (tmp_path / "curves" / f"{name}-s{seed}.json").write_text(json.dumps(document))

    return written
