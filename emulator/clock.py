"""How model time passes on the wall.

A link computes in model time only. The clock decides whether a delivery waits, and until when: never (virtual), in
step with the monotonic clock (real), or slower or faster by a factor (scaled). All three give the same model times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from emulator.v1 import control_pb2


@dataclass(frozen=True)
class Clock:
    """factor: wall seconds for one model second; 0 never waits."""

    factor: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.factor <= 1e6:
            raise ValueError(f"clock.factor: must be in (0, 1e6] wall seconds a model second, got {self.factor}")

    @classmethod
    def from_proto(cls, clock: control_pb2.Clock) -> Self:
        """Raises ValueError for an unknown mode, or a factor that is not > 0."""
        if clock.mode == control_pb2.CLOCK_MODE_VIRTUAL:
            return cls(0.0)
        if clock.mode == control_pb2.CLOCK_MODE_REAL:
            return cls(1.0)
        if clock.mode == control_pb2.CLOCK_MODE_SCALED:
            if not clock.factor > 0:
                raise ValueError(f"clock.factor: must be > 0, got {clock.factor}; give wall seconds for a model second")
            return cls(clock.factor)
        raise ValueError("clock.mode: not set; choose virtual, real or scaled")

    @property
    def waits(self) -> bool:
        return self.factor > 0


class WallTime:
    """Maps one session's model time to the wall.

    Model time starts when the first packet comes. When a packet reaches the emulator later than its model time says
    (its sender was computing), the whole session falls back by that much: the wall stretches, model time does not.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lag_s: float | None = None

    def begin_service(self, model_ns: float, now_s: float) -> None:
        """A packet that a link begins to serve at model_ns is here at now_s, and not earlier."""
        lag = now_s - model_ns * 1e-9 * self.clock.factor
        self._lag_s = lag if self._lag_s is None else max(self._lag_s, lag)

    def deadline_s(self, model_ns: float) -> float:
        """Monotonic time at which something of model time model_ns is due."""
        assert self._lag_s is not None, "begin_service comes first"
        return self._lag_s + model_ns * 1e-9 * self.clock.factor
