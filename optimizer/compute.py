"""The compute model: multiply-accumulates, time and energy as functions of the compression rate (FTSC eq. 11-17, 21).

Every model here is affine in rho, F(rho) = base_mac - slope_mac * rho. Not a measurement of any codec.
"""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.checks import require_finite, require_not_negative, require_positive
from optimizer.image_format import ImageFormat

PAPER_FREQUENCY_HZ = 1.35e9
PAPER_ENERGY_COEFFICIENT = 1e-38
REALISTIC_ENERGY_COEFFICIENT = 1e-28


@dataclass(frozen=True, slots=True)
class ComputeModel:
    """F(rho) = base_mac - slope_mac * rho multiply-accumulates a pass, `passes` passes for each receiver's image.

    frequency_hz: one MAC a cycle (the paper uses 1350 MHz as operations per second).
    energy_coefficient: omega_c; a pass costs omega_c * f**2 * F joules (eq. 21).
    """

    base_mac: float
    slope_mac: float
    frequency_hz: float = PAPER_FREQUENCY_HZ
    energy_coefficient: float = REALISTIC_ENERGY_COEFFICIENT
    passes: int = 1

    def __post_init__(self) -> None:
        require_not_negative("compute.base_mac", self.base_mac, "MAC")
        require_finite("compute.slope_mac", self.slope_mac, "MAC")
        require_positive("compute.frequency_hz", self.frequency_hz, "Hz")
        require_not_negative("compute.energy_coefficient", self.energy_coefficient, "J s^2")
        require_positive("compute.passes", self.passes, "passes")

    @classmethod
    def none(cls) -> ComputeModel:
        """No compute term at all: the paper's JPEG+LDPC benchmark."""
        return cls(base_mac=0.0, slope_mac=0.0)

    @classmethod
    def vqvae2(
        cls,
        image: ImageFormat,
        kernel_size: int = 4,
        channels: int = 128,
        frequency_hz: float = PAPER_FREQUENCY_HZ,
        energy_coefficient: float = REALISTIC_ENERGY_COEFFICIENT,
        passes: int = 1,
    ) -> ComputeModel:
        """FTSC eq. (12), (15). The paper gives neither the kernel size nor the channel count: 4 and 128 are ours."""
        require_positive("compute.kernel_size", kernel_size, "pixels")
        require_positive("compute.channels", channels, "channels")
        quarter = image.height * image.width * kernel_size**2 / 4.0
        c_0 = quarter * channels**2
        c_delta = quarter * channels * (channels - 3)
        rho_0 = 16.0 * image.rho_of_scale(2)
        return cls(
            base_mac=4.0 / 3.0 * c_0 - c_delta,
            slope_mac=4.0 / 3.0 * c_0 / rho_0,
            frequency_hz=frequency_hz,
            energy_coefficient=energy_coefficient,
            passes=passes,
        )

    @property
    def time_base_s(self) -> float:
        """c0: seconds of computing at rho -> 0."""
        return self.passes * self.base_mac / self.frequency_hz

    @property
    def time_slope_s(self) -> float:
        """c1: seconds saved per unit of rho; negative when a larger rho costs more."""
        return self.passes * self.slope_mac / self.frequency_hz

    @property
    def energy_base_j(self) -> float:
        """e0: joules of computing at rho -> 0."""
        return self.energy_coefficient * self.frequency_hz**2 * self.passes * self.base_mac

    @property
    def energy_slope_j(self) -> float:
        """e1: joules saved per unit of rho."""
        return self.energy_coefficient * self.frequency_hz**2 * self.passes * self.slope_mac
