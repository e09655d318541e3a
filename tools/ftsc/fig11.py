"""Figure 11: how DFT and LSDFT converge, PSNR on evaluation pictures against fine-tuning steps, without noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from tools.figures import plots
from tools.figures.results import Row, band_of, psnr_columns
from tools.figures.setting import write
from tools.ftsc import tuning
from tools.ftsc.conditions import NONE
from tools.ftsc.data import SETS, TESTING
from tools.ftsc.models import find
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import Task

CLOSE_DB = 0.1  # of the plateau: "converged"


def steps_to_plateau(curve: Sequence[Mapping[str, float]]) -> int:
    """The first step from which the curve stays within CLOSE_DB of its last value."""
    last = curve[-1]["psnr_db"]
    far = [i for i, point in enumerate(curve) if abs(point["psnr_db"] - last) > CLOSE_DB]
    return int(curve[far[-1] + 1]["step"]) if far else int(curve[0]["step"])


def fig11(setting: Setting) -> None:
    model = find(setting.weights, "vqvae2-s4")
    if model is None:
        setting.skip("vqvae2-s4: no such weight file")
        return
    rows: list[Row] = []
    summary: list[dict[str, Any]] = []
    drawn = plots.figure(10.0, 6.4)
    for number, set_key in enumerate(TESTING):
        curves = []
        for method in tuning.METHODS:
            tasks = [Task(model, set_key, NONE, method, seed, curve=True) for seed in range(setting.seeds)]
            records = [tuning.tuned(setting, task)[1] for task in tasks]
            own = [
                {"set": SETS[set_key].title, "method": method.upper(), "step": points[0]["step"]}
                | psnr_columns([point["psnr_db"] for point in points])
                for points in zip(*(record["curve"] for record in records), strict=False)
            ]
            rows += own
            summary.append(_summary(set_key, method, records))
            curves.append(plots.Curve(method.upper(), [row["step"] for row in own], [band_of(row) for row in own]))
        axes = drawn.add_subplot(2, 2, number + 1)
        plots.draw_curves(axes, curves, SETS[set_key].title, "step")
    write(setting, "fig11", rows, {"convergence": summary}, [f"{tuning.CURVE_PICTURES} evaluation pictures"])
    plots.save(drawn, setting.out / "fig11.png")


def _summary(set_key: str, method: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """cpu_s: one thread's time for all steps, curve excluded; to_plateau_cpu_s in proportion to the steps."""
    steps = fmean(steps_to_plateau(record["curve"]) for record in records)
    cpu_s = fmean(record["cpu_s"] for record in records)
    return {
        "set": SETS[set_key].title,
        "method": method.upper(),
        "steps_to_plateau": round(steps, 1),
        "cpu_s": round(cpu_s, 1),
        "to_plateau_cpu_s": round(cpu_s * steps / max(records[0]["steps"], 1), 1),
        "better": [record["better"] for record in records],
    }


if __name__ == "__main__":
    options(fig11)()
