"""Channel power gains from distances: path loss times Rician fading (FTSC eq. 23). Not a channel: no signal here."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from optimizer.checks import require_not_negative, require_positive
from optimizer.errors import ProblemError


def _generator(*key: object) -> np.random.Generator:
    """A generator of its own for each key, so that one receiver's draw never depends on who else is listed."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


@dataclass(frozen=True, slots=True)
class RicianGain:
    """g = reference_gain * d**(-path_loss_exponent) * |h|**2, h Rician with E|h|**2 = 1.

    reference_gain: beta_0, linear, at 1 m. rician_k: K, linear; 0 is Rayleigh.
    """

    reference_gain: float = 1e-3
    path_loss_exponent: float = 2.0
    rician_k: float = 10.0

    def __post_init__(self) -> None:
        require_positive("channel.reference_gain", self.reference_gain, "linear, at 1 m")
        require_positive("channel.path_loss_exponent", self.path_loss_exponent, "dimensionless")
        require_not_negative("channel.rician_k", self.rician_k, "linear")

    def draw(self, receiver: str, distance_m: float, seed: int, block: int = 0) -> float:
        """Power gain of `receiver` at distance_m in coherence block `block`; the same arguments give the same gain.

        Raises ProblemError naming the receiver when the distance is not finite and > 0.
        """
        if not (math.isfinite(distance_m) and distance_m > 0):
            raise ProblemError(
                f"receiver {receiver}: distance must be finite and > 0, got {distance_m:g}; give metres to the sender"
            )
        real, imaginary = _generator("fading", seed, receiver, block).standard_normal(2)
        scatter = math.sqrt(0.5 / (self.rician_k + 1.0))
        direct = math.sqrt(self.rician_k / (self.rician_k + 1.0))
        fading = (direct + scatter * real) ** 2 + (scatter * imaginary) ** 2
        return float(self.reference_gain * distance_m**-self.path_loss_exponent * fading)


def draw_distance_m(receiver: str, seed: int, nearest_m: float = 1.0, farthest_m: float = 1000.0) -> float:
    """The paper's default placement: uniform between nearest_m and farthest_m, by receiver name and seed."""
    return float(_generator("distance", seed, receiver).uniform(nearest_m, farthest_m))
