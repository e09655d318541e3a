"""The networks' stages, sizes and rate."""

from __future__ import annotations

import pytest
import torch

from edge.codecs.swin_blocks import Block
from edge.codecs.swin_channel import LAYERS, ChannelCoder
from edge.codecs.swin_network import VARIANTS, Encoder, SwinReceiver, SwinShape, SwinTransmitter, shifts

SMALL = SwinShape(shrink=16, numbers=96, width=8, growth=4, head=4, window=4, widening=1)


def test_the_stages_of_the_paper() -> None:
    blocks = [len(stage.blocks) for stage in Encoder(SMALL).stages]  # type: ignore[arg-type, union-attr]
    assert blocks == [2, 2, 6, 2]
    for name, expected in {"high": [2, 6, 2, 2], "low": [2, 2, 2, 2], "lowest": [1, 1, 1, 1]}.items():
        decoder = SwinReceiver(SMALL, name).decoder[name]  # type: ignore[index]
        assert [len(stage.blocks) for stage in decoder.stages] == expected == list(VARIANTS[name])


def test_every_second_block_of_a_half_is_shifted_also_where_stages_have_one() -> None:
    assert shifts([1, 1, 1, 1]) == [[False], [True], [False], [True]]
    assert shifts([2, 6]) == [[False, True], [False, True, False, True, False, True]]
    decoder = SwinReceiver(SMALL, "lowest").decoder["lowest"]  # type: ignore[index]
    stages: list[list[Block]] = [list(stage.blocks) for stage in decoder.stages]  # type: ignore
    assert [[block.attention.shifted for block in stage] for stage in stages] == shifts(VARIANTS["lowest"])


@pytest.mark.parametrize(("shrink", "numbers"), [(16, 96), (8, 24), (4, 6)])
def test_the_code_is_a_sixteenth_of_the_picture_and_of_power_one(shrink: int, numbers: int) -> None:
    shape = SwinShape(shrink, numbers, width=8, growth=4, head=4, window=2, widening=1)
    images = torch.rand(3, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    images[1] *= 0.01
    with torch.no_grad():
        code = SwinTransmitter(shape)(images, 3.0)
        assert SwinReceiver(shape, "lowest")(code, 3.0).shape == images.shape
    assert code[0].numel() / 2 == 3 * 32 * 48 / 16  # complex symbols
    assert torch.allclose(code.square().mean(dim=(1, 2, 3)), torch.full((3,), 0.5))


def test_stages_have_16_8_4_and_2_tokens_a_side_at_32x32() -> None:
    encoder, sides = Encoder(SMALL), []
    for stage in encoder.stages:
        stage.register_forward_hook(lambda _module, _given, tokens: sides.append(tokens.shape[1:3]))
    with torch.no_grad():
        encoder(torch.rand(1, 3, 32, 32), 3.0)
    assert [tuple(side) for side in sides] == [(16, 16), (8, 8), (4, 4), (2, 2)]


def test_brightness_reaches_the_code() -> None:
    # a normalisation of the pixels themselves would make all plain pictures one
    images = torch.stack([torch.full((3, 32, 32), level) for level in (0.2, 0.8)])
    with torch.no_grad():
        dark, bright = Encoder(SMALL)(images, 3.0)
    assert not torch.allclose(dark, bright, atol=1e-3)


def test_the_state_is_the_parameters_whatever_sizes_it_has_met() -> None:
    networks = (SwinTransmitter(SMALL), SwinReceiver(SMALL, "low"))
    before = [set(network.state_dict()) for network in networks]
    for side in (32, 80):
        with torch.no_grad():
            networks[1](networks[0](torch.rand(1, 3, side, side)))
    for network, names in zip(networks, before, strict=True):
        assert set(network.state_dict()) == names == {name for name, _ in network.named_parameters()}
        assert not list(network.buffers())


def test_the_channel_coder_has_seven_layers_and_begins_as_its_skip() -> None:
    coder = ChannelCoder(8)
    assert len(coder.layers) == LAYERS == 7
    tokens = torch.randn(1, 2, 2, 8)
    with torch.no_grad():
        assert torch.equal(coder(tokens, 1.0), tokens)
        coder.layers[-1].weight.normal_()  # type: ignore[operator, union-attr]
        assert not torch.allclose(coder(tokens, 1.0), coder(tokens, 7.0)), "the SNR does not matter"


def test_the_channel_coder_scales_tokens_and_sends_no_gradient_through_its_layers_input() -> None:
    torch.manual_seed(0)
    coder, tokens = ChannelCoder(8), torch.randn(1, 2, 2, 8, requires_grad=True)
    coder.get_parameter("layers.6.weight").data.normal_()
    made = coder(tokens, 3.0)
    scales = (made / tokens).detach()
    assert bool(((scales > 0) & (scales < 2)).all())
    made.sum().backward()
    assert torch.allclose(tokens.grad, scales)  # type: ignore[arg-type]


def test_tokens_and_snr_reach_the_last_layer_of_a_channel_coder_that_has_not_learnt_yet() -> None:
    torch.manual_seed(0)
    coder, seen = ChannelCoder(128), list[torch.Tensor]()
    coder.layers[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        for snr_db in (1.0, 7.0):
            coder(torch.randn(64, 1, 1, 128, generator=torch.Generator().manual_seed(1)), snr_db)
    low, high = seen
    assert low.std(dim=0).mean() > 0.1, "what it learns from is the same for all tokens"
    assert (high - low).square().mean().sqrt() > 0.1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shrink": 12}, "shrink: must be 4, 8 or 16, got 12"),
        ({"numbers": 95}, "numbers: must be even, got 95"),
        ({"window": 1}, "window: must be at least 2, got 1"),
        ({"head": 12}, "head: must divide width 32 and growth 32, got 12"),
    ],
)
def test_sizes_that_make_no_network_are_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SwinShape(**fields)
