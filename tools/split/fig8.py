"""Figure 8: Split DeepJSCC against DeepJSCC of the same architecture and the same K."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.ftsc.results import Row
from tools.split import curves
from tools.split.fig7 import draw
from tools.split.setting import SNRS_DB, SYMBOLS, Setting, options, write


def envelope(rows: Sequence[Row], k: int) -> dict[str, Any]:
    """By SNR: the best training of each scheme, and how many dB the interface costs."""
    best = {scheme: {snr_db: _best(rows, scheme, k, snr_db) for snr_db in SNRS_DB} for scheme in ("split", "deepjscc")}
    lost = {snr_db: round(best["deepjscc"][snr_db] - best["split"][snr_db], 2) for snr_db in SNRS_DB}
    return {**best, "price_of_the_interface_db": lost}


def _best(rows: Sequence[Row], scheme: str, k: int, snr_db: float) -> float:
    wanted = (scheme, k, snr_db)
    own = [float(row["psnr_db"]) for row in rows if (row["scheme"], row["symbols"], row["snr_db"]) == wanted]
    return max(own, default=float("nan"))


def fig8(setting: Setting) -> None:
    pictures = setting.scored()
    split = curves.split_learned(setting, curves.split_source(setting, pictures))
    rows = [*split, *curves.deepjscc(setting, pictures)]
    envelope = {f"K = {k}": envelope(rows, k) for k in SYMBOLS}
    write(setting, "fig8", rows, {"best_of_the_trainings": envelope})
    draw(setting, "fig8", rows, {k: f"CIFAR-10, K = {k} (rho = 1/{3072 // k})" for k in SYMBOLS})


if __name__ == "__main__":
    options(fig8)()
