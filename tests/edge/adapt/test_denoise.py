from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from edge.adapt import denoise
from edge.adapt.dncnn import Denoisers, DnCNN, DnCNNShape
from edge.adapt.errors import AdaptError
from edge.codecs import weights
from edge.codecs.contract import CodecDescription
from edge.codecs.vqvae2 import VQVAE2

SHAPE = DnCNNShape(maps=2, dimension=4, layers=3, channels=8)
CODEC = CodecDescription("vqvae2", {"scale": "2"}, "abc")


def written(path: Path, **changes: str) -> Path:
    codec = {"name": CODEC.name, "options": dict(CODEC.options), "knowledge": CODEC.knowledge}
    metadata = {"architecture": "dncnn", "shape": json.dumps(asdict(SHAPE)), "codec": json.dumps(codec)} | changes
    torch.manual_seed(0)
    weights.write(path, Denoisers(SHAPE).state_dict(), metadata)
    return path


def test_an_untrained_network_changes_nothing_whatever_the_power() -> None:
    maps = [torch.randn(3, 4, 8, 8) * scale for scale in (1e-3, 50.0)]
    for before, after in zip(maps, denoise.denoised(Denoisers(SHAPE), maps, at_once=2), strict=True):
        torch.testing.assert_close(after, before)


def test_the_network_is_indifferent_to_power() -> None:
    torch.manual_seed(0)
    nets = Denoisers(SHAPE)
    for parameter in nets.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    maps = [torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)]
    plain, louder = (nets([factor * one for one in maps])[0] for factor in (1.0, 100.0))
    torch.testing.assert_close(louder, 100 * plain, rtol=1e-3, atol=1e-2)
    assert not torch.allclose(plain, maps[0], atol=0.1)


def test_layers_and_filters_are_those_asked_for() -> None:
    convolutions = [layer for layer in DnCNN(SHAPE).body if isinstance(layer, torch.nn.Conv2d)]
    assert [(one.in_channels, one.out_channels) for one in convolutions] == [(4, 8), (8, 8), (8, 4)]


def test_a_file_comes_back_ready_to_run(tmp_path: Path) -> None:
    loaded = denoise.load(written(tmp_path / "dncnn.safetensors"), CODEC)
    assert loaded.shape == SHAPE
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_unusable_files_are_refused_in_one_sentence(tmp_path: Path, opened: Callable[..., VQVAE2]) -> None:
    other = CodecDescription("vqvae2", {"scale": "8"})
    with pytest.raises(AdaptError, match=r"^adapt.denoise: a.safetensors was trained for vqvae2 at scale 2, not for"):
        denoise.load(written(tmp_path / "a.safetensors"), other)
    with pytest.raises(AdaptError, match=r"^adapt.denoise: a.safetensors holds a vqvae2, not a dncnn"):
        denoise.load(written(tmp_path / "a.safetensors", architecture="vqvae2"), CODEC)
    with pytest.raises(AdaptError, match=r"^adapt.denoise: a.safetensors is not usable"):
        denoise.load(written(tmp_path / "a.safetensors", shape='{"maps": 0}'), CODEC)
    with pytest.raises(AdaptError, match=r"^adapt.denoise: no denoiser for vqvae2\(.*no such file.*leave denoise out"):
        denoise.load(tmp_path / "missing.safetensors", CODEC)
    with pytest.raises(AdaptError, match=r"^adapt.denoise: the denoiser is for 2 maps of 4 channels, got 1 of 4"):
        denoise.denoised(Denoisers(SHAPE), [torch.zeros(1, 4, 2, 2)])
    assert denoise.shipped_path(opened().describe()).name == "dncnn-s2.safetensors"
