"""Problem P1 of FTSC, section V (eq. 8-25), typed and validated. No file format and no solver here.

Maximise lambda_1 Q - lambda_2 T - lambda_3 E over rho_n, b_n, p_n and T, where Q is the sum (or mean) of the receivers'
PSNR, T the largest delay and E the total energy, under a bandwidth and a power budget.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from optimizer.checks import require_positive
from optimizer.compute import ComputeModel
from optimizer.errors import ProblemError
from optimizer.image_format import SCALES, ImageFormat
from optimizer.quality import FFHQ_IDEAL, QualityCurve

FloatArray = NDArray[np.float64]

THERMAL_NOISE_W_PER_HZ = 3.98e-21
"""-174 dBm/Hz."""


class QualityAggregate(Enum):
    """How the receivers' qualities make one number: (29)-(31) sum, (24) and (25) forgot to."""

    SUM = "sum"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Weights:
    """lambda_1 (per dB), lambda_2 (per second) and lambda_3 (per joule)."""

    quality: float = 0.33
    delay: float = 0.33
    energy: float = 0.33

    def __post_init__(self) -> None:
        values = (self.quality, self.delay, self.energy)
        if not all(math.isfinite(value) and value >= 0 for value in values) or not any(values):
            raise ProblemError(
                f"weights: weights must be >= 0 and not all zero, got quality {self.quality:g}, delay {self.delay:g}, "
                f"energy {self.energy:g}"
            )


def _read_only(values: Sequence[float] | FloatArray) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Problem:
    """One allocation problem.

    names: [N] distinct receiver names. gain: [N] linear channel power gains. bandwidth_hz, power_w: the budgets.
    rho_min, rho_max: bounds of the compression rate, bits over bits; None means the codec's: scale 16 and scale 2.
    scales: bottom scaling rates rho is restricted to; empty means continuous rho; a single one fixes every receiver.
    deadline_s: hard bound on T. spectral_efficiency_cap: bound on r/b in bit/s/Hz.
    Raises ProblemError at construction, naming receiver and field.
    """

    names: tuple[str, ...]
    gain: FloatArray
    bandwidth_hz: float
    power_w: float
    compute: ComputeModel
    quality: QualityCurve = FFHQ_IDEAL
    weights: Weights = field(default_factory=Weights)
    image: ImageFormat = field(default_factory=ImageFormat)
    noise_density_w_per_hz: float = THERMAL_NOISE_W_PER_HZ
    aggregate: QualityAggregate = QualityAggregate.SUM
    rho_min: float | None = None
    rho_max: float | None = None
    scales: tuple[int, ...] = ()
    deadline_s: float | None = None
    spectral_efficiency_cap: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", _read_only(self.gain))
        self._check_receivers()
        require_positive("bandwidth_hz", self.bandwidth_hz, "Hz")
        require_positive("power_w", self.power_w, "W")
        require_positive("noise_density_w_per_hz", self.noise_density_w_per_hz, "W/Hz")
        if self.deadline_s is not None:
            require_positive("deadline_s", self.deadline_s, "s")
        if self.spectral_efficiency_cap is not None:
            require_positive("spectral_efficiency_cap", self.spectral_efficiency_cap, "bit/s/Hz")
        self._check_rho()
        if self.weights.delay == 0 and self.deadline_s is None:
            raise ProblemError("weights.delay: unbounded delay: set lambda_2 > 0 or a deadline (deadline_s)")

    def _check_receivers(self) -> None:
        if not self.names:
            raise ProblemError("receivers: at least one receiver required")
        if self.gain.shape != (len(self.names),):
            raise ProblemError(
                f"receivers: one gain for each of the {len(self.names)} names required, got {self.gain.shape}"
            )
        if len(set(self.names)) != len(self.names):
            twice = next(name for index, name in enumerate(self.names) if name in self.names[:index])
            raise ProblemError(f"receivers: the name {twice} is used twice; names must be distinct")
        bad = np.flatnonzero(~(np.isfinite(self.gain) & (self.gain > 0)))
        if bad.size:
            index = int(bad[0])
            raise ProblemError(
                f"receivers[{index}] ({self.names[index]}): gain must be finite and > 0, got {self.gain[index]:g}; "
                "give the linear channel power gain"
            )

    def _check_rho(self) -> None:
        largest = self.image.rho_of_scale(2)
        low, high = self.rho_lower, self.rho_upper
        if not (0 < low <= high <= largest * (1 + 1e-12)):
            raise ProblemError(
                f"rho: must satisfy 0 < rho_min <= rho_max <= {largest:.7g} (scaling rate 2), got rho_min {low:g} and "
                f"rho_max {high:g}"
            )
        for scale in self.scales:
            if scale not in SCALES:
                raise ProblemError(f"scales: the codec has scaling rates {SCALES}, got {scale}")
        if self.scales and not self.allowed_scales:
            raise ProblemError(
                f"scales: none of {self.scales} has a compression rate between rho_min {low:g} and rho_max {high:g}; "
                "widen the bounds or add a scaling rate"
            )
        worst = min(self.compute.base_mac - self.compute.slope_mac * rho for rho in (low, high))
        if worst < 0:
            raise ProblemError(
                f"compute: the work base_mac - slope_mac * rho is negative ({worst:g} MAC) within the rho bounds; "
                "lower slope_mac or rho_max"
            )

    @property
    def size(self) -> int:
        """N, the number of receivers."""
        return len(self.names)

    @property
    def source_bits(self) -> int:
        """D, bits of the raw image."""
        return self.image.source_bits

    @property
    def rho_lower(self) -> float:
        """rho_min, or the codec's smallest rate (scale 16)."""
        return self.image.rho_of_scale(SCALES[-1]) if self.rho_min is None else self.rho_min

    @property
    def rho_upper(self) -> float:
        """rho_max, or the codec's largest rate (scale 2)."""
        return self.image.rho_of_scale(SCALES[0]) if self.rho_max is None else self.rho_max

    @property
    def allowed_scales(self) -> tuple[int, ...]:
        """Scaling rates, ascending, that `scales` and the rho bounds leave."""
        slack = 1e-12
        return tuple(
            scale
            for scale in sorted(set(self.scales))
            if self.rho_lower * (1 - slack) <= self.image.rho_of_scale(scale) <= self.rho_upper * (1 + slack)
        )

    @property
    def quality_share(self) -> float:
        """w_Q: weight of one receiver's PSNR within Q; 1 for the sum, 1/N for the mean."""
        return 1.0 if self.aggregate is QualityAggregate.SUM else 1.0 / self.size

    @property
    def log_rho_weight(self) -> float:
        """L1 = lambda_1 w_Q b_q: utility per receiver and unit of ln rho."""
        return self.weights.quality * self.quality_share * self.quality.slope_db

    @property
    def gain_over_noise(self) -> FloatArray:
        """[N] G = g / sigma^2 in Hz/W: SNR times bandwidth per watt."""
        return self.gain / self.noise_density_w_per_hz
