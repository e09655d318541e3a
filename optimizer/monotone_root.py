"""Root of a decreasing function of one variable, wherever it is: a growing bracket, then false position."""

from __future__ import annotations

import math
from collections.abc import Callable

_MAX_GROWTH = 60
_MAX_STEPS = 80


def decreasing_root(f: Callable[[float], float], guess: float, low: float, high: float, tolerance: float) -> float:
    """x in [low, high] with |f(x)| <= tolerance, or the end at which |f| is smallest when f keeps its sign.

    f must not increase; it may jump, and then the jump is returned. guess: where to look first.
    """
    x = min(max(guess, low), high)
    value = f(x)
    step = 0.25 if value > 0 else -0.25
    for _ in range(_MAX_GROWTH):
        if abs(value) <= tolerance:
            return x
        other = min(max(x + step, low), high)
        if other == x:
            return x  # the end of the range, and still the same sign
        other_value = f(other)
        if (other_value > 0) != (value > 0) or other_value == 0:
            return _inside(f, (x, value), (other, other_value), tolerance)
        x, value = other, other_value
        step *= 2.0
    return x


def _inside(f: Callable[[float], float], one: tuple[float, float], two: tuple[float, float], tolerance: float) -> float:
    (a, fa), (b, fb) = one, two
    for count in range(_MAX_STEPS):
        if abs(fb) <= tolerance:
            return b
        middle = 0.5 * (a + b)
        x = middle if count % 4 == 3 or not math.isfinite(fa - fb) or fa == fb else b - fb * (b - a) / (fb - fa)
        if not min(a, b) < x < max(a, b):
            x = middle
        if x in (a, b):
            break
        fx = f(x)
        if (fx > 0) != (fb > 0):
            a, fa = b, fb
        else:
            fa *= 0.5
        b, fb = x, fx
    return b
