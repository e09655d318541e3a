from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.index_prior import PriorShape
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.images import Named
from edge.train.cli_index_prior import train_index_prior
from edge.train.crops import RandomCrops
from edge.train.index_prior import IndexMaps, PriorSchedule, PriorTrainer, index_maps

SMALL = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, dimension=4, entries=16)


@pytest.fixture(scope="module")
def codec_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(0)
    tensors = TransmitterHalf(SMALL).state_dict() | ReceiverHalf(SMALL).state_dict()
    weights.write(path, tensors, shape_metadata(SMALL))
    return path


@pytest.fixture
def codec(codec_file: Path) -> VQVAE2:
    return VQVAE2.open({"scale": "2", "weights": str(codec_file)}, Half.ENCODER)


def striped(pictures: int) -> IndexMaps:
    """Maps that are wholly predictable from left and above: the index grows by one with each column."""
    starts = np.random.default_rng(0).integers(0, 16, (pictures, 1, 1))
    bottom = (starts + np.zeros((1, 16, 1), int) + np.arange(16)) % 16
    return IndexMaps(bottom[:, ::2, ::2].astype(np.uint16), bottom.astype(np.uint16), PriorShape(16, 4), 0)


def test_what_can_be_predicted_is_learned(codec: VQVAE2) -> None:
    trainer = PriorTrainer(codec, striped(64), PriorSchedule(steps=60, batch=192))
    bits: list[float] = []
    trainer.run(lambda _step, one: bits.append(one))
    assert bits[0] == pytest.approx(4, abs=1)  # log2(16), untrained
    assert np.mean(bits[-5:]) < 1


def test_a_batch_holds_what_the_maps_hold_there() -> None:
    near, around, phase, following = striped(4).bottom_batch(500)
    up, left = near[:, 0], near[:, 1]  # 16: outside the map
    assert bool((up == following)[up < 16].all())
    assert bool(((left + 1) % 16 == following)[left < 16].all())
    assert 0 < int((left == 16).sum()) < 500
    parent = around[:, 4]  # WINDOW's middle
    assert bool(((parent + phase[:, 1]) % 16 == following).all())


def test_maps_are_those_that_the_codec_sends(codec: VQVAE2) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    maps = index_maps(codec, RandomCrops([[Named("p", picture)]], 32, 0), 9, 0)
    assert maps.top.shape[0] == maps.bottom.shape[0] == 9
    variants = [picture, picture[:, ::-1], picture.transpose(1, 0, 2), picture[:, ::-1].transpose(1, 0, 2)]
    sent = [codec.encode(np.ascontiguousarray(v))[0].values for v in variants]
    inner = maps.top[:, 4:-4, 4:-4]
    agreeing = [max(float((one == s).mean()) for s in sent) for one in inner]
    assert min(agreeing) > 0.95  # batched convolutions may round a near tie the other way


def test_a_codec_without_an_encoder_is_refused(codec_file: Path) -> None:
    receiver = VQVAE2.open({"scale": "2", "weights": str(codec_file)}, Half.DECODER)
    picture = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(CodecError, match="a prior is learned from what the encoder sends"):
        index_maps(receiver, RandomCrops([[Named("p", picture)]], 32, 0), 1, 0)


def test_schedule_refuses_no_steps() -> None:
    with pytest.raises(ValueError, match="steps: must be at least 1"):
        PriorSchedule(steps=0)


def test_the_command_writes_a_prior_that_codes(codec_file: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for i in range(3):
        noise = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 64)).save(tmp_path / f"{i}.png")
    out = tmp_path / "prior.safetensors"
    arguments = ["--data", str(tmp_path), "--evaluate", str(tmp_path), "--evaluate-crop", "0", "--crop", "64"]
    arguments += ["--scale", "2", "--weights", str(codec_file), "--pictures", "6", "--steps", "20", "--batch", "96"]
    result = CliRunner().invoke(train_index_prior, [*arguments, "--out", str(out), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["architecture"] == "vqvae2-prior"
    assert 0 < told["metrics"]["bits_per_index"] < 5
    assert str(tmp_path) not in told["command"]
    options = {"scale": "2", "weights": str(codec_file), "entropy": "prior", "prior": str(out)}
    segments = VQVAE2.open(options, Half.ENCODER).encode(np.zeros((64, 64, 3), np.uint8))
    assert VQVAE2.open(options, Half.DECODER).decode(segments).shape == (64, 64, 3)


def test_the_command_names_a_crop_that_does_not_fit(codec_file: Path, tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "--scale", "2", "--weights", str(codec_file), "--crop", "66"]
    result = CliRunner().invoke(train_index_prior, [*arguments, "--out", str(tmp_path / "x.safetensors")])
    assert result.exit_code == 2
    assert "--crop: must be a multiple of 4" in result.stderr
