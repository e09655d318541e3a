"""Two ready-made settings: the paper's own, and one where the compression rate is a real choice."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.compute import PAPER_ENERGY_COEFFICIENT, REALISTIC_ENERGY_COEFFICIENT, ComputeModel
from optimizer.image_format import ImageFormat
from optimizer.problem import FloatArray, Problem


@dataclass(frozen=True, slots=True)
class Preset:
    """What the two settings differ in; everything else has the defaults of `Problem`."""

    bandwidth_hz: float
    power_w: float
    energy_coefficient: float

    def problem(self, names: tuple[str, ...], gain: FloatArray) -> Problem:
        """The setting for these receivers. gain: [N], linear. Raises ProblemError."""
        return Problem(
            names=names,
            gain=gain,
            bandwidth_hz=self.bandwidth_hz,
            power_w=self.power_w,
            compute=ComputeModel.vqvae2(ImageFormat(), energy_coefficient=self.energy_coefficient),
        )


PAPER = Preset(bandwidth_hz=5000.0, power_w=50.0, energy_coefficient=PAPER_ENERGY_COEFFICIENT)
"""Section V-B: 5000 Hz, 50 W, omega_c = 1e-38 (so that computing costs no energy); every receiver ends at rho_max."""

TRADEOFF = Preset(bandwidth_hz=1500.0, power_w=50.0, energy_coefficient=REALISTIC_ENERGY_COEFFICIENT)
"""1500 Hz and a realistic omega_c = 1e-28: an interior compression rate."""

PRESETS = {"paper": PAPER, "tradeoff": TRADEOFF}
