"""Figure 7: PSNR against SNR at K = 128 and 64: Split DeepJSCC, several SNR_train, and the digital baseline.

Beside the paper's curves: the same f and g over unequal protection (LDPC and QAM for each level), and over the medium
that they were trained for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from tools.ftsc import plots
from tools.ftsc.plots import Curve
from tools.ftsc.results import Row, band_of
from tools.split import curves, digital
from tools.split.setting import SNRS_DB, SYMBOLS, TRAINED_DB, Setting, options, write


def judged(rows: Sequence[Row]) -> dict[str, Any]:
    """The claims of section IV-B and of the issue, on the rows of fig7: a margin in dB at each SNR, and the verdict."""
    found: dict[str, Any] = {}
    for k in SYMBOLS:
        baseline = _quality(rows, k, "-ldpc", None)
        for trained_db in TRAINED_DB:
            own = _quality(rows, k, "split", trained_db)
            if not own or not baseline:
                continue
            margins = {snr_db: round(own[snr_db] - baseline[snr_db], 2) for snr_db in SNRS_DB}
            steps = [round(own[b] - own[a], 2) for a, b in itertools.pairwise(SNRS_DB)]
            found[f"K = {k}, trained at {trained_db} dB"] = {
                "psnr_db": own,
                "ahead_of_baseline_db": margins,
                "ahead_everywhere": all(margin > 0 for margin in margins.values()),
                "gain_per_5_db": steps,
                "no_cliff": max(steps) < 3.0,
            }
        if baseline:
            steps = [round(baseline[b] - baseline[a], 2) for a, b in itertools.pairwise(SNRS_DB)]
            found[f"K = {k}, baseline"] = {"psnr_db": baseline, "gain_per_5_db": steps, "no_cliff": max(steps) < 3.0}
    return found


def _quality(rows: Sequence[Row], k: int, scheme: str, trained_db: int | None) -> dict[float, float]:
    """PSNR by SNR of one curve."""
    return {
        float(row["snr_db"]): float(row["psnr_db"])
        for row in rows
        if row["symbols"] == k and str(row["scheme"]).endswith(scheme) and row.get("trained_db") == trained_db
    }


def draw(setting: Setting, name: str, rows: Sequence[Row], titles: dict[int, str]) -> None:
    """A panel for each K."""
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
    more = {"claims": judged(rows), "over_the_medium": curves.split_medium(setting, source)}
    write(setting, "fig7", rows, more, [digital.__doc__ or ""])
    draw(setting, "fig7", rows, {k: f"CIFAR-10, K = {k} (rho = 1/{3072 // k})" for k in SYMBOLS})


if __name__ == "__main__":
    options(fig7)()
