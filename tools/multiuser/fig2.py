"""Figure 2: PSNR of the low decoder at 3 dB over its epochs: proposed, iterative and alone."""

from __future__ import annotations

from tools.multiuser import convergence
from tools.multiuser.setting import Setting, options

SCHEMES = ("proposed", "iterative", "alone")


def fig2(setting: Setting) -> None:
    convergence.figure(setting, "fig2", SCHEMES, "Training procedures, SNR 3 dB")


if __name__ == "__main__":
    options(fig2)()
