from __future__ import annotations

import pytest

from emulator.channels.ldpc import BlockPlan, Mcs
from tools.figures.channel_uses import bits_that_fit


@pytest.mark.parametrize("budget", [200, 6144, 24_576])
@pytest.mark.parametrize("mcs", [Mcs(4, 1 / 2), Mcs(64, 3 / 4)])
def test_the_payload_fills_the_budget_to_the_last_byte(budget: int, mcs: Mcs) -> None:
    bits = bits_that_fit(budget, mcs)
    assert BlockPlan.of(bits, mcs).symbols <= budget < BlockPlan.of(bits + 8, mcs).symbols
    assert bits > 0.85 * budget * mcs.efficiency
