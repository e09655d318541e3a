"""Transfer of the last stages between decoders of one size and of different ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge.adapt.errors import AdaptError
from edge.adapt.layer_transfer import transferred
from edge.codecs.swin_network import SwinReceiver, SwinShape

SHAPE = SwinShape(shrink=4, numbers=6, width=8, growth=4, head=4, window=2, widening=1)


def tensors(*variants: str) -> dict[str, Tensor]:
    return {name: tensor for one in variants for name, tensor in SwinReceiver(SHAPE, one).state_dict().items()}


def test_the_last_two_stages_are_taken_over_by_the_other_decoders_names() -> None:
    held = tensors("high", "low")
    taken = transferred(held, "high", "low")
    assert set(taken) == {name for name in held if name.startswith(("decoder.low.stages.2.", "decoder.low.stages.3."))}
    assert "decoder.low.stages.3.division.linear.weight" in taken  # what makes the picture
    for name, value in taken.items():
        assert torch.equal(value, held[name.replace("decoder.low.", "decoder.high.")])


def test_stages_that_differ_are_named() -> None:
    with pytest.raises(
        AdaptError, match=r"'high' and 'lowest' differ in decoder\.high\.stages\.2\.blocks\.1\.att.* more;"
    ):
        transferred(tensors("high", "lowest"), "high", "lowest")
    with pytest.raises(AdaptError, match=r"differ in decoder\.high\.stages\.1\.blocks\.2\."):
        transferred(tensors("high", "low"), "high", "low", stages=(1, 2, 3))


def test_tensors_of_other_shapes_are_named() -> None:
    held = tensors("high", "low")
    held["decoder.high.stages.2.norm"] = torch.zeros(3)
    held["decoder.low.stages.2.norm"] = torch.zeros(4)
    with pytest.raises(AdaptError, match=r"differ in decoder\.high\.stages\.2\.norm \[3\];"):
        transferred(held, "high", "low")


def test_without_a_decoder_to_take_from_there_is_no_transfer() -> None:
    with pytest.raises(AdaptError, match="there is no decoder 'high' to take from"):
        transferred(tensors("low"), "high", "low")
