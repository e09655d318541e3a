"""A channel mapper for tests of what carries it: tiny, random, and as good as any for that."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mapper_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 levels of 64 bits, [4, 4, 4] each, in 32 symbols; trained for the g with digest "feed" at 10 dB."""
    import torch  # not for tests that do not ask for it
    from safetensors.torch import save_file

    from emulator.bearers.mapper_network import MapperPair, MapperShape

    torch.manual_seed(0)
    shape = MapperShape(levels=4, bits=16, side=4, symbols=32, channels=8, blocks=1)
    path = tmp_path_factory.mktemp("mapper") / "tiny.safetensors"
    metadata = {
        "architecture": "channel-mapper",
        "shape": json.dumps(asdict(shape)),
        "snr_db": "10",
        "demapper": "feed",
    }
    save_file(MapperPair(shape).state_dict(), path, metadata)
    return path
