"""Figure 8: PSNR against the channel's SNR for DFT, LSDFT, the pretrained model, JPEG+LDPC and JSCC, on two sets."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from tools.figures import over_bearers, plots
from tools.figures.results import Row, band_of
from tools.figures.setting import write
from tools.ftsc import methods, results, scoring, tuning
from tools.ftsc.conditions import CHANNEL_0, CHANNEL_10, CHANNEL_20, Condition
from tools.ftsc.data import SETS
from tools.ftsc.methods import Cell, SentOnce
from tools.ftsc.models import Model, find
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import Task

SETS_SHOWN = ("xray", "anime")
SNRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0)
TRAINED = (CHANNEL_0, CHANNEL_10, CHANNEL_20)
METHODS = ("DFT", "LSDFT", "PT", "JPEG+LDPC", "JSCC")
REMARKS = (
    "At each SNR the weights (and fine-tunings) that were made for the nearest of 0, 10 and 20 dB, the lower of two.",
    "DFT, LSDFT, PT: noise on feature maps (k/n = 0.417). JPEG+LDPC and JSCC: k/n = 1/32.",
)


def trained_for(snr_db: float) -> Condition:
    """The condition whose weights are used at this SNR."""
    return min(TRAINED, key=lambda one: (abs((one.channel_snr_db or 0.0) - snr_db), one.channel_snr_db or 0.0))


def tuned_cells(setting: Setting, model: Model, set_key: str, method: str, snr_db: float) -> list[Cell]:
    """A fine-tuned codec at this SNR, one cell a seed."""
    cells = []
    for seed in range(setting.seeds):
        task = Task(model, set_key, trained_for(snr_db), method, seed)

        def compute(task: Task = task) -> dict[str, Any]:
            codec, _ = tuning.tuned(setting, task)
            sent = scoring.encode(codec, methods.evaluation(setting, set_key))
            return scoring.run(codec, sent, over_bearers.analog(snr_db), task.seed)

        key = tuning.key(setting, task) | {"what": "fig8", "snr_db": snr_db, "pictures": setting.pictures}
        cells.append(setting.cells.get(key, compute))
    return cells


def cells_of(setting: Setting, once: SentOnce, method: str, set_key: str, snr_db: float) -> list[Cell]:
    trained = trained_for(snr_db)
    here = dataclasses.replace(trained, key=f"channel{snr_db:g}", channel_snr_db=snr_db)
    seeds = range(setting.seeds)
    found: list[Cell | None] = []
    if method == "JPEG+LDPC":
        found.append(methods.jpeg_at_budget(setting, set_key, snr_db, 0, 1 / 32))
    elif method == "JSCC":
        found += [methods.jscc(setting, once, set_key, here, seed) for seed in seeds]
    elif method == "PT":
        found += [methods.latent(setting, once, "vqvae2-s4", set_key, here, seed) for seed in seeds]
    else:
        model = find(setting.weights, "vqvae2-s4" + trained.latent_suffix)
        if model is None:
            setting.skip(f"vqvae2-s4{trained.latent_suffix}: no such weight file")
            return []
        return tuned_cells(setting, model, set_key, method.lower(), snr_db)
    return [cell for cell in found if cell is not None]


def fig8(setting: Setting) -> None:
    once = SentOnce()
    rows: list[Row] = []
    for set_key in SETS_SHOWN:
        for method in METHODS:
            for snr_db in SNRS_DB:
                cells = cells_of(setting, once, method, set_key, snr_db)
                if cells:
                    row = {"set": SETS[set_key].title, "method": method, "snr_db": snr_db}
                    rows.append(row | results.score_columns(cells))
        click.echo(f"  fig8: {set_key} done", err=True)
    write(setting, "fig8", rows, {}, REMARKS)
    draw(setting, rows)


def draw(setting: Setting, rows: list[Row]) -> None:
    drawn = plots.figure(10.0, 4.2)
    for number, set_key in enumerate(SETS_SHOWN):
        axes = drawn.add_subplot(1, len(SETS_SHOWN), number + 1)
        curves = []
        for method in METHODS:
            own = [row for row in rows if row["set"] == SETS[set_key].title and row["method"] == method]
            if own:
                curves.append(plots.Curve(method, [row["snr_db"] for row in own], [band_of(row) for row in own]))
        plots.draw_curves(axes, curves, SETS[set_key].title, "SNR (Es/N0), dB")
    plots.save(drawn, setting.out / "fig8.png")


if __name__ == "__main__":
    options(fig8)()
