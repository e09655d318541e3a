"""A training run that is scored as it goes, after every epoch, with the weights that it would be exported with.

An epoch is a number of steps: pictures are drawn at random. The curve is one JSON file, complete after each epoch; a
run that is resumed goes on with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from edge.train.loop import Batches, Learner, Schedule, Trainer

Score = Callable[[Mapping[str, Tensor], int], dict[str, float] | None]
"""Averaged weights, and the number of the epoch that has ended, from 0 -> figures; None for no point."""


class CurveTrainer(Trainer):
    """begin_epoch: told the number of the epoch, from 0, before each of its steps. about: written above the points."""

    def __init__(
        self,
        learner: Learner,
        schedule: Schedule,
        crops: Batches,
        epoch_steps: int,
        begin_epoch: Callable[[int], None],
        score: Score,
        curve: Path | None,
        about: Mapping[str, object],
    ) -> None:
        if epoch_steps < 1 or schedule.steps % epoch_steps:
            raise ValueError(
                f"epoch_steps: {schedule.steps} steps are no whole number of epochs of {epoch_steps}; change either"
            )
        super().__init__(learner, schedule, crops)
        self.epoch_steps, self.begin_epoch, self.score = epoch_steps, begin_epoch, score
        self.curve, self.about = curve, dict(about)
        self.points: list[dict[str, float]] = []
        self.cpu_s = 0.0  # of training, scoring not counted

    def train_step(self) -> float:
        """As Trainer's; adds a point at the end of an epoch."""
        self.begin_epoch(self.step // self.epoch_steps)
        begun = time.process_time()
        mse = super().train_step()
        self.cpu_s += time.process_time() - begun
        if self.step % self.epoch_steps == 0:
            self._add_point(self.step // self.epoch_steps - 1)
        return mse

    def load(self, path: Path) -> None:
        """As Trainer's; the curve goes on from its last point before the checkpoint."""
        super().load(path)
        if self.curve is not None and self.curve.exists():
            written = json.loads(self.curve.read_text())["points"]
            self.points = [point for point in written if point["step"] <= self.step]
            self.cpu_s = self.points[-1]["cpu_s"] if self.points else 0.0

    def _add_point(self, epoch: int) -> None:
        figures = self.score(self.weights(), epoch)
        if figures is None:
            return
        self.points.append({"step": self.step, "cpu_s": round(self.cpu_s, 2)} | figures)
        if self.curve is not None:
            part = self.curve.with_suffix(".part")
            part.write_text(json.dumps({"about": self.about, "points": self.points}, indent=2) + "\n")
            part.replace(self.curve)
