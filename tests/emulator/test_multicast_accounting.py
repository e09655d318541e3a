from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from emulator.multicast_accounting import (
    Tier,
    costs,
    differentials,
    each_tier,
    layered,
    measured_eta,
    single_size,
    weakest_rates,
)

EXAMPLE = [Tier(1, 1 / 3), Tier(2, 1 / 2), Tier(4, 2 / 3), Tier(6, 3 / 4)]  # section I, in units of B


@pytest.mark.parametrize("eta", [1.0, 1.05, 2.0])
def test_the_example_of_the_paper(eta: float) -> None:
    found = costs(EXAMPLE, eta)
    assert found.each_tier == pytest.approx(21)
    assert found.best_to_all == pytest.approx(18)
    assert found.layered == pytest.approx(3 + (2 + 3 + 8 / 3) * eta)  # 7.66, as the paper rounds it
    assert found.layered == pytest.approx(3 + 7.66 * eta, abs=0.007 * eta)


def test_what_the_paper_says_of_practice() -> None:
    assert costs(EXAMPLE, 1.05).layered == pytest.approx(11.04, abs=0.02)


def test_one_tier_costs_the_same_whatever_the_strategy() -> None:
    found = costs([Tier(40, 0.8)], 1.3)
    assert (found.each_tier, found.best_to_all, found.layered) == (50, 50, 50)


def test_differential_sizes_keep_their_tiers_rate() -> None:
    assert differentials(EXAMPLE[:3], 1.5) == [Tier(1.5, 1 / 2), Tier(3, 2 / 3)]
    assert layered(Tier(1, 1), [Tier(1, 0.5), Tier(2, 0.5)]) == 7


def test_a_layer_goes_at_the_rate_of_the_weakest_that_takes_it() -> None:
    assert weakest_rates([[1, 2], [3, 4], [5, 6]]) == [1, 3, 5]
    assert weakest_rates([[4, 2], [1, 4], [5, 3]]) == [1, 1, 3]


def test_eta_is_one_when_the_sub_block_costs_what_single_encodings_differ_in() -> None:
    assert measured_eta(20, 40, 20) == 1
    assert measured_eta(20, 38, 20) == pytest.approx(20 / 18)


def test_the_size_of_a_single_encoding_is_read_off_the_logarithm() -> None:
    singles = {40.0: 18.0, 10.0: 14.0, 20.0: 16.0}  # 2 dB a doubling
    assert [single_size(one, singles) for one in (14, 16, 18)] == pytest.approx([10, 20, 40])
    assert single_size(17, singles) == pytest.approx(20 * 2**0.5)
    # qualities that single encodings of 19 and 38 reach, by a sub-block of 20
    assert measured_eta(20, single_size(16 + 2 * math.log2(38 / 20), singles), 19) == pytest.approx(20 / 19)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: each_tier([]), "tiers: there is none"),
        (lambda: each_tier([Tier(1, 1), Tier(1, 0)]), r"tiers\[1\].rate: must be finite and > 0, got 0"),
        (lambda: each_tier([Tier(-1, 1)]), r"tiers\[0\].size: must be finite and >= 0, got -1"),
        (lambda: costs(EXAMPLE, 0.9), "eta: must be finite and at least 1, got 0.9"),
        (lambda: costs(EXAMPLE[::-1], 1), r"tiers\[1\].size: must not be below the 6 of the tier before, got 4"),
        (lambda: weakest_rates([[1], []]), "every tier must have a receiver"),
        (lambda: single_size(15, {}), "quality_db: 15.00 is outside the nothing that"),
        (lambda: single_size(19, {20: 16, 40: 18}), "19.00 is outside the 16.00 to 18.00 dB that single encodings"),
        (lambda: single_size(17, {20: 16, 40: 16}), "singles: 40 must be better than 20, got 16 and 16 dB"),
        (lambda: measured_eta(20, 20, 20), "eta: needs a sub-block and a better encoding larger"),
    ],
)
def test_bad_input_is_named(bad: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bad()
