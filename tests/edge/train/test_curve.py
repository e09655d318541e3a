"""A run that is scored as it goes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.codecs.deepjscc_network import DeepJSCCShape
from edge.images import Named
from edge.train.crops import RandomCrops
from edge.train.curve import CurveTrainer
from edge.train.deepjscc import DeepJSCCLearner
from edge.train.loop import Schedule

PICTURES = [Named("p", np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8))]


def trainer(steps: int, curve: Path | None, epochs: list[int]) -> CurveTrainer:
    """Scores every second epoch by its number; notes in `epochs` the epoch of each step."""
    return CurveTrainer(
        DeepJSCCLearner(DeepJSCCShape(6, 4), 0, 3.0),
        Schedule(steps=steps, batch=1, crop=16),
        RandomCrops([PICTURES], 16, 0),
        3,
        epochs.append,
        lambda weights, epoch: {"psnr_db": float(epoch), "tensors": len(weights)} if epoch % 2 else None,
        curve,
        {"seed": 0},
    )


def test_the_file_has_a_point_for_each_epoch_that_was_scored(tmp_path: Path) -> None:
    epochs: list[int] = []
    run = trainer(12, tmp_path / "curve.json", epochs)
    run.run(None, lambda step, mse: None)
    assert epochs == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    written = json.loads((tmp_path / "curve.json").read_text())
    assert written["about"] == {"seed": 0}
    assert written["points"] == run.points
    assert [(p["step"], p["psnr_db"], p["tensors"]) for p in run.points] == [(6, 1, len(run.weights())), (12, 3, 28)]
    assert 0 < run.points[0]["cpu_s"] < run.points[1]["cpu_s"]
    assert not (tmp_path / "curve.part").exists()


def test_steps_must_be_whole_epochs() -> None:
    with pytest.raises(ValueError, match="epoch_steps: 10 steps are no whole number of epochs of 3"):
        trainer(10, None, [])
