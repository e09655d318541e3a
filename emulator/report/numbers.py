"""How numbers read in a report: significant digits, SI prefixes, one unit a column. Nothing here computes."""

from __future__ import annotations

import math
from collections.abc import Iterable

NONE = "–"
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float | None, digits: int = 4, smallest_plain: float = 1e-3) -> str:
    """A number with so many significant digits; powers of ten below `smallest_plain` and from 10^7; a dash for None."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if abs(value) >= smallest_plain and exponent < 7:
        rounded = round(value, digits - 1 - exponent)
        return _minus(f"{rounded:,.{max(digits - 1 - exponent, 0)}f}".replace(",", "\N{THIN SPACE}"))
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return _minus(f"{mantissa} × 10") + str(int(power)).translate(_SUPERSCRIPTS)


def fixed(value: float | None, decimals: int) -> str:
    """A number with so many decimals; a dash for None."""
    return NONE if value is None else _minus(f"{value:,.{decimals}f}".replace(",", "\N{THIN SPACE}"))


def count(value: int | None) -> str:
    """An integer in groups of three digits; a dash for None."""
    return NONE if value is None else _minus(f"{value:,}".replace(",", "\N{THIN SPACE}"))


def percent(value: float | None, decimals: int = 0) -> str:
    """A share as a percentage; a dash for None."""
    return NONE if value is None else _minus(f"{100 * value:.{decimals}f}") + " %"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def prefix_for(values: Iterable[float | None]) -> tuple[float, str]:
    """The factor and SI prefix under which the largest of the values reads best."""
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return next(((factor, prefix) for factor, prefix in _PREFIXES if largest >= factor), (1.0, ""))


def with_unit(value: float | None, unit: str, digits: int = 3) -> str:
    """One number with its SI prefix and unit, such as 200 kbit/s; a dash for None."""
    if value is None:
        return NONE
    factor, prefix = prefix_for([value])
    text = significant(value / factor, digits)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {prefix}{unit}"


def deviation(measured: float | None, theoretical: float | None) -> str:
    """How far a measurement is from theory, in percent with sign; a dash when either is missing."""
    if measured is None or not theoretical:
        return NONE
    percents = 100 * (measured / theoretical - 1)
    if abs(percents) < 0.0005:
        return "0 %"
    return _minus(f"{percents:+.{2 if abs(percents) < 10 else 0}f}") + " %"
