"""Decoders in files of their own: found, opened, and not mistaken for another encoder's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import swin_files, weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.swin import Swin
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing

SHAPE = SwinShape(shrink=16, numbers=96, width=8, growth=4, head=4, window=4, widening=1)


def written(path: Path, seed: int = 0, held: Sequence[str] = tuple(VARIANTS)) -> Path:
    torch.manual_seed(seed)
    halves = [SwinTransmitter(SHAPE), *(SwinReceiver(SHAPE, one) for one in held)]
    tensors = {name: tensor.half() for half in halves for name, tensor in half.state_dict().items()}
    metadata = {"architecture": "swin", "shape": json.dumps(asdict(SHAPE)), PAIRING: pairing(tensors)}
    weights.write(path, tensors, metadata | {"decoders": json.dumps(held), "snrs_db": "[1, 7]"})
    return path


def opened(path: Path, half: Half, **options: str) -> Swin:
    return Swin.open({"weights": str(path)} | options, half)


def test_parts_are_the_whole(tmp_path: Path) -> None:
    whole = written(tmp_path / "swin.safetensors")
    parts = swin_files.split(whole, tmp_path / "parts")
    assert [part.name for part in parts] == [
        *("swin.safetensors", "swin-high.safetensors", "swin-low.safetensors", "swin-lowest.safetensors")
    ]
    picture = np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    sender = opened(parts[0], Half.ENCODER)
    assert sender.decoders == tuple(VARIANTS)
    assert sender.variant == ""
    sent = sender.encode(picture)
    for variant in VARIANTS:
        receiver = opened(parts[0], Half.DECODER, decoder=variant)
        assert receiver.describe() == sender.describe()
        assert np.array_equal(receiver.decode(sent), opened(whole, Half.DECODER, decoder=variant).decode(sent))
    assert opened(parts[0], Half.DECODER).variant == "high"


def test_a_receiver_needs_its_own_decoder_only(tmp_path: Path) -> None:
    parts = swin_files.split(written(tmp_path / "swin.safetensors"), tmp_path / "parts")
    parts[1].unlink()
    assert opened(parts[0], Half.DECODER).variant == "low"
    with pytest.raises(CodecError, match=r"swin\.safetensors holds low, lowest, not 'high'"):
        opened(parts[0], Half.DECODER, decoder="high")


def test_a_decoder_of_another_encoder_is_refused(tmp_path: Path) -> None:
    ours = swin_files.split(written(tmp_path / "swin.safetensors"), tmp_path / "ours")
    other = swin_files.split(written(tmp_path / "swin.safetensors", seed=1), tmp_path / "other")
    ours[2].write_bytes(other[2].read_bytes())
    with pytest.raises(CodecError, match=r"swin-low\.safetensors beside it belongs to another encoder; put the two"):
        opened(ours[0], Half.DECODER)


def test_an_encoder_without_any_decoder_is_refused(tmp_path: Path) -> None:
    parts = swin_files.split(written(tmp_path / "swin.safetensors", held=("low",)), tmp_path / "parts")
    parts[1].unlink()
    with pytest.raises(CodecError, match=r"its decoders are \[\], not among .*, and swin-high\.safetensors and the"):
        opened(parts[0], Half.ENCODER)


def test_it_gives_the_cost_of_decoders_that_it_has_not_open(tmp_path: Path) -> None:
    sender = opened(written(tmp_path / "swin.safetensors"), Half.ENCODER)
    costs = [sender.cost(variant, 30, 40) for variant in sender.decoders]
    assert sorted(costs, reverse=True) == costs
    high = sum(tensor.size for tensor in opened(tmp_path / "swin.safetensors", Half.DECODER).parameters().values())
    assert costs[0].parameters == high
    assert costs[0].memory_bytes == 4 * high
