"""The settings of one fine-tuning: what a scenario step asks for and both ends read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Literal, Self

from edge.adapt.errors import AdaptError

METHODS = ("dft", "lsdft")
MIN_IMAGES = 4  # one of them validates
MAX_IMAGES = 512
DEFAULT = -1  # of `rounds`: the method's own number
DFT_ROUNDS = 12

BOUNDS: dict[str, tuple[float, float]] = {
    "rounds": (DEFAULT, 100),
    "steps": (1, 100_000),
    "batch": (1, 256),
    "crop": (16, 4096),
    "learning_rate": (1e-8, 1.0),
    "codebook_rate": (1e-6, 1.0),
    "validation": (0.01, 0.9),
    "checkpoint_steps": (1, 100_000),
    "seed": (0, 2**63 - 1),
    "equivariance": (0.0, 1e6),
}


@dataclass(frozen=True)
class AdaptSettings:
    """method: dft (FTSC, eq. (5)-(6)) or lsdft (eq. (7)).

    rounds: epochs of eq. (5) over the codebooks; DEFAULT means 12 for dft; lsdft has none. codebook_rate: how far a
    round moves a used codebook vector towards the mean of its features, 1 is all the way. steps, batch, crop (pixels),
    learning_rate (peak; warm-up, then cosine): the decoder's training; a crop of the picture's size wastes least (see
    edge.adapt.crops). validation: share of the images that judge and do not teach. checkpoint_steps: steps between two
    checkpoints. denoise: LSDFT labels go through pretrained DnCNNs as well, after the codebook (see
    edge.adapt.denoise). equivariance: weight of LSDFT's second term against eq. (7) (see edge.adapt.lsdft).

    Raises AdaptError, one sentence, for a value out of range.
    """

    method: Literal["dft", "lsdft"] = "dft"
    rounds: int = DEFAULT
    steps: int = 240
    batch: int = 2
    crop: int = 256
    learning_rate: float = 3e-4
    codebook_rate: float = 1.0
    validation: float = 0.25
    checkpoint_steps: int = 50
    seed: int = 0
    denoise: bool = False
    equivariance: float = 10.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise AdaptError(f"adapt.method: must be dft or lsdft, got {self.method!r}")
        if not isinstance(self.denoise, bool):
            raise AdaptError(f"adapt.denoise: must be true or false, got {self.denoise!r}")
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            whole = isinstance(type(self).__dataclass_fields__[name].default, int)
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise AdaptError(f"adapt.{name}: must be {'an integer' if whole else 'a number'}, got {value!r}")
            if not math.isfinite(value) or not low <= value <= high:
                raise AdaptError(f"adapt.{name}: must be in [{low:g}, {high:g}], got {value:g}")
        if self.method == "lsdft" and self.rounds > 0:
            raise AdaptError(
                f"adapt.rounds: lsdft freezes the codebooks, so there can be no rounds, got {self.rounds}; "
                "leave rounds out or take dft"
            )
        if self.method == "dft" and self.denoise:
            raise AdaptError("adapt.denoise: dft has the originals as labels; leave denoise out or take lsdft")

    @property
    def codebook_rounds(self) -> int:
        """The number of rounds to run on a codec that has codebooks."""
        if self.rounds != DEFAULT:
            return self.rounds
        return DFT_ROUNDS if self.method == "dft" else 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises AdaptError when the text is no JSON object of these fields."""
        try:
            given = json.loads(text)
        except ValueError as error:
            raise AdaptError(
                f"adapt: the settings are not JSON ({error}); use the same version on both ends"
            ) from error
        known = {field.name for field in fields(cls)}
        if not isinstance(given, dict) or not set(given) <= known:
            raise AdaptError(f"adapt: the settings must be an object of {', '.join(sorted(known))}, got {text[:200]}")
        return cls(**given)
