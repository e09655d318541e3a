from __future__ import annotations

import pytest

from emulator.report.numbers import count, deviation, fixed, percent, prefix_for, significant, with_unit

THIN = "\N{THIN SPACE}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (12.3456, "12.35"),
        (0.0292969, "0.02930"),
        (9.9996, "10.000"),
        (123456.0, f"123{THIN}500"),
        (1e-4, "1.000 × 10⁻⁴"),
        (-2.5e-13, "−2.500 × 10⁻¹³"),
        (4e21, "4.000 × 10²¹"),
    ],
)
def test_significant(value: float | None, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (200e3, "200 kbit/s"),
        (1.5e6, "1.5 Mbit/s"),
        (3e13, "30 Tbit/s"),
        (999.0, "999 bit/s"),
        (0.0, "0 bit/s"),
        (2e-3, "2 mbit/s"),
    ],
)
def test_with_unit(value: float | None, text: str) -> None:
    assert with_unit(value, "bit/s") == text


def test_one_prefix_is_chosen_by_the_largest() -> None:
    assert prefix_for([3.0, None, -4500.0]) == (1e3, "k")
    assert prefix_for([None]) == (1.0, "")


def test_small_helpers() -> None:
    assert fixed(-0.5, 1) == "−0.5"
    assert count(1234567) == f"1{THIN}234{THIN}567"
    assert count(None) == percent(None) == fixed(None, 2) == "–"
    assert percent(0.125, 1) == "12.5 %"


@pytest.mark.parametrize(
    ("measured", "theory", "text"),
    [
        (1.0, None, "–"),
        (None, 1.0, "–"),
        (1.0, 0.0, "–"),
        (1.0, 1.0, "0 %"),
        (0.98, 1.0, "−2.00 %"),
        (1.5, 1.0, "+50 %"),
    ],
)
def test_deviation(measured: float | None, theory: float | None, text: str) -> None:
    assert deviation(measured, theory) == text
