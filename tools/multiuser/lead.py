"""By how much a training is ahead of `proposed`, seed by seed: what stands beside PSNR in figures 2 to 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tools.figures.plots import Curve
from tools.figures.results import Row, columns, curve_of

BASE, LEAD = "proposed", "over_proposed_db"


def lead_columns(by_seed: Mapping[int, float], base: Mapping[int, float]) -> Row:
    """Of the seeds that both have; no columns where there is none. by_seed, base: PSNR in dB."""
    ahead = [by_seed[seed] - base[seed] for seed in sorted(by_seed.keys() & base.keys())]
    return columns(LEAD, ahead, 3) if ahead else {}


def lead_curve(label: str, rows: Sequence[Row], axis: str) -> Curve:
    """Of the rows that have a lead. axis: their column for x."""
    return Curve(label, *curve_of(rows, axis, LEAD, lambda _: True))
