"""The autoencoder: what is its own. The rest (edge.codecs.symbol_codec) is in test_deepjscc.py."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import autoencoder_network, weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.autoencoder import Autoencoder
from edge.codecs.autoencoder_network import AutoencoderShape
from edge.codecs.contract import CodecError, Half
from edge.codecs.symbol_codec import PAIRING, pairing

SHAPE = AutoencoderShape(scale=4, channels=8, fine_channels=8, blocks=1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    tensors = autoencoder_network.transmitter(SHAPE).state_dict() | autoencoder_network.receiver(SHAPE).state_dict()
    metadata = {"architecture": "autoencoder", "shape": json.dumps(asdict(SHAPE)), PAIRING: pairing(tensors)}
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.write(path, tensors, metadata)
    return path


def test_the_bandwidth_ratio_is_d_over_6_s_squared_and_the_picture_comes_back_whole(file: Path) -> None:
    sender, receiver = (Autoencoder.open({"weights": str(file)}, half) for half in (Half.ENCODER, Half.DECODER))
    segments = sender.encode(np.zeros((24, 32, 3), np.uint8))
    assert metrics.compression_rate(segments, 24, 32) == 6 / (6 * 4**2)
    assert receiver.decode(segments).shape == (24, 32, 3)
    assert sender.describe() == receiver.describe()
    assert dict(sender.describe().options) == {"scale": "4"}


def test_it_can_be_fine_tuned(file: Path) -> None:
    codec = Autoencoder.open({"weights": str(file)}, Half.BOTH)
    assert isinstance(codec, Adaptable)
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (sent,) = codec.features(torch.tensor(image).permute(2, 0, 1)[None] / 255)
    (received,) = codec.inputs_from_segments(codec.encode(image))
    assert torch.allclose(received, sent, atol=1e-5)


def test_bad_options_are_named(file: Path) -> None:
    with pytest.raises(CodecError, match=r"codec\.options\.scale: must be one of 2, 4, 8, 16, got '3'"):
        Autoencoder.open({"scale": "3"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"small\.safetensors was trained at scale 4, not 8; set scale=4"):
        Autoencoder.open({"weights": str(file), "scale": "8"}, Half.BOTH)
