"""Larger pictures: Kodak at 256x256 with the same rho, where the digital baseline is at its best.

f, g, h, q and DeepJSCC are convolutional and were trained at 32x32 only; the picture's bits and symbols grow with it.
"""

from __future__ import annotations

from tools.figures.setting import write
from tools.split import curves, digital
from tools.split.fig7 import draw
from tools.split.setting import SYMBOLS, Setting, kodak, options

SIDE = 256
GROWN = (SIDE // 32) ** 2  # as many symbols more


def kodak_figure(setting: Setting) -> None:
    pictures = kodak(setting, SIDE)
    source = curves.split_source(setting, pictures)
    grown = [k * GROWN for k in SYMBOLS]
    learned = [{**row, "symbols": int(row["symbols"]) * GROWN} for row in curves.split_learned(setting, source)]
    jscc = [{**row, "symbols": int(row["symbols"]) * GROWN} for row in curves.deepjscc(setting, pictures)]
    classical = digital.curve(setting, pictures, digital.codec_here(setting), grown)
    rows = [*learned, *classical, *jscc]
    write(setting, "kodak", rows, {"side": SIDE, "photographs": len(pictures)}, [digital.__doc__ or ""])
    draw(setting, "kodak", rows, {k: f"Kodak at {SIDE}, rho = 1/{3 * SIDE**2 // k}" for k in grown})


if __name__ == "__main__":
    options(kodak_figure)()
