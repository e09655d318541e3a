"""Putting a figure's values into files: JSON with everything, CSV as printed; means with bands, and verdicts."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from tools.ftsc.results import Banded, Row, banded, put, table, versions
from tools.slf.setting import Setting

BAND = "mean over seeds of the mean over pictures; low and high: smallest and largest seed"
REMARKS = (
    "MSE: mean over pixels and channels in [0, 1] of pictures rounded to 8 bits, as a receiver delivers them.",
    "1 kB = 1000 bytes. Operations: two a multiply-add.",
)


class Verdict(StrEnum):
    HOLDS = "holds"
    MIXED = "mixed"
    DOES_NOT_HOLD = "does not hold"
    NOT_MEASURED = "not measured"


def verdict_over(by_seed: Sequence[bool]) -> Verdict:
    """Holds when it does in every seed, does not when in none."""
    if not by_seed:
        return Verdict.NOT_MEASURED
    if all(by_seed):
        return Verdict.HOLDS
    return Verdict.MIXED if any(by_seed) else Verdict.DOES_NOT_HOLD


def columns(name: str, by_seed: Sequence[float], digits: int) -> dict[str, float]:
    """A value's mean and band as three columns."""
    band = banded(by_seed)
    return {
        name: round(band.mean, digits),
        f"{name}_low": round(band.low, digits),
        f"{name}_high": round(band.high, digits),
    }


def score_columns(scores: Sequence[Mapping[str, Any]]) -> dict[str, float | int | None]:
    """scores: one a seed, each with mse and accuracy (None where nothing classifies)."""
    accuracies = [float(score["accuracy"]) for score in scores if score["accuracy"] is not None]
    found: dict[str, float | int | None] = dict(columns("mse", [float(score["mse"]) for score in scores], 6))
    found |= columns("accuracy", accuracies, 4) if accuracies else {"accuracy": None}
    return found | {"seeds": len(scores)}


def band_of(row: Row, name: str) -> Banded:
    """The band of one value of a row."""
    return Banded(float(row[name]), float(row[f"{name}_low"]), float(row[f"{name}_high"]))


def curve_of(
    rows: Sequence[Row], axis: str, name: str, wanted: Callable[[Row], bool]
) -> tuple[list[float], list[Banded]]:
    """The points of one curve, for drawing: rows that are wanted and have the value, in the order of the axis."""
    own = sorted((row for row in rows if wanted(row) and row.get(name) is not None), key=lambda row: float(row[axis]))
    return [float(row[axis]) for row in own], [band_of(row, name) for row in own]


def command() -> str:
    """The command line, folders by their base names."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", f"tools.slf.{Path(sys.argv[0]).stem}", *words])


def write(
    setting: Setting, name: str, rows: Sequence[Row], more: Mapping[str, Any], remarks: Sequence[str] = ()
) -> None:
    """Writes NAME.json and NAME.csv into the output folder. more: what the JSON holds beside the rows."""
    document = {
        "figure": name,
        "command": command(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "settings": setting.as_json(),
        "versions": versions(),
        "band": BAND,
        "remarks": [*REMARKS, *remarks],
        "skipped": setting.skipped,
        "rows": list(rows),
        **more,
    }
    put(setting.out / f"{name}.json", json.dumps(document, indent=1).encode())
    put(setting.out / f"{name}.csv", table(rows).encode())
    click.echo(f"{name}: {len(rows)} rows, {len(setting.skipped)} skipped -> {setting.out.name}/{name}.json, .csv")
