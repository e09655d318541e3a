"""Problems to plan for: drawn from a seed, so that every test names the instance it failed on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from optimizer.presets import PRESETS
from optimizer.problem import Problem

Draw = Callable[..., Problem]


@pytest.fixture(scope="session")
def drawn() -> Draw:
    """(seed, count=5, preset="tradeoff") -> a problem; distances uniform in [1, 1000] m, Rician fading, K = 10."""

    def draw(seed: int, count: int = 5, preset: str = "tradeoff") -> Problem:
        generator = np.random.default_rng(seed)
        distance_m = generator.uniform(1.0, 1000.0, count)
        scatter = generator.standard_normal((2, count)) * np.sqrt(0.5 / 11.0)
        fading = (np.sqrt(10.0 / 11.0) + scatter[0]) ** 2 + scatter[1] ** 2
        names = tuple(f"rx{index + 1}" for index in range(count))
        return PRESETS[preset].problem(names, 1e-3 * distance_m**-2.0 * fading)

    return draw
