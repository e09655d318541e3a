from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from tools.figures.over_bearers import transmit
from tools.ftsc.models import find, find_prior


def write(folder: Path, name: str, metadata: dict[str, str]) -> Path:
    path = folder / f"{name}.safetensors"
    weights.write(path, {"x": torch.zeros(1)}, metadata)
    return path


@pytest.mark.parametrize(
    ("metadata", "options"),
    [
        (
            {"architecture": "vqvae2", "shape": json.dumps({"scale": 8, "top_scale": 4, "channels": 80})},
            {"scale": "8", "top_scale": "4"},  # the codec takes its channels from the file
        ),
        ({"architecture": "vqvae", "shape": json.dumps({"scale": 4})}, {"scale": "4"}),
        (
            {"architecture": "deepjscc", "shape": json.dumps({"channels": 3, "filters": 48}), "snr_db": "10"},
            {"channels": "3", "snr_db": "10"},
        ),
    ],
)
def test_options_are_what_the_file_was_trained_for(
    tmp_path: Path, metadata: dict[str, str], options: dict[str, str]
) -> None:
    path = write(tmp_path, "model", metadata)
    model = find(tmp_path, "model")
    assert model is not None
    assert dict(model.options) == options | {"weights": str(path)}
    assert model.codec == metadata["architecture"]


def test_a_file_trained_again_is_another_model(tmp_path: Path) -> None:
    first_path = write(tmp_path, "model", {"architecture": "vqvae", "shape": '{"scale": 4}'})
    first = find(tmp_path, "model")
    weights.write(first_path, {"x": torch.ones(1)}, {"architecture": "vqvae", "shape": '{"scale": 4}'})
    again = find(tmp_path, "model")
    assert first is not None
    assert again is not None
    assert first.digest != again.digest


def test_what_is_not_there_is_none_and_what_is_damaged_is_an_error(tmp_path: Path) -> None:
    assert find(tmp_path, "model") is None
    assert find_prior(tmp_path, 4) is None
    (tmp_path / "model.safetensors").write_bytes(b"not a weight file")
    with pytest.raises(CodecError, match=r"model\.safetensors"):
        find(tmp_path, "model")


def test_the_entropy_coder_is_switched_on_by_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, "vqvae2-s8-prior", {"architecture": "index-prior"})
    prior = find_prior(tmp_path, 8)
    assert prior is not None
    assert prior.options() == {"entropy": "prior", "prior": str(path)}


def test_features_over_a_perfect_link_give_what_indices_give(tiny_weights: Path) -> None:
    model = find(tiny_weights, "vqvae2-s4")
    assert model is not None
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    received = []
    for carry in ("indices", "features"):
        codec = model.open({"carry": carry}, Half.BOTH)
        received.append(codec.decode(transmit(codec.encode(picture), {}, 0, 0)))
    assert np.abs(received[0].astype(int) - received[1]).max() <= 1  # dividing by the rms and back rounds
