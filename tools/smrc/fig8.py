"""Figure 8: recall and precision of the first five classes, layer 1 and layer 2 with beta_1, beta_2, beta_3 (MNIST).

beta_1: weight 1 for classes 0 to 4, 0 for the rest. beta_2: 1 and 1/2. beta_3: the rest pooled into one class. The
paper does not say the SNR: every value is the mean over those of Fig. 7. Beside them the model that the beta models
began from, all weights 1. A class that is never named counts as precision 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from tools.figures import plots
from tools.figures.results import Row, banded
from tools.figures.setting import write
from tools.smrc.setting import SNRS_DB, Score, Setting, Test, options

MODELS = {"smrc": "all 1", "beta1": "beta_1", "beta2": "beta_2", "beta3": "beta_3"}
FIRST = range(5)
MEASURES = ("recall", "precision")


def model_rows(setting: Setting, test: Test) -> Iterator[Row]:
    """A row for each model, seed and layer: `recall`, `precision` (means over the five classes) and those of each."""
    for kind, weighting in MODELS.items():
        for seed, file in setting.models(kind, test.name).items():
            scored = [setting.scores(file, test, seed, [snr_db]) for snr_db in SNRS_DB]
            for heads in zip(*scored, strict=True):
                yield {
                    "weighting": weighting,
                    "seed": seed,
                    "layer": heads[0]["layer"],
                    **measured(heads),
                    "pictures": len(test.pixels),
                }


def measured(over_snrs: Sequence[Score]) -> dict[str, float]:
    found = {}
    for name in MEASURES:
        each = [fmean(float(one[name][place] or 0.0) for one in over_snrs) for place in FIRST]
        found[name] = round(fmean(each), 4)
        found |= {f"{name}_{place}": round(value, 4) for place, value in zip(FIRST, each, strict=True)}
    return found


def draw(setting: Setting, rows: Sequence[Row]) -> None:
    """Bars of each class; whiskers from the smallest to the largest seed."""
    wanted = {"layer 1": ("all 1", 1)} | {f"layer 2, {name}": (name, 2) for name in MODELS.values()}
    panels = []
    for name in MEASURES:
        series = []
        for label, (weighting, layer) in wanted.items():
            own = [row for row in rows if (row["weighting"], row["layer"]) == (weighting, layer)]
            if own:
                places = [f"{name}_{place}" for place in FIRST] + [name]
                series.append((label, [banded([100 * float(row[place]) for row in own]) for place in places]))
        panels.append((f"{name}, %", series))
    groups = [f"class {place}" for place in FIRST] + ["mean"]
    plots.bars(setting.out / "fig8.png", groups, panels, "%")


def fig8(setting: Setting) -> None:
    if "mnist" not in setting.sets:
        setting.skip("Fig. 8 is of MNIST: give --mnist")
        return
    rows = list(model_rows(setting, setting.test("mnist")))
    write(setting, "fig8", rows, {}, [__doc__ or ""])
    draw(setting, rows)


if __name__ == "__main__":
    options(fig8)()
