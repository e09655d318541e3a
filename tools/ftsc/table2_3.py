"""Tables II and III: DFT, LSDFT, pretrained (PT), training from scratch (Basic), JPEG and JSCC on the testing group.

Also the differences that Table III prints: LSDFT minus each of the others, in dB.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tools.figures import over_bearers, plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.ftsc import basic, methods, results, scoring, tuning
from tools.ftsc.conditions import FINE_TUNED, NONE, Condition
from tools.ftsc.data import SETS, TESTING
from tools.ftsc.methods import Cell, SentOnce
from tools.ftsc.models import Model, find
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import Task

METHODS = ("DFT", "LSDFT", "PT", "Basic", "JPEG", "JSCC")
SEEN = "celeba"  # one set of the pretraining group, without noise: LSDFT should gain little there (section IV-B.3)
REMARKS = (
    "DFT, LSDFT: 32 pictures of the set, decoders fine-tuned from the weights that were pretrained for the condition; "
    "seeds differ in the order of crops, the noise of the lessons and the channel noise.",
    "Channel noise on the quantised feature maps, as in the paper, for DFT, LSDFT, PT and Basic.",
    "Basic: trained from scratch on up to 256 other pictures of the set, one seed, for the number of steps that "
    "settings name: minutes, not convergence.",
    "JPEG: 46 080 bits of source; JSCC: k/n = 1/32.",
)


def fine_tuned(setting: Setting, set_key: str, condition: Condition, method: str, seed: int) -> Cell | None:
    """A set's evaluation pictures through a fine-tuned codec."""
    model = find(setting.weights, "vqvae2-s4" + condition.latent_suffix)
    if model is None:
        setting.skip(f"vqvae2-s4{condition.latent_suffix}: no such weight file")
        return None
    task = Task(model, set_key, condition, method, seed, curve=not condition.noisy)
    return tuned_cell(setting, task)


def tuned_cell(setting: Setting, task: Task) -> Cell:
    """The fine-tuning, if it is not there yet, and its score."""

    def compute() -> dict[str, Any]:
        codec, record = tuning.tuned(setting, task)
        sent = scoring.encode(codec, methods.evaluation(setting, task.set_key))
        return scoring.run(codec, sent, over_bearers.analog(task.condition.channel_snr_db), task.seed) | {
            "better": record["better"],
            "cpu_s": record["cpu_s"],
        }

    key = tuning.key(setting, task) | {"what": "tuned-score", "pictures": setting.pictures}
    return dict(setting.cells.get(key, compute))


def scratch(setting: Setting, once: SentOnce, set_key: str, condition: Condition) -> Cell:
    """Table II's Basic."""
    model: Model = basic.trained(setting, set_key, condition)

    def compute() -> dict[str, Any]:
        codec, sent = once.get(setting, model, "features", set_key, condition, 0)
        return scoring.run(codec, sent, over_bearers.analog(condition.channel_snr_db), 0)

    key = {"what": "basic-score", "set": set_key, "condition": condition.key, "weights": model.digest}
    return dict(setting.cells.get(key | {"pictures": setting.pictures}, compute))


def cells_of(setting: Setting, once: SentOnce, method: str, set_key: str, condition: Condition) -> list[Cell]:
    """One cell a seed."""
    channel_seeds = setting.seeds if condition.noisy else 1
    ways: dict[str, tuple[int, Callable[[int], Cell | None]]] = {
        "DFT": (setting.seeds, lambda seed: fine_tuned(setting, set_key, condition, "dft", seed)),
        "LSDFT": (setting.seeds, lambda seed: fine_tuned(setting, set_key, condition, "lsdft", seed)),
        "PT": (channel_seeds, lambda seed: methods.latent(setting, once, "vqvae2-s4", set_key, condition, seed)),
        "Basic": (1, lambda _: scratch(setting, once, set_key, condition)),
        "JPEG": (1, lambda seed: methods.jpeg(setting, set_key, condition, seed)),
        "JSCC": (channel_seeds, lambda seed: methods.jscc(setting, once, set_key, condition, seed)),
    }
    seeds, way = ways[method]
    return [cell for seed in range(seeds) if (cell := way(seed)) is not None]


def rows(setting: Setting) -> list[Row]:
    once = SentOnce()
    found: list[Row] = []
    for condition in FINE_TUNED:
        for set_key in (*TESTING, SEEN) if condition is NONE else TESTING:
            group: list[dict[str, Any]] = []
            for method in METHODS:
                cells = cells_of(setting, once, method, set_key, condition)
                if cells:
                    group.append(_row(condition, set_key, method, cells))
            found += with_differences(group)
            click.echo(f"  table2_3: {condition.title}, {set_key} done", err=True)
    return found


def _row(condition: Condition, set_key: str, method: str, cells: list[Cell]) -> dict[str, Any]:
    row = {"condition": condition.title, "set": SETS[set_key].title, "method": method, **results.score_columns(cells)}
    if "cpu_s" in cells[0]:
        row["better"] = f"{sum(cell['better'] for cell in cells)} of {len(cells)}"
        row["fine_tuning_cpu_s"] = round(sum(cell["cpu_s"] for cell in cells) / len(cells), 1)
    return row


def with_differences(group: list[dict[str, Any]]) -> list[Row]:
    """Adds to each row of one set and condition how far above PT it is, and how far LSDFT is above it (Table III)."""
    psnr = {row["method"]: row["psnr_db"] for row in group}
    for row in group:
        for column, sign, method in (("above_pt_db", 1, "PT"), ("lsdft_above_db", -1, "LSDFT")):
            if method in psnr:
                row[column] = round(sign * (row["psnr_db"] - psnr[method]), 3) + 0.0  # no minus zero
    return list(group)


def draw(setting: Setting, found: list[Row]) -> None:
    titles = [SETS[key].title for key in (*TESTING, SEEN)]
    panels = []
    for condition in FINE_TUNED:
        series = []
        for method in METHODS:
            points = [results.point(found, condition=condition.title, set=title, method=method) for title in titles]
            if any(points):
                series.append((method, points))
        if series:
            panels.append((condition.title, series))
    plots.bars(setting.out / "table2_3.png", titles, panels)


def table2_3(setting: Setting) -> None:
    found = rows(setting)
    write(setting, "table2_3", found, {"verdicts": verdicts(found)}, REMARKS)
    draw(setting, found)


def verdicts(found: list[Row]) -> dict[str, Any]:
    """Issue 4, done when (1): DFT above PT everywhere, by 1 dB or more on two sets without noise, and LSDFT between."""
    gains: dict[tuple[str, str], dict[str, float]] = {}
    for row in found:
        if row["method"] in ("DFT", "LSDFT") and row.get("above_pt_db") is not None:
            place = (str(row["condition"]), str(row["set"]))
            gains.setdefault(place, {})[str(row["method"])] = float(row["above_pt_db"] or 0.0)
    testing = {SETS[key].title for key in TESTING}
    clean = {place[1]: gain for place, gain in gains.items() if place[0] == NONE.title and place[1] in testing}
    return {
        "dft_beats_pt": sorted(
            f"{c}, {s}" for (c, s), gain in gains.items() if s in testing and gain.get("DFT", 0) > 0
        ),
        "dft_does_not": sorted(
            f"{c}, {s}" for (c, s), gain in gains.items() if s in testing and gain.get("DFT", 0) <= 0
        ),
        "dft_at_least_1_db_no_noise": sorted(s for s, gain in clean.items() if gain.get("DFT", 0) >= 1.0),
        "lsdft_between_no_noise": sorted(
            s for s, gain in clean.items() if 0 < gain.get("LSDFT", 0) < gain.get("DFT", 0)
        ),
    }


if __name__ == "__main__":
    options(table2_3)()
