"""Putting a figure's values into files: JSON with everything, CSV as printed, PNG; and means with bands."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from tools.ftsc.setting import Setting

BAND = "mean over seeds of the mean over pictures; low and high: smallest and largest seed"
Row = Mapping[str, Any]  # text, numbers or None, by column


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


def over_pictures(scores: Sequence[Mapping[str, Any]], metric: str) -> Banded:
    """scores: one a seed, each with a list of that metric, a value a picture."""
    return banded([fmean(one[metric]) for one in scores])


def psnr_columns(scores: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    """The columns that every table has."""
    psnr, ssim = over_pictures(scores, "psnr_db"), over_pictures(scores, "ssim")
    return {
        "psnr_db": round(psnr.mean, 3),
        "psnr_low_db": round(psnr.low, 3),
        "psnr_high_db": round(psnr.high, 3),
        "ssim": round(ssim.mean, 4),
        "seeds": len(scores),
    }


def band_of(row: Row) -> Banded:
    """The PSNR of a row."""
    return Banded(float(row["psnr_db"]), float(row["psnr_low_db"]), float(row["psnr_high_db"]))


def point(rows: Sequence[Row], **wanted: object) -> Banded | None:
    """The PSNR of the first row with these values, for plotting; None when there is no such row."""
    return next((band_of(row) for row in rows if all(row.get(c) == value for c, value in wanted.items())), None)


def versions() -> dict[str, str]:
    """What the figures may depend on beside data, weights and settings."""
    found = {"python": sys.version.split()[0]}
    for package in ("semedge", "torch", "numpy", "pillow", "sionna-no-rt", "constriction"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def command() -> str:
    """The command line, folders by their base names."""
    script = Path(sys.argv[0])
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", f"tools.ftsc.{script.stem}", *words])


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
        "remarks": list(remarks),
        "skipped": setting.skipped,
        "rows": list(rows),
        **more,
    }
    put(setting.out / f"{name}.json", json.dumps(document, indent=1).encode())
    put(setting.out / f"{name}.csv", table(rows).encode())
    click.echo(f"{name}: {len(rows)} rows, {len(setting.skipped)} skipped -> {setting.out / name}.json, .csv, .png")


def table(rows: Sequence[Row]) -> str:
    """CSV with the union of the rows' columns, in the order in which they first occur."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def put(path: Path, content: bytes) -> None:
    """A whole file or none."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
