"""What the networks cost, against the networks themselves."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from edge.codecs.swin_cost import decoder_cost, encoder_cost, measured_latency_s
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


def test_latency_is_measured_on_the_network_itself() -> None:
    assert measured_latency_s(SwinReceiver(SHAPE, "lowest"), SHAPE, 20, 20, repeats=1) > 0
