"""How many layers to freeze (l) for a target: what SLF leaves to its reader. Pure functions, no tensors.

A table of points says what each l takes and gives; `recovery` predicts the time where nothing was measured. MSE and
accuracy cannot be predicted, only measured on like pictures and a like channel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge.adapt.errors import AdaptError


@dataclass(frozen=True)
class Point:
    """What freezing so many layers takes and gives. recovery_s: download, fine-tuning and upload, seconds. mse: of
    pixels in [0, 1] afterwards. accuracy: top-1 in [0, 1] afterwards, None where nothing classifies. origin: where the
    figures come from, for people."""

    freeze: int
    recovery_s: float
    mse: float
    accuracy: float | None = None
    origin: str = "measured"


@dataclass(frozen=True)
class Target:
    """Exactly one of: accuracy_at_least in [0, 1], mse_at_most, recovery_s_at_most. Raises AdaptError."""

    accuracy_at_least: float | None = None
    mse_at_most: float | None = None
    recovery_s_at_most: float | None = None

    def __post_init__(self) -> None:
        given = [
            value for value in (self.accuracy_at_least, self.mse_at_most, self.recovery_s_at_most) if value is not None
        ]
        if len(given) != 1:
            raise AdaptError(
                "target: must be exactly one of accuracy_at_least, mse_at_most and recovery_s_at_most, "
                f"got {len(given)}; give one"
            )
        if not math.isfinite(given[0]) or given[0] < 0 or (self.accuracy_at_least or 0) > 1:
            raise AdaptError(f"target: must be finite and >= 0, an accuracy at most 1, got {given[0]:g}")

    def __str__(self) -> str:
        if self.accuracy_at_least is not None:
            return f"accuracy >= {self.accuracy_at_least:.4g}"
        if self.mse_at_most is not None:
            return f"MSE <= {self.mse_at_most:.4g}"
        return f"recovery <= {self.recovery_s_at_most:.4g} s"


@dataclass(frozen=True)
class Choice:
    """point: the choice, or, when `met` is false, the one that comes nearest. reason: one sentence."""

    point: Point
    met: bool
    reason: str


@dataclass(frozen=True)
class Recovery:
    """Predicted times in seconds; total_s is the paper's recovery time T_R."""

    download_s: float
    tuning_s: float
    upload_s: float

    @property
    def total_s(self) -> float:
        return self.download_s + self.tuning_s + self.upload_s


def recovery(
    download_bits: int, upload_bits: int, downlink_bps: float, uplink_bps: float, flops: float, flops_per_s: float
) -> Recovery:
    """Table I's accounting for one l: its upload's bits and its operations decide; the download is the same for all.
    Rates in bit/s, speed in operations a second. Raises AdaptError."""
    for name, size in (("download_bits", download_bits), ("upload_bits", upload_bits), ("flops", flops)):
        if not math.isfinite(size) or size < 0:
            raise AdaptError(f"recovery.{name}: must be finite and >= 0, got {size:g}")
    for name, speed in (("downlink_bps", downlink_bps), ("uplink_bps", uplink_bps), ("flops_per_s", flops_per_s)):
        if not math.isfinite(speed) or speed <= 0:
            raise AdaptError(f"recovery.{name}: must be finite and > 0, got {speed:g}")
    return Recovery(download_bits / downlink_bps, flops / flops_per_s, upload_bits / uplink_bps)


def choose_freeze(points: Sequence[Point], target: Target) -> Choice:
    """For an accuracy or MSE the point that meets it with the least recovery time, for a recovery time the one that
    meets it with the least MSE. Raises AdaptError when there is no point, or none with an accuracy to compare."""
    usable = [p for p in points if target.accuracy_at_least is None or p.accuracy is not None]
    if not usable:
        needed = "with an accuracy" if points else "to choose from"
        raise AdaptError(f"points: there is none {needed}; measure at least one")
    meeting = [point for point in usable if _short_of(point, target) <= 0]
    if not meeting:
        nearest = min(usable, key=lambda point: (_short_of(point, target), point.recovery_s))
        return Choice(nearest, False, f"no l meets {target}; the nearest is {_told(nearest)}")
    if target.recovery_s_at_most is not None:
        best = min(meeting, key=lambda point: (point.mse, point.recovery_s))
        return Choice(best, True, f"of those with {target} the least MSE has {_told(best)}")
    best = min(meeting, key=lambda point: (point.recovery_s, point.mse))
    return Choice(best, True, f"of those with {target} the fastest is {_told(best)}")


def _short_of(point: Point, target: Target) -> float:
    """How far a point is from meeting the target, in the target's unit; at most 0 when it meets it."""
    if target.accuracy_at_least is not None:
        assert point.accuracy is not None  # choose_freeze left the others out
        return target.accuracy_at_least - point.accuracy
    if target.mse_at_most is not None:
        return point.mse - target.mse_at_most
    assert target.recovery_s_at_most is not None  # there is exactly one
    return point.recovery_s - target.recovery_s_at_most


def _told(point: Point) -> str:
    accuracy = "" if point.accuracy is None else f", accuracy {point.accuracy:.4g}"
    return f"l = {point.freeze}: recovery {point.recovery_s:.4g} s, MSE {point.mse:.4g}{accuracy} ({point.origin})"
