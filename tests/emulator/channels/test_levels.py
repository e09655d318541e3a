from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest

from emulator.channels.levels import Level, geometric_bers, geometric_levels


def test_split_deepjscc_levels() -> None:
    # eq. (17) with the paper's N = 10, 0.4, 0.001; the second level by hand: 0.4 / 400 ** (1 / 9) = 0.205562
    bers = geometric_bers(10, 0.4, 0.001)
    assert len(bers) == 10
    assert (bers[0], bers[-1]) == (0.4, 0.001)
    assert bers[1] == pytest.approx(0.205562, abs=5e-7)
    assert [worse / better for worse, better in pairwise(bers)] == pytest.approx([400 ** (1 / 9)] * 9)


def test_levels_share_the_rest() -> None:
    levels = geometric_levels(3, 0.1, 0.001, erasure=0.2, on_error="retransmit", max_retries=4)
    assert [level.ber for level in levels] == pytest.approx([0.1, 0.01, 0.001])
    assert all((level.erasure, level.on_error, level.max_retries) == (0.2, "retransmit", 4) for level in levels)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [((1, 0.4, 0.001), "count"), ((3, 0.6, 0.001), "worst"), ((3, 0.4, 0.0), "best"), ((3, 0.1, 0.2), "best")],
)
def test_bad_series_are_refused(arguments: tuple[int, float, float], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        geometric_bers(*arguments)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"ber": 0.51}, "ber"),
        ({"ber": math.nan}, "ber"),
        ({"erasure": 1.1}, "erasure"),
        ({"on_error": "ignore"}, "on_error"),
        ({"on_error": "retransmit", "max_retries": 101}, "max_retries"),
        ({"on_error": "retransmit", "max_retries": -1}, "max_retries"),
        ({"on_error": "drop", "max_retries": 1}, "max_retries"),
    ],
)
def test_bad_levels_are_refused(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        Level(**arguments)
