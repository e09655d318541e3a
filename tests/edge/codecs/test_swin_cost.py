"""What the networks cost, against the networks themselves."""

from __future__ import annotations

import re

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from edge.codecs.swin_cost import (
    BYTES,
    Capacity,
    TooWeakError,
    choose_variant,
    decoder_cost,
    encoder_cost,
    fits,
    measured_latency_s,
)
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter

SHAPE = SwinShape(shrink=8, numbers=24, width=8, growth=4, head=4, window=4, widening=2)


def counted(network: torch.nn.Module, given: torch.Tensor) -> tuple[int, int]:
    """Parameters, and FLOP as torch counts them."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        network(given)
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 48), (40, 96)])  # the last: windows do not divide maps
def test_the_figures_are_those_of_the_networks(height: int, width: int) -> None:
    images, code = torch.rand(1, 3, height, width), torch.rand(1, 24, height // 8, width // 8)
    assert counted(SwinTransmitter(SHAPE), images) == encoder_cost(SHAPE, height, width)
    for name, blocks in VARIANTS.items():
        assert counted(SwinReceiver(SHAPE, name), code) == decoder_cost(SHAPE, blocks, height, width)


def test_a_picture_that_is_padded_costs_what_the_padded_one_does() -> None:
    assert encoder_cost(SHAPE, 33, 57) == encoder_cost(SHAPE, 40, 64)
    assert decoder_cost(SHAPE, VARIANTS["low"], 33, 57) == decoder_cost(SHAPE, VARIANTS["low"], 40, 64)


def test_the_strongest_decoder_that_fits_is_chosen() -> None:
    costs = {name: decoder_cost(SHAPE, blocks, 64, 64) for name, blocks in VARIANTS.items()}
    assert costs["high"] > costs["low"] > costs["lowest"]
    held, much = list(reversed(VARIANTS)), 10**9
    for name in VARIANTS:
        capacity = Capacity(costs[name].flops / 0.5, much)
        assert choose_variant(SHAPE, 64, 64, capacity, 0.5, held) == name
        assert fits(costs[name], capacity, 0.5)
        assert not fits(costs[name], capacity, 0.49)
        assert choose_variant(SHAPE, 64, 64, Capacity(1e12, costs[name].parameters * BYTES), 0.5, held) == name


def test_a_device_too_weak_for_all_is_told_both_figures() -> None:
    flops = re.escape(f"{decoder_cost(SHAPE, VARIANTS['lowest'], 64, 64).flops:.3g}")
    with pytest.raises(TooWeakError, match=rf"decoder 'lowest': needs {flops} FLOP in 0.1 s and .* has 1e\+03 FLOP/s"):
        choose_variant(SHAPE, 64, 64, Capacity(1e3, 10**9), 0.1, ["high", "lowest"])


def test_latency_is_measured_on_the_network_itself() -> None:
    assert measured_latency_s(SwinReceiver(SHAPE, "lowest"), SHAPE, 20, 20, repeats=1) > 0
