"""Figure 7: top-1 accuracy of a small classifier on what each method delivers, against that on the originals.

Pictures are scaled to 256x256, coded without channel noise at rho = 0.03 and scaled back to their own size.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
from PIL import Image

from edge.codecs.contract import Codec
from edge.images import Named, Picture, resized
from tools.figures import plots
from tools.figures.results import Banded, Row
from tools.figures.setting import write
from tools.ftsc import classifier, methods, scoring, tuning
from tools.ftsc.conditions import NONE
from tools.ftsc.data import SETS, SIDE, SPLIT_SEED, labelled
from tools.ftsc.models import find
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import Task

SETS_SHOWN = ("cifar10", "fashion")
PER_SCORED_PICTURE = 6  # so many pictures are classified for each that other figures score
REMARKS = (
    "band: one standard error of a proportion over the pictures, seed 0.",
    "resized: scaled to 256x256 and back without any coding.",
    "CIFAR-10 belongs to the pretraining group (its train part), Fashion-MNIST to the testing group.",
)


def pictures(setting: Setting, set_key: str) -> list[Named]:
    """Test pictures at their own size, drawn by SPLIT_SEED."""
    everything = labelled(setting.data, set_key, "test")
    order = np.random.default_rng([SPLIT_SEED, 7]).permutation(len(everything))
    return [everything[i] for i in order[: PER_SCORED_PICTURE * setting.pictures]]


def back(picture: Picture, side: int) -> Picture:
    """256x256 to the classifier's size."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def codecs(setting: Setting, set_key: str) -> dict[str, Callable[[], Codec]]:
    """How to open each method's codec; those whose weights are missing are left out."""
    found: dict[str, Callable[[], Codec]] = {"JPEG": methods.jpeg_codec}
    base, jscc = find(setting.weights, "vqvae2-s4"), find(setting.weights, "deepjscc-c3-none")
    if jscc is not None:
        found["JSCC"] = lambda: jscc.open()
    else:
        setting.skip("deepjscc-c3-none: no such weight file")
    if base is not None:
        found["PT"] = lambda: base.open()
        for method in ("lsdft", "dft"):
            task = Task(base, set_key, NONE, method, 0, curve=True)
            found[method.upper()] = lambda task=task: tuning.tuned(setting, task)[0]  # type: ignore[misc]
    else:
        setting.skip("vqvae2-s4: no such weight file")
    return found


def fig7(setting: Setting) -> None:
    rows: list[Row] = []
    for set_key in SETS_SHOWN:
        given = pictures(setting, set_key)
        judge = classifier.trained(setting, set_key)
        side = given[0].pixels.shape[0]
        labels = [int(picture.label or 0) for picture in given]
        large = [Named(picture.name, resized(picture.pixels, SIDE)) for picture in given]
        delivered: dict[str, Callable[[], list[Picture]]] = {
            "original": lambda given=given: [picture.pixels for picture in given],  # type: ignore[misc]
            "resized": lambda large=large, side=side: [back(p.pixels, side) for p in large],  # type: ignore[misc]
        }
        for method, opened in codecs(setting, set_key).items():
            delivered[method] = lambda opened=opened, large=large, side=side: [  # type: ignore[misc]
                back(picture, side) for picture in _through(opened(), large)
            ]
        for method, deliver in delivered.items():
            rows.append(_row(setting, set_key, method, judge, deliver, labels))
    write(setting, "fig7", rows, {}, REMARKS)
    draw(setting, rows)


def _through(codec: Codec, given: list[Named]) -> list[Picture]:
    return scoring.decode(codec, scoring.encode(codec, given), {})


def _row(
    setting: Setting,
    set_key: str,
    method: str,
    judge: classifier.SmallCNN,
    deliver: Callable[[], list[Picture]],
    labels: list[int],
) -> Row:
    def compute() -> dict[str, Any]:
        return {"accuracy": classifier.accuracy(judge, deliver(), labels)}

    model = find(setting.weights, {"JSCC": "deepjscc-c3-none"}.get(method, "vqvae2-s4"))
    key: dict[str, object] = {
        "what": "fig7",
        "set": set_key,
        "method": method,
        "weights": model.digest if model else "",
    }
    key |= {"pictures": len(labels), "steps": setting.steps, "batch": setting.batch, "quick": setting.quick}
    accuracy = float(setting.cells.get(key, compute)["accuracy"])
    return {
        "set": SETS[set_key].title,
        "method": method,
        "accuracy": round(accuracy, 4),
        "standard_error": round(sqrt(accuracy * (1 - accuracy) / len(labels)), 4),
        "pictures": len(labels),
    }


def draw(setting: Setting, rows: list[Row]) -> None:
    titles = [SETS[key].title for key in SETS_SHOWN]
    series = []
    for method in dict.fromkeys(str(row["method"]) for row in rows):
        points: list[Banded | None] = []
        for title in titles:
            own = [row for row in rows if row["set"] == title and row["method"] == method]
            mean, error = (float(own[0][c] or 0) if own else 0.0 for c in ("accuracy", "standard_error"))
            points.append(Banded(100 * mean, 100 * (mean - error), 100 * (mean + error)) if own else None)
        series.append((method, points))
    plots.bars(setting.out / "fig7.png", titles, [("Top-1 accuracy", series)], "%")


if __name__ == "__main__":
    options(fig7)()
