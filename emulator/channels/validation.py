"""How channels refuse bad configuration and bad arrays: one sentence that names the field and the fix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def require_probability(field: str, value: float, upper: float = 1.0) -> float:
    """Returns value as a float; ValueError unless 0 <= value <= upper (NaN is refused)."""
    if not 0.0 <= value <= upper:
        raise ValueError(f"{field}: must be in [0, {upper:g}], got {value!r}; give a probability in that range")
    return float(value)


def require_integer(field: str, value: int, lower: int, upper: int) -> int:
    """Returns value; ValueError unless it is an int (not a bool) with lower <= value <= upper."""
    if isinstance(value, bool) or not isinstance(value, int) or not lower <= value <= upper:
        raise ValueError(f"{field}: must be an integer in [{lower}, {upper}], got {value!r}")
    return value


def require_snr_db(field: str, value: float) -> float:
    """Returns value as a float; ValueError for NaN and minus infinity (plus infinity means no noise)."""
    if math.isnan(value) or value == -math.inf:
        raise ValueError(f"{field}: must be a number of dB (or inf for no noise), got {value!r}")
    return float(value)


def require_vector(field: str, array: NDArray[Any], dtype: type[np.generic]) -> None:
    """TypeError unless array is one-dimensional, contiguous and exactly of dtype: nothing is cast in silence."""
    if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
        raise TypeError(
            f"{field}: must be a contiguous one-dimensional {np.dtype(dtype).name} array, "
            f"got {array.dtype.name} of shape {array.shape}"
        )
