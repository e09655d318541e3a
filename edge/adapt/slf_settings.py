"""The settings of one alignment by split learning with layer freezing: what is asked for, and both ends read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Self

from edge.adapt.errors import AdaptError

MOST_FROZEN = 4  # three layers and the codebook
RETRAINING_RATE, FINE_TUNING_RATE = 1e-3, 1e-4  # Adam, for freeze = 0 and otherwise (SLF, section IV)

WHOLE: dict[str, tuple[int, int]] = {
    "freeze": (0, MOST_FROZEN),
    "steps": (1, 100_000),
    "batch": (1, 4096),
    "checkpoint_steps": (1, 100_000),
    "seed": (0, 2**63 - 1),
    "pilots": (1, 10_000_000),
}
REAL: dict[str, tuple[float, float]] = {"learning_rate": (1e-8, 1.0), "commitment": (0.0, 100.0)}


@dataclass(frozen=True)
class SlfSettings:
    """freeze: layers of the receiver's decoder kept as they are, counted from the last; the codebook is the fourth.

    steps, batch: of training. learning_rate: None for the paper's, 1e-3 when everything is trained anew (freeze = 0)
    and 1e-4 otherwise. commitment: lambda_c of eq. (4). checkpoint_steps: steps between two checkpoints. seed: of
    order and noise. pilots: known indices that the receiver sends (at K = 16 and a crossover probability of 1e-2 the
    default tells it to +-11 %, in 0.066 s at 2 Mbit/s). classifier: download that too. shared: the new decoder is for
    all sessions of the receiver with the same codec.

    Raises AdaptError, one sentence, for a value out of range.
    """

    freeze: int
    steps: int = 400
    batch: int = 128
    learning_rate: float | None = None
    commitment: float = 0.25
    checkpoint_steps: int = 100
    seed: int = 0
    pilots: int = 32_768
    classifier: bool = False
    shared: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in WHOLE.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise AdaptError(f"align.{name}: must be an integer, got {value!r}")
            if not low <= value <= high:
                raise AdaptError(f"align.{name}: must be in [{low}, {high}], got {value}")
        for name, (least, most) in REAL.items():
            number = getattr(self, name)
            if name == "learning_rate" and number is None:
                continue
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise AdaptError(f"align.{name}: must be a number, got {number!r}")
            if not math.isfinite(number) or not least <= number <= most:
                raise AdaptError(f"align.{name}: must be in [{least:g}, {most:g}], got {number:g}")
        for name in ("classifier", "shared"):
            if not isinstance(getattr(self, name), bool):
                raise AdaptError(f"align.{name}: must be true or false, got {getattr(self, name)!r}")

    @property
    def rate(self) -> float:
        """The learning rate that applies."""
        if self.learning_rate is not None:
            return self.learning_rate
        return RETRAINING_RATE if self.freeze == 0 else FINE_TUNING_RATE

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises AdaptError when the text is no JSON object of these fields."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise AdaptError(
                f"align: the settings are not JSON ({error}); use the same version on both ends"
            ) from error
        known = {field.name for field in fields(cls)}
        if not isinstance(given, dict) or not set(given) <= known or "freeze" not in given:
            raise AdaptError(
                f"align: the settings must be an object of {', '.join(sorted(known))} with at least freeze, got "
                f"{text[:200]}"
            )
        return cls(**given)
