"""What a number of channel uses holds."""

from __future__ import annotations

from emulator.channels.ldpc import BlockPlan, Mcs


def bits_that_fit(budget_symbols: int, mcs: Mcs) -> int:
    """The most payload bits, in whole bytes, whose blocks take no more than budget_symbols."""
    low, high = 0, int(budget_symbols * mcs.efficiency) // 8
    while low < high:
        middle = (low + high + 1) // 2
        if BlockPlan.of(8 * middle, mcs).symbols <= budget_symbols:
            low = middle
        else:
            high = middle - 1
    return 8 * low
