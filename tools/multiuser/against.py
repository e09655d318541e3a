"""`swin` against `deepjscc` at k/n = 1/16 and 10 dB, both scored while training: equal epochs, and equal CPU time.

Reads `ship-high.json` and every `deepjscc-c6-snr10-STEPS-sSEED.json`. The learning rate falls over a run's own length,
so a run is compared by its last point only: at equal epochs with the run of as many steps, at equal time with the one
whose CPU time is nearest, if that is within a fifth. `swin` is trained for five SNRs, `deepjscc` for this one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Banded, Row
from tools.figures.setting import write
from tools.multiuser.setting import Setting, options

SNR_DB = 10.0
NEAR = 0.2  # by what share of ours a CPU time may differ and still be equal
OURS, OTHERS, OTHERS_NAMES = "ship-high.json", "deepjscc", "deepjscc-c6-snr10-*-s*.json"


@dataclass(frozen=True)
class Run:
    """A training that was scored as it went."""

    codec: str
    name: str
    steps: int
    points: Sequence[dict[str, float]]
    pictures: int

    @classmethod
    def of(cls, codec: str, file: Path) -> Run:
        document = json.loads(file.read_text())
        about = document["about"]
        if about["snr_db"] != SNR_DB:
            raise ValueError(f"{file.name}: scored at {about['snr_db']:g} dB; train it with --curve-snr-db {SNR_DB:g}")
        return cls(codec, file.stem, about["steps"], document["points"], about["pictures"])

    @property
    def finished(self) -> bool:
        return bool(self.points) and self.points[-1]["step"] == self.steps

    def end(self) -> dict[str, Any]:
        """Where it ended."""
        last = self.points[-1]
        return {"run": self.name, "steps": self.steps, "psnr_db": last["psnr_db"], "cpu_s": last["cpu_s"]}


def against(setting: Setting) -> None:
    ours_file = setting.training(OURS)
    ours = [] if ours_file is None else [Run.of("swin", ours_file)]
    others = [Run.of(OTHERS, file) for file in sorted(setting.weights.glob(OTHERS_NAMES))]
    if not others:
        setting.skip(f"{OTHERS_NAMES}: no such file")
    runs = [run for run in (*ours, *others) if run.points]
    remarks = [
        f"{run.name}: not finished, {run.points[-1]['step']} of {run.steps} steps" for run in runs if not run.finished
    ]
    scored = sorted({run.pictures for run in runs})
    if len(scored) > 1:
        remarks.append(f"scored on different numbers of pictures: {scored}")
    rows = [row for run in runs for row in _rows(run)]
    write(setting, "against", rows, compared([run for run in runs if run.finished]), remarks)
    _draw(setting, runs)


def compared(runs: Sequence[Run]) -> dict[str, Any]:
    """Of finished runs: where ours ended, and where the others did at equal epochs and at equal time, if there are."""
    ours = next((run for run in runs if run.codec != OTHERS), None)
    others = [run for run in runs if run.codec == OTHERS]
    if ours is None or not others:
        return {}
    found: dict[str, Any] = {"ours": ours.end()}
    same = next((run for run in others if run.steps == ours.steps), None)
    if same is not None:
        found["equal_epochs"] = same.end()
    cpu_s = ours.points[-1]["cpu_s"]
    nearest = min(others, key=lambda run: abs(run.points[-1]["cpu_s"] - cpu_s))
    if abs(nearest.points[-1]["cpu_s"] - cpu_s) <= NEAR * cpu_s:
        found["equal_time"] = nearest.end()
    return found


def _rows(run: Run) -> list[Row]:
    return [{"codec": run.codec, "run": run.name, **point} for point in run.points]


def _draw(setting: Setting, runs: Sequence[Run]) -> None:
    drawn = plots.figure(11.0, 4.2)
    for place, (value, unit, label) in enumerate(
        (("step", 1.0, "steps of 16 pictures"), ("cpu_s", 60.0, "CPU-minutes"))
    ):
        curves = [
            Curve(
                f"{run.codec}, {run.steps} steps",
                [point[value] / unit for point in run.points],
                [Banded(*(3 * [point["psnr_db"]])) for point in run.points],
            )
            for run in runs
        ]
        axes = drawn.add_subplot(1, 2, place + 1)
        plots.draw_curves(axes, curves, f"CIFAR-10, k/n = 1/16, {SNR_DB:g} dB", label)
    plots.save(drawn, setting.out / "against.png")


if __name__ == "__main__":
    options(against)()
