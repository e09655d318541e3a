"""From values to files, tables and verdicts: means with bands, rows and their columns, CSV as printed."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Any

BAND = "mean over seeds of the mean over pictures; low and high: smallest and largest seed"
Row = Mapping[str, Any]  # text, numbers or None, by column


class Verdict(StrEnum):
    HOLDS = "holds"
    MIXED = "mixed"
    DOES_NOT_HOLD = "does not hold"
    NOT_MEASURED = "not measured"


def verdict_over(outcomes: Sequence[bool]) -> Verdict:
    """Holds when it does in every case, such as a seed; does not when in none."""
    if not outcomes:
        return Verdict.NOT_MEASURED
    if all(outcomes):
        return Verdict.HOLDS
    return Verdict.MIXED if any(outcomes) else Verdict.DOES_NOT_HOLD


@dataclass(frozen=True)
class Banded:
    """A mean over seeds, and its smallest and largest value."""

    mean: float
    low: float
    high: float


def banded(by_seed: Sequence[float]) -> Banded:
    """Raises ValueError for no seeds."""
    if not by_seed:
        raise ValueError("by_seed: is empty; give one value a seed")
    return Banded(fmean(by_seed), min(by_seed), max(by_seed))


def columns(name: str, by_seed: Sequence[float], digits: int) -> dict[str, float]:
    """A value's mean and band as three columns."""
    band = banded(by_seed)
    return {
        name: round(band.mean, digits),
        f"{name}_low": round(band.low, digits),
        f"{name}_high": round(band.high, digits),
    }


def psnr_columns(by_seed: Sequence[float]) -> dict[str, float]:
    """The same of PSNR in dB, whose columns end in the unit."""
    band = banded(by_seed)
    return {"psnr_db": round(band.mean, 3), "psnr_low_db": round(band.low, 3), "psnr_high_db": round(band.high, 3)}


def band_of(row: Row) -> Banded:
    """The PSNR of a row."""
    return Banded(float(row["psnr_db"]), float(row["psnr_low_db"]), float(row["psnr_high_db"]))


def curve_of(
    rows: Sequence[Row], axis: str, name: str, wanted: Callable[[Row], bool]
) -> tuple[list[float], list[Banded]]:
    """The points of one curve, for drawing: rows that are wanted and have the value, in the order of the axis."""
    own = sorted((row for row in rows if wanted(row) and row.get(name) is not None), key=lambda row: float(row[axis]))
    bands = [Banded(float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"])) for row in own]
    return [float(row[axis]) for row in own], bands


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's; 0 where one of them is constant."""
    from scipy.stats import rankdata

    a, b = rankdata(x), rankdata(y)
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else 0.0


def versions() -> dict[str, str]:
    """What the figures may depend on beside data, weights and settings."""
    found = {"python": sys.version.split()[0]}
    for package in ("semedge", "torch", "numpy", "pillow", "sionna-no-rt", "constriction"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def table(rows: Sequence[Row]) -> str:
    """CSV with the union of the rows' columns, in the order in which they first occur."""
    every = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, every, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def put(path: Path, content: bytes) -> None:
    """A whole file or none."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
