"""Figure 7: PSNR against SNR at K = 128 and 64: Split DeepJSCC, several SNR_train, and the digital baseline.

Beside the paper's curves: the same f and g over unequal protection (LDPC and QAM for each level), and over the medium
that they were trained for.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Row, band_of
from tools.figures.setting import write
from tools.split import curves, digital
from tools.split.setting import SYMBOLS, Setting, options


def draw(setting: Setting, name: str, rows: Sequence[Row], titles: dict[int, str]) -> None:
    """A panel for each K that has rows."""
    titles = {k: title for k, title in titles.items() if any(row["symbols"] == k for row in rows)}
    drawn = plots.figure(6.0 * len(titles), 4.2)
    for number, (k, title) in enumerate(titles.items()):
        own = [row for row in rows if row["symbols"] == k]
        labels = list(dict.fromkeys(label(row) for row in own))
        shown = []
        for words in labels:
            points = sorted((row for row in own if label(row) == words), key=lambda row: float(row["snr_db"]))
            shown.append(Curve(words, [float(row["snr_db"]) for row in points], [band_of(row) for row in points]))
        plots.draw_curves(drawn.add_subplot(1, len(titles), number + 1), shown, title, "SNR (Es/N0), dB")
    plots.save(drawn, setting.out / f"{name}.png")


def label(row: Row) -> str:
    """A curve's name in the legend."""
    trained = row.get("trained_db")
    return str(row["scheme"]) + ("" if trained is None else f", trained at {trained} dB")


def fig7(setting: Setting) -> None:
    pictures = setting.scored()
    source = curves.split_source(setting, pictures)
    rows = [
        *curves.split_learned(setting, source),
        *digital.curve(setting, pictures, digital.codec_here(setting)),
        *curves.split_unequal(setting, source),
    ]
    more = {"over_the_medium": curves.split_medium(setting, source)}
    write(setting, "fig7", rows, more, [digital.__doc__ or ""])
    draw(setting, "fig7", rows, {k: f"CIFAR-10, K = {k} (rho = 1/{3072 // k})" for k in SYMBOLS})


if __name__ == "__main__":
    options(fig7)()
