"""Figure 10: one picture of each testing set as every method delivers it, without channel noise at rho = 0.03.

Two grids: fig10.png of all testing sets, for the eye only, and fig10-open.png of the sets whose licence lets them stand
in a document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge import metrics
from edge.codecs.contract import Codec
from edge.images import Named, Picture
from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.ftsc import methods, scoring, tuning
from tools.ftsc.conditions import NONE
from tools.ftsc.data import SETS, TESTING
from tools.ftsc.models import find
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import Task

COLUMNS = ("Original", "JPEG", "JSCC", "PT", "LSDFT", "DFT")
Shown = tuple[Picture, str] | None


def line(setting: Setting, set_key: str) -> list[Shown]:
    """One set's row: its first evaluation picture."""
    picture = methods.evaluation(setting, set_key)[0]
    base, jscc = find(setting.weights, "vqvae2-s4"), find(setting.weights, "deepjscc-c3-none")
    shown: list[Shown] = [(picture.pixels, picture.name[:24])]
    shown.append(_delivered(methods.jpeg_codec, picture))
    shown.append(_delivered(jscc.open, picture) if jscc is not None else None)
    if base is None:
        return [*shown, None, None, None]
    shown.append(_delivered(base.open, picture))
    for method in ("lsdft", "dft"):
        task = Task(base, set_key, NONE, method, 0, curve=True)
        shown.append(_delivered(lambda task=task: tuning.tuned(setting, task)[0], picture))  # type: ignore[misc]
    return shown


def _delivered(opened: Callable[[], Codec], picture: Named) -> Shown:
    codec = opened()
    received = scoring.decode(codec, scoring.encode(codec, [picture]), {})[0]
    return received, f"{metrics.psnr(picture.pixels, received):.2f} dB"


def fig10(setting: Setting) -> None:
    lines = {key: line(setting, key) for key in TESTING}
    _draw(setting, "fig10.png", TESTING, lines)
    _draw(setting, "fig10-open.png", [key for key in TESTING if SETS[key].may_be_shown], lines)
    rows: list[Row] = [
        {"set": SETS[key].title, "method": column, "shown": cell[1] if cell is not None else None}
        for key, cells in lines.items()
        for column, cell in zip(COLUMNS, cells, strict=True)
    ]
    write(setting, "fig10", rows, {}, ["fig10.png shows pictures that must not be published."])


def _draw(setting: Setting, name: str, keys: Sequence[str], lines: dict[str, list[Shown]]) -> None:
    titles = [SETS[key].title for key in keys]
    plots.picture_grid(setting.out / name, titles, COLUMNS, [lines[key] for key in keys])


if __name__ == "__main__":
    options(fig10)()
