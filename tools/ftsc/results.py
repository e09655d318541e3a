"""Columns and points that FTSC's tables and figures have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from tools.figures.results import Banded, Row, band_of, psnr_columns


def score_columns(scores: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    """scores: one a seed, each with lists psnr_db and ssim, a value a picture."""
    ssim = fmean(fmean(one["ssim"]) for one in scores)
    return {**psnr_columns([fmean(one["psnr_db"]) for one in scores]), "ssim": round(ssim, 4), "seeds": len(scores)}


def point(rows: Sequence[Row], **wanted: object) -> Banded | None:
    """The PSNR of the first row with these values, for plotting; None when there is no such row."""
    return next((band_of(row) for row in rows if all(row.get(c) == value for c, value in wanted.items())), None)
