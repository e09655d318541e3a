"""How the optimizer phrases a bad number: one sentence naming the field and the fix."""

from __future__ import annotations

import math

from optimizer.errors import ProblemError


def require_positive(field: str, value: float, unit: str) -> None:
    """Raises ProblemError unless value is finite and > 0."""
    if not (math.isfinite(value) and value > 0):
        raise ProblemError(f"{field}: must be a positive finite number ({unit}), got {value:g}")


def require_not_negative(field: str, value: float, unit: str) -> None:
    """Raises ProblemError unless value is finite and >= 0."""
    if not (math.isfinite(value) and value >= 0):
        raise ProblemError(f"{field}: must be a finite number >= 0 ({unit}), got {value:g}")


def require_finite(field: str, value: float, unit: str) -> None:
    """Raises ProblemError unless value is finite."""
    if not math.isfinite(value):
        raise ProblemError(f"{field}: must be a finite number ({unit}), got {value:g}")
