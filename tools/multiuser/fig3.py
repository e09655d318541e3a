"""Figure 3: PSNR of the low decoder at 3 dB over its epochs: transfer, frozen or not, distillation, and proposed.

Distillation from the teacher as it was when the encoder froze, and from one that was continued for as many epochs as
the student gets. With other alphas than 1 it is drawn too, where that was tried.
"""

from __future__ import annotations

from tools.multiuser import convergence
from tools.multiuser.setting import BY_CONTINUED, Setting, options

SCHEMES = ("proposed", "transfer", "transfer-frozen", "distill", BY_CONTINUED)


def fig3(setting: Setting) -> None:
    convergence.figure(setting, "fig3", SCHEMES, "Transfer and distillation, SNR 3 dB", tried=True)


if __name__ == "__main__":
    options(fig3)()
