"""Figure 3: PSNR of the low decoder at 3 dB over its epochs: transfer, frozen or not, distillation, and proposed.

Distillation with other alphas than 1 is drawn too, where it was tried.
"""

from __future__ import annotations

from tools.multiuser import convergence
from tools.multiuser.setting import Setting, options

SCHEMES = ("proposed", "transfer", "transfer-frozen", "distill")


def fig3(setting: Setting) -> None:
    convergence.figure(setting, "fig3", SCHEMES, "Transfer and distillation, SNR 3 dB", tried=True)


if __name__ == "__main__":
    options(fig3)()
