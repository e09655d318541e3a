"""Columns that SLF's tables and figures have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.figures.results import columns


def score_columns(scores: Sequence[Mapping[str, Any]]) -> dict[str, float | int | None]:
    """scores: one a seed, each with mse and accuracy (None where nothing classifies)."""
    accuracies = [float(score["accuracy"]) for score in scores if score["accuracy"] is not None]
    found: dict[str, float | int | None] = dict(columns("mse", [float(score["mse"]) for score in scores], 6))
    found |= columns("accuracy", accuracies, 4) if accuracies else {"accuracy": None}
    return found | {"seeds": len(scores)}
