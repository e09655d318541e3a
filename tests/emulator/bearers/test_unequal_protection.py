from __future__ import annotations

import numpy as np
import pytest

from emulator.bearers.bearer import Draws, Group, GroupForm
from emulator.bearers.unequal_protection import NOT_SENT, Scheme, UnequalProtection, choose, schemes
from emulator.channels.levels import geometric_bers
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.qam import gray_qam_ber

BERS = geometric_bers(10, 0.4, 0.001)
PAPER = [(256, ber) for ber in BERS]


def draws(receiver: str = "rx", message: int = 0) -> Draws:
    return lambda segment: SegmentNoise(NoiseKey(1, "air", receiver, "s", "payload"), message, segment)


def group(level: int, size_bits: int, ber: float | None) -> Group:
    bits = np.random.default_rng(level).integers(0, 2, size_bits, dtype=np.uint8)
    return Group(GroupForm(level, level, (size_bits,), ber), bits, np.ones(size_bits, np.bool_))


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0, 20.0, 30.0])
@pytest.mark.parametrize("symbols", [1, 31, 64, 128, 1000, 100_000])
def test_symbols_are_never_exceeded_and_promises_are_kept_from_the_most_reliable_level_on(
    symbols: int, snr_db: float
) -> None:
    chosen = choose(PAPER, symbols, snr_db)
    assert sum(scheme.symbols for scheme in chosen) <= symbols
    met = [scheme.is_sent and scheme.expected_ber <= ber for scheme, ber in zip(chosen, BERS, strict=True)]
    assert [scheme.expected_ber for scheme in chosen if not scheme.is_sent] == [0.5] * chosen.count(NOT_SENT)
    if symbols == 100_000 and snr_db >= 0:
        assert all(met)
    if symbols == 1:
        assert chosen == [NOT_SENT] * 10


@pytest.mark.parametrize("snr_db", [5.0, 15.0, 25.0])
def test_a_level_has_the_cheapest_scheme_that_meets_what_it_asks_for(snr_db: float) -> None:
    for (size_bits, ber), scheme in zip(PAPER, choose(PAPER, 100_000, snr_db), strict=True):
        good = [each.symbols for each in schemes(size_bits, snr_db) if each.expected_ber <= ber]
        assert scheme.expected_ber <= ber
        assert scheme.symbols == min(good)


def test_where_nothing_meets_it_the_lowest_error_rate_that_fits_is_taken() -> None:
    # 256 bits in 64 symbols at 10 dB: 16-QAM without a code just fits, and no code does that would meet 0.001
    (scheme,) = choose([(256, 0.001)], 64, 10.0)
    assert scheme == Scheme(16, 0.0, gray_qam_ber(16, 10.0), 64)
    assert choose([(256, 0.001)], 31, 10.0) == [NOT_SENT]  # 256-QAM needs 32


def test_the_order_of_levels_does_not_matter() -> None:
    straight, turned = choose(PAPER, 200, 15.0), choose(PAPER[::-1], 200, 15.0)
    assert straight == turned[::-1]


def test_a_level_without_bits_takes_nothing() -> None:
    assert choose([(0, 0.1), (256, 0.1)], 128, 10.0)[0] == NOT_SENT


@pytest.mark.parametrize("snr_db", [10.0, 15.0, 20.0])
def test_error_rates_are_those_that_were_expected(snr_db: float) -> None:
    # 40 messages. Uncoded levels within 5 sigma of the closed form; coded ones, whose errors come in whole blocks,
    # below what is expected for 3 of 40 blocks more than the table says
    bearer = UnequalProtection(400, snr_db, 0.1)
    sent = [group(level, 256, ber) for level, ber in enumerate(BERS)]
    protection = bearer.protection([one.form for one in sent])
    received = [bearer.carry(sent, [draws(message=message)])[0] for message in range(40)]
    for level, scheme in enumerate(protection):
        wrong = np.array([(message[level].bits != sent[level].bits).mean() for message in received])
        if not scheme.is_sent:
            assert not any(message[level].delivered.any() for message in received)
        elif scheme.code_rate == 0:
            sigma = np.sqrt(scheme.expected_ber * (1 - scheme.expected_ber) / (40 * 256))
            assert wrong.mean() == pytest.approx(scheme.expected_ber, abs=5 * sigma)
        else:
            assert wrong.mean() <= scheme.expected_ber + 3 / 40 * gray_qam_ber(scheme.order, snr_db)
    assert sum(bearer.channel_uses([one.form for one in sent])) <= 400


def test_levels_that_are_not_sent_and_bits_that_never_came_are_missing() -> None:
    bearer = UnequalProtection(64, 30.0, 0.1)
    sent = [group(0, 256, 0.4), group(1, 256, 0.001)]
    sent[1].present[:128] = False
    (received,) = bearer.carry(sent, [draws()])
    assert bearer.protection([one.form for one in sent])[0].is_sent
    np.testing.assert_array_equal(received[1].delivered, sent[1].present)
    (received,) = UnequalProtection(32, 30.0, 0.1).carry(sent, [draws()])
    assert not received[0].delivered.any()


def test_receivers_meet_noise_of_their_own() -> None:
    bearer = UnequalProtection(128, 5.0, 0.1)
    sent = [group(0, 256, 0.1)]
    one, other = bearer.carry(sent, [draws("one"), draws("other")])
    assert (one[0].bits != other[0].bits).any()


def test_a_source_that_announces_nothing_is_refused() -> None:
    bearer = UnequalProtection(128, 5.0, 0.1)
    bearer.check([group(0, 256, 0.1).form])
    with pytest.raises(ValueError, match="needs the bit error rates of the levels, and the source announced none"):
        bearer.check([group(0, 256, 0.1).form, group(1, 256, None).form])


def test_it_shows_what_it_chose() -> None:
    bearer = UnequalProtection(128, 20.0, 0.1)
    assert not bearer.describe().unequal_protection.messages
    bearer.protection([GroupForm(0, 1, (256,), 0.001), GroupForm(1, 0, (256,), 0.4)])
    said = bearer.describe()
    (message,) = said.unequal_protection.messages
    assert (said.snr_db, said.unequal_protection.symbols) == (20.0, 128)
    assert [row.level for row in message.levels] == [0, 1]
    assert message.levels[1].code_rate > 0
    assert message.levels[1].expected_ber <= message.levels[1].target_ber == 0.001
    for size in range(1, 20):
        bearer.protection([GroupForm(0, 0, (8 * size,), 0.1)])
    assert len(bearer.describe().unequal_protection.messages) == 8


@pytest.mark.parametrize(
    ("symbols", "snr_db", "sentence"), [(0, 10.0, "symbols: must be at least 1, got 0"), (1, float("nan"), "snr_db")]
)
def test_bad_settings_are_refused(symbols: int, snr_db: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        UnequalProtection(symbols, snr_db, 0.1)
