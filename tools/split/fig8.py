"""Figure 8: Split DeepJSCC against DeepJSCC of the same architecture and the same K."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.figures.results import Row
from tools.figures.setting import write
from tools.split import curves
from tools.split.fig7 import draw
from tools.split.setting import SNRS_DB, SYMBOLS, Setting, options


def envelope(rows: Sequence[Row], k: int) -> dict[str, Any]:
    """By SNR: the best training of each scheme, and how many dB the interface costs; empty where one is missing."""
    split, joint = (_best(rows, scheme, k) for scheme in ("split", "deepjscc"))
    lost = {
        snr_db: round(joint[snr_db] - split[snr_db], 2) for snr_db in SNRS_DB if snr_db in split and snr_db in joint
    }
    return {"split": split, "deepjscc": joint, "price_of_the_interface_db": lost}


def _best(rows: Sequence[Row], scheme: str, k: int) -> dict[float, float]:
    best: dict[float, float] = {}
    for row in rows:
        if (row["scheme"], row["symbols"]) == (scheme, k):
            snr_db = float(row["snr_db"])
            best[snr_db] = max(best.get(snr_db, 0.0), float(row["psnr_db"]))
    return best


def fig8(setting: Setting) -> None:
    pictures = setting.scored()
    split = curves.split_learned(setting, curves.split_source(setting, pictures))
    rows = [*split, *curves.deepjscc(setting, pictures)]
    best = {f"K = {k}": envelope(rows, k) for k in SYMBOLS}
    write(setting, "fig8", rows, {"best_of_the_trainings": best})
    draw(setting, "fig8", rows, {k: f"CIFAR-10, K = {k} (rho = 1/{3072 // k})" for k in SYMBOLS})


if __name__ == "__main__":
    options(fig8)()
