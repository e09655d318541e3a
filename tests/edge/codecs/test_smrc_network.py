from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from edge.codecs.smrc_network import (
    HeadShape,
    SmrcReceiver,
    SmrcShape,
    SmrcTransmitter,
    equal_heads,
    normalised,
    pooled,
    reliability,
    to_numbers,
    to_symbols,
)

EACH = tuple((one,) for one in range(10))
TWO_KINDS = SmrcShape(12, 3, 4, 10, (HeadShape(1, 6, EACH), HeadShape(2, 4, EACH), HeadShape(2, 5, EACH)))


def images(count: int = 5, side: int = 12) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_every_picture_and_every_sub_block_has_average_power_1(layers: int) -> None:
    shape = SmrcShape(12, 1, 4, 10, equal_heads(layers, 7, 10))
    blocks = SmrcTransmitter(shape)(images())
    assert list(blocks) == list(range(layers))
    for block in blocks.values():
        symbols = to_symbols(block)
        assert symbols.shape == (5, 7)
        torch.testing.assert_close(symbols.abs().square().mean(dim=1), torch.ones(5))


def test_a_decoder_reads_the_first_head_of_each_earlier_layer_and_its_own() -> None:
    assert [TWO_KINDS.needed(block) for block in range(3)] == [[0], [0, 1], [0, 2]]
    three = SmrcShape(12, 3, 4, 10, (*TWO_KINDS.heads, HeadShape(3, 2, EACH)))
    assert three.needed(3) == [0, 1, 3]
    assert (three.blocks(1), three.blocks(2), three.layers) == ([0], [0, 1, 2], 3)
    assert (three.block(2, 2), three.block(3, 1)) == (2, 3)


def test_a_head_is_asked_for_by_number_or_name_and_one_that_is_not_there_is_refused_naming_those_that_are() -> None:
    shape = replace(TWO_KINDS, heads=(*TWO_KINDS.heads[:2], replace(TWO_KINDS.heads[2], name="semantics")))
    assert TWO_KINDS.names == ("h11", "h21", "h22")
    assert shape.names == ("h11", "h21", "semantics")
    assert [
        shape.block(2, 2),
        shape.block(2, "semantics"),
        shape.block(None, "semantics"),
        shape.block(None, "h11"),
    ] == [
        2,
        2,
        2,
        0,
    ]
    there = r"there is none \(layer 1 has h11, layer 2 has h21 and semantics\); ask for one of these"
    for layer, head, which in [
        (1, 2, "head 2 of layer 1"),
        (2, 0, "head 0 of layer 2"),
        (2, -1, "head -1 of layer 2"),
        (3, 1, "head 1 of layer 3"),
        (None, "h22", "head 'h22'"),
        (1, "semantics", "head 'semantics' of layer 1"),
    ]:
        with pytest.raises(ValueError, match=f"{which}: {there}"):
            shape.block(layer, head)


def test_a_receiver_holds_only_what_it_decodes_and_what_it_makes_depends_on_every_sub_block_it_reads() -> None:
    rx = SmrcReceiver(TWO_KINDS, [0, 2])
    assert {name.split(".")[1] for name in rx.state_dict()} == {"0", "2"}
    received = {place: block.detach() for place, block in SmrcTransmitter(TWO_KINDS)(images()).items()}
    with torch.no_grad():
        own = rx.reconstruct(2, received)
        assert own.shape == (5, 3, 12, 12)
        assert torch.equal(own, rx.reconstruct(2, received | {1: -received[1]}))
        assert not torch.equal(own, rx.reconstruct(2, received | {0: -received[0]}))
        assert not torch.equal(own, rx.reconstruct(2, received | {2: -received[2]}))


def test_grey_networks_see_the_mean_colour_and_show_grey() -> None:
    shape = SmrcShape(12, 1, 4, 10)
    tx, rx = SmrcTransmitter(shape), SmrcReceiver(shape)
    with torch.no_grad():
        blocks = tx(images())
        other = tx(images().mean(dim=1, keepdim=True).expand(-1, 3, -1, -1))
        shown = rx.reconstruct(1, blocks)
    torch.testing.assert_close(blocks[1], other[1])
    assert torch.equal(shown[:, 0], shown[:, 2])


def test_the_bound_has_the_trunk_the_decoder_and_as_many_head_numbers_as_two_heads() -> None:
    # "the same complexity": trunk and last decoder are equal, one head of 2n has as many weights as two of n
    two, one = (SmrcShape(28, 1, 8, 10, equal_heads(*size, 10)) for size in ((2, 20), (1, 40)))
    own, bound = SmrcTransmitter(two).state_dict(), SmrcTransmitter(one).state_dict()
    assert sum(map(torch.numel, own.values())) == sum(map(torch.numel, bound.values()))
    last = {name: value.shape for name, value in SmrcReceiver(two).decoder["1"].state_dict().items()}
    assert last == {name: value.shape for name, value in SmrcReceiver(one).decoder["0"].state_dict().items()}


def test_the_linear_estimate_errs_less_than_what_was_received() -> None:
    # Gaussian symbols over AWGN: error N0 / (1 + N0) against N0; 2000 blocks of 200 numbers
    generator = torch.Generator().manual_seed(1)
    sent = normalised(torch.randn(2000, 200, generator=generator))
    for noise in (0.1, 1.0, 10.0):
        received = sent + math.sqrt(noise / 2) * torch.randn(sent.shape, generator=generator)
        error = 2 * float((reliability(received) * received - sent).square().mean())
        assert error == pytest.approx(noise / (1 + noise), rel=0.05)
    assert torch.equal(reliability(torch.zeros(1, 4)), torch.ones(1, 1))


def test_weighing_is_for_decoders_of_several_sub_blocks_and_begins_as_if_it_was_not_there() -> None:
    plain, weighed = (SmrcReceiver(replace(TWO_KINDS, weighing=weighing)) for weighing in (False, True))
    added = weighed.state_dict().keys() - plain.state_dict().keys()
    assert {name.rsplit(".", 2)[0] for name in added} == {f"decoder.{block}.weighing.body" for block in (1, 2)}
    plain.load_state_dict({name: value for name, value in weighed.state_dict().items() if name not in added})
    received = {place: block.detach() for place, block in SmrcTransmitter(TWO_KINDS)(images()).items()}
    for block in range(3):
        assert torch.equal(plain.reconstruct(block, received), weighed.reconstruct(block, received))


def test_what_a_sub_block_counts_for_follows_from_how_noisy_the_others_are() -> None:
    """The last layer of `Weighing` set by hand: the second sub-block is heard only while the first is noisy."""
    shape = SmrcShape(12, 3, 4, 10, equal_heads(2, 6, 10), weighing=True)
    rx = SmrcReceiver(shape)
    weighing = rx.get_submodule("decoder.1.weighing.body")
    with torch.no_grad():
        for parameter in weighing.parameters():
            parameter.zero_()
        weighing.get_parameter("0.weight")[0, 0] = 1.0  # hidden: 2 reliability - 1 of the first sub-block
        weighing.get_parameter("2.weight")[12:24, 0] = -1.0
        clean = {place: block.detach() for place, block in SmrcTransmitter(shape)(images()).items()}
        noisy = clean | {0: 10 * clean[0]}
        for first, heard in ((clean, False), (noisy, True)):
            other = rx.reconstruct(1, first | {1: -first[1]})
            assert torch.allclose(rx.reconstruct(1, first), other, atol=1e-5) is not heard


def test_symbols_and_numbers_are_the_same() -> None:
    numbers = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(to_numbers(to_symbols(numbers)), numbers)
    assert to_symbols(numbers)[1, 0] == complex(numbers[1, 0], numbers[1, 1])


def test_pooled_probabilities_are_sums_of_those_of_the_classes() -> None:
    scores = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    groups = ((3,), (0, 2), (1, 4))
    found = pooled(torch.log_softmax(scores, 1), groups).exp()
    classes = torch.softmax(scores, 1)
    torch.testing.assert_close(found, torch.stack([classes[:, list(group)].sum(1) for group in groups], dim=1))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SmrcShape(side=30), "side: must be a positive multiple of 4, got 30"),
        (lambda: SmrcShape(colours=2), r"colours: must be 1 \(grey\) or 3, got 2"),
        (lambda: SmrcShape(heads=()), "heads: layers must be 1, 2, ... in order and without a gap, got"),
        (lambda: SmrcShape(heads=(HeadShape(1, 4, EACH), HeadShape(3, 4, EACH))), r"without a gap, got \[1, 3\]"),
        (lambda: SmrcShape(heads=(HeadShape(2, 4, EACH), HeadShape(1, 4, EACH))), r"in order and .* got \[2, 1\]"),
        (lambda: SmrcShape(heads=(HeadShape(1, 4, EACH[:9]),)), r"heads\[0\].groups: class 9 is in none; pool every"),
        (lambda: SmrcShape(heads=(HeadShape(1, 4, (*EACH, (9,))),)), "every class must be in one group only"),
        (lambda: SmrcShape(heads=(HeadShape(1, 4, (*EACH, ())),)), "every class must be in one group only, and no"),
        (lambda: SmrcShape(heads=(HeadShape(1, 4, (*EACH, (10,))),)), "class 10 is not one of 0 to 9"),
        (
            lambda: SmrcShape(heads=(HeadShape(1, 4, EACH, "fine"), HeadShape(2, 4, EACH, "fine"))),
            r"heads\[1\].name: 'fine' is another head's already; rename one",
        ),
        (
            lambda: SmrcShape(heads=(HeadShape(1, 4, EACH, "h21"), HeadShape(2, 4, EACH))),
            r"heads\[1\].name: 'h21' is another head's already",
        ),
        (lambda: HeadShape(1, 4, EACH, "2nd"), "name: must be a letter and then letters, digits, .* got '2nd'; rename"),
        (lambda: HeadShape(1, 0, EACH), "symbols: must be at least 1, got 0"),
    ],
)
def test_bad_shapes_are_named(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()
