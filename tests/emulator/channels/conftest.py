"""Draws for channel tests: every test names what differs from a fixed stream."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.channels.noise import NoiseKey, SegmentNoise


@pytest.fixture(scope="session")
def make_draw() -> Callable[..., SegmentNoise]:
    def make(
        seed: int = 7, receiver: str = "rx0", message: int = 3, segment: int = 1, attempt: int = 0
    ) -> SegmentNoise:
        key = NoiseKey(seed=seed, link="radio", receiver=receiver, session="test", purpose="payload")
        return SegmentNoise(key, message, segment, attempt)

    return make
