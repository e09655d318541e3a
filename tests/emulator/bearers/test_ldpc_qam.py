from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.segment import Kind
from edge.wire.packing import packed_size
from emulator.bearers.bearer import Carried, Freight, Modulator
from emulator.bearers.ldpc_qam import LdpcBlocks
from emulator.channels.ldpc import LdpcQam, Mcs
from emulator.channels.ldpc_code import LdpcMissingError
from emulator.channels.mcs import best_mcs
from emulator.channels.noise import NoiseKey, SegmentNoise

HALF = Mcs(4, 1 / 2)
WATERFALL_DB = 0.8  # where some blocks of 1024 bits fail at QPSK 1/2


def draw(receiver: str = "rx", attempt: int = 0) -> SegmentNoise:
    return SegmentNoise(NoiseKey(2, "air", receiver, "s", "payload"), 0, 0, attempt)


def whole(kind: Kind, elements: int, alphabet: int = 2, packet_elements: int = 64, level: int = 0) -> Freight:
    payload = np.random.default_rng(elements).integers(0, 256, packed_size(kind, alphabet, elements), dtype=np.uint8)
    return Freight(kind, alphabet, 0, elements, packet_elements, payload, 0.0, level, elements)


def part(freight: Freight, first: int, count: int) -> Freight:
    """Packets [first, first + count) of a whole segment."""
    offset = first * freight.packet_elements
    elements = min(count * freight.packet_elements, freight.count - offset)
    low, high = (packed_size(freight.kind, freight.alphabet, each) for each in (offset, offset + elements))
    return Freight(
        freight.kind,
        freight.alphabet,
        offset,
        elements,
        freight.packet_elements,
        freight.payload[low:high],
        0.0,
        freight.level,
        freight.count,
    )


def cut(bearer: LdpcBlocks, freight: Freight, cuts: list[int]) -> list[Carried]:
    """Carries a segment in runs of so many packets."""
    carried, first = [], 0
    for count in cuts:
        carried.append(bearer.carry(part(freight, first, count), draw()))
        first += count
    assert first == freight.packets
    return carried


def lost(carried: Carried) -> NDArray[np.bool_]:
    assert carried.lost is not None
    return carried.lost


@pytest.mark.parametrize("cuts", [[20], [1] * 20, [7, 3, 10], [19, 1]])
def test_errors_do_not_depend_on_how_a_segment_is_cut(cuts: list[int]) -> None:
    # 1280 indices of 9 bits: 11 520 bits in 12 blocks, whose seams lie within bytes and within packets
    freight = whole(Kind.INDICES, 1280, alphabet=512)
    expected = LdpcBlocks(WATERFALL_DB, [HALF], 1024).carry(freight, draw())
    carried = cut(LdpcBlocks(WATERFALL_DB, [HALF], 1024), freight, cuts)
    assert np.array_equal(np.concatenate([each.payload for each in carried]), expected.payload)
    assert not np.array_equal(expected.payload, freight.payload)
    assert sum(each.bit_errors or 0 for each in carried) == expected.bit_errors


def test_the_errors_are_those_of_the_channels_blocks() -> None:
    bearer, freight = LdpcBlocks(WATERFALL_DB, [HALF], 1024), whole(Kind.BITS, 8000)
    plan = bearer.plan(8000, 0)
    wrong, failed = LdpcQam(WATERFALL_DB).block_errors(plan, range(plan.blocks), draw())
    assert failed.any()
    carried = bearer.carry(freight, draw())
    flipped = np.unpackbits(carried.payload ^ freight.payload)
    assert np.array_equal(flipped, wrong.T.reshape(-1)[:8000])
    assert carried.bit_errors == flipped.sum()
    assert carried.lost is None  # bits with errors are delivered


def test_receivers_and_attempts_meet_their_own_noise() -> None:
    bearer, freight = LdpcBlocks(0.0, [HALF], 1024), whole(Kind.BITS, 2000)
    first, second, again = (bearer.carry(freight, d) for d in (draw(), draw("ry"), draw(attempt=1)))
    assert not np.array_equal(first.payload, second.payload)
    assert not np.array_equal(first.payload, again.payload)


@pytest.mark.parametrize("cuts", [[20], [1] * 20, [3, 17]])
def test_opaque_packets_that_touch_a_failed_block_are_lost_and_the_others_intact(cuts: list[int]) -> None:
    freight = whole(Kind.OPAQUE, 20 * 64)  # 10 240 bits in 11 blocks of 931
    carried = cut(LdpcBlocks(WATERFALL_DB, [HALF], 1024), freight, cuts)
    gone = np.concatenate([lost(each) for each in carried])
    plan = LdpcBlocks(WATERFALL_DB, [HALF], 1024).plan(10_240, 0)
    _, failed = LdpcQam(WATERFALL_DB).block_errors(plan, range(plan.blocks), draw())
    assert 0 < failed.sum() < plan.blocks
    touched = [
        failed[packet * 512 // plan.payload_bits : -(-(packet + 1) * 512 // plan.payload_bits)].any()
        for packet in range(20)
    ]
    assert gone.tolist() == touched
    arrived = np.concatenate([each.payload for each in carried]).reshape(20, 64)
    assert np.array_equal(arrived[~gone], freight.payload.reshape(20, 64)[~gone])


@pytest.mark.parametrize("kind", [Kind.BITS, Kind.INDICES, Kind.OPAQUE])
@pytest.mark.parametrize("mcs", [HALF, Mcs(64, 3 / 4)])
def test_packets_pay_for_all_symbols_however_they_are_cut(kind: Kind, mcs: Mcs) -> None:
    freight = whole(kind, 1001, alphabet=512)
    bearer = LdpcBlocks(10.0, [mcs])
    bits = 1001 * {Kind.BITS: 1, Kind.INDICES: 9, Kind.OPAQUE: 8}[kind]
    plan = bearer.plan(bits, 0)
    uses = bearer.channel_uses(freight)
    assert isinstance(bearer, Modulator)
    assert uses.shape == (16,)
    assert uses.sum() == plan.symbols >= bits / mcs.efficiency
    pieces = [bearer.channel_uses(part(freight, first, count)) for first, count in ((0, 3), (3, 12), (15, 1))]
    assert np.array_equal(np.concatenate(pieces), uses)


def test_a_segment_that_ends_with_its_packets_needs_no_total() -> None:
    bearer = LdpcBlocks(3.0, [HALF])
    alone = Freight(Kind.BITS, 2, 0, 800, 64, np.zeros(100, np.uint8), 0.0)
    assert bearer.channel_uses(alone).sum() == bearer.plan(800, 0).symbols


def test_each_level_has_its_own_scheme_and_the_last_serves_the_rest() -> None:
    schemes = [Mcs(64, 5 / 6), Mcs(16, 1 / 2), Mcs(4, 1 / 3)]
    bearer = LdpcBlocks(6.0, schemes)
    assert [bearer.plan(4000, level).mcs for level in range(5)] == [*schemes, schemes[2], schemes[2]]
    weak, strong = (bearer.carry(whole(Kind.BITS, 4000, level=level), draw()) for level in (0, 2))
    assert weak.bit_errors
    assert not strong.bit_errors
    assert strong.payload is not weak.payload


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_without_a_scheme_the_best_of_the_table_is_taken(snr_db: float) -> None:
    bearer = LdpcBlocks(snr_db)
    assert bearer.plan(6000, 3).mcs == best_mcs(snr_db, 6000)
    assert bearer.plan(500, 0).mcs == best_mcs(snr_db, 500)
    carried = bearer.carry(whole(Kind.BITS, 6000), draw())
    assert carried.payload.size == 750


@pytest.mark.parametrize(
    ("levels", "block_bits", "field"),
    [
        ([Mcs(5, 0.5)], 8448, "order"),
        ([HALF, Mcs(4, 0.1)], 8448, r"levels\[1\].code_rate"),
        ([HALF], 8449, "block_bits"),
    ],
)
def test_bad_settings_are_refused_at_once(levels: list[Mcs], block_bits: int, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must be"):
        LdpcBlocks(0.0, levels, block_bits)


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^snr_db: must be a number of dB"):
        LdpcBlocks(math.nan)


def test_a_missing_package_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.channels.ldpc_code.find_spec", lambda name: None)
    with pytest.raises(LdpcMissingError, match="sionna-no-rt"):
        LdpcBlocks(0.0)
