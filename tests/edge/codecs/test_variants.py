"""The choice of a decoder by a device's capacity."""

from __future__ import annotations

import pytest

from edge.codecs.variants import Capacity, Cost, TooWeakError, choose, fits, latency_s, refusal

COSTS = {"low": Cost(1000, 300), "high": Cost(2000, 400), "lowest": Cost(500, 100)}
MUCH = 10**9


@pytest.mark.parametrize("name", COSTS)
def test_the_strongest_decoder_that_fits_is_chosen(name: str) -> None:
    cost = COSTS[name]
    in_time, in_memory = Capacity(cost.flops / 0.5, MUCH), Capacity(1e12, cost.memory_bytes)
    assert choose(COSTS, in_time, 0.5) == name
    assert choose(COSTS, in_memory, 0.5) == name
    assert latency_s(cost, in_time) == 0.5
    assert fits(cost, in_time, 0.5)
    assert not fits(cost, in_time, 0.49)
    assert not fits(cost, Capacity(1e12, cost.memory_bytes - 1), 0.5)


def test_a_device_too_weak_for_all_is_told_both_figures() -> None:
    with pytest.raises(
        TooWeakError,
        match=r"^decoder 'lowest': needs 100 FLOP in 0\.1 s and 2000 bytes, the device has 999 FLOP/s and 5000 bytes; "
        "choose a weaker decoder or allow more time$",
    ):
        choose(COSTS, Capacity(999, 5000), 0.1)


def test_where_no_time_is_set_only_memory_counts() -> None:
    assert refusal("low", COSTS["low"], Capacity(1, 3999), None) == (
        "decoder 'low': needs 4000 bytes, the device has 3999 bytes; choose a weaker decoder"
    )


def test_costs_add_up() -> None:
    assert COSTS["low"] + COSTS["high"] == Cost(3000, 700)
