"""VQ-VAE-2's tensors can be read and replaced while it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs.contract import CodecError, Half
from edge.codecs.tensors import TensorHolder
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.codecs.weights import write
from edge.train.export import compact

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, dimension=4)
PICTURE = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    tensors = TransmitterHalf(SHAPE).state_dict() | ReceiverHalf(SHAPE).state_dict()
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    write(path, compact(tensors), shape_metadata(SHAPE))
    return path


def opened(file: Path, half: Half) -> VQVAE2:
    return VQVAE2.open({"scale": "2", "weights": str(file)}, half)


def test_half_precision_files_keep_codebooks_whole_and_open_as_float32(file: Path) -> None:
    parameters = opened(file, Half.DECODER).parameters()
    assert {value.dtype for value in parameters.values()} == {np.dtype(np.float32)}
    torch.manual_seed(0)
    tensors = TransmitterHalf(SHAPE).state_dict() | ReceiverHalf(SHAPE).state_dict()
    np.testing.assert_array_equal(parameters["codebook_b.vectors"], tensors["codebook_b.vectors"].numpy())


def test_each_half_offers_its_own_tensors(file: Path) -> None:
    sender, receiver = opened(file, Half.ENCODER), opened(file, Half.DECODER)
    assert isinstance(sender, TensorHolder)
    assert not any(name.startswith("decoder") for name in sender.parameters())
    assert not any(name.startswith("encoder") for name in receiver.parameters())


def test_replaced_tensors_are_in_force_and_copies_stay_what_they_were(file: Path) -> None:
    sender, receiver = opened(file, Half.ENCODER), opened(file, Half.DECODER)
    segments = sender.encode(PICTURE)
    before, old = receiver.decode(segments), receiver.parameters()
    receiver.replace({name: value * 2 for name, value in old.items() if name.startswith("decoder_b")})
    assert not np.array_equal(receiver.decode(segments), before)
    receiver.replace(old)
    np.testing.assert_array_equal(receiver.decode(segments), before)


def test_tensors_that_do_not_fit_change_nothing(file: Path) -> None:
    receiver = opened(file, Half.DECODER)
    old = receiver.parameters()
    good, bad = "decoder_b.body.0.weight", "codebook_b.vectors"
    for offered in (
        {good: old[good] * 2, bad: old[bad][:1]},
        {good: old[good] * 2, bad: np.full_like(old[bad], np.nan)},
        {good: old[good] * 2, "decoder_b.extra": old[bad]},
    ):
        with pytest.raises(CodecError, match="tensors"):
            receiver.replace(offered)
    np.testing.assert_array_equal(receiver.parameters()[good], old[good])
