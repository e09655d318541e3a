"""What a transceiver must offer: the one interface that nodes, trainers and tools use.

A codec object is one half: opened for encoding it holds no decoder, opened for decoding no encoder (a method that
needs both, such as LSDFT, asks for Half.BOTH). A message is one image.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, Self

from edge.images import Picture
from edge.segment import Segment


class CodecError(ValueError):
    """A codec that cannot be opened or used as asked; the message names the option and the fix."""


class Half(Enum):
    ENCODER = "encoder"
    DECODER = "decoder"
    BOTH = "both"


@dataclass(frozen=True)
class CodecDescription:
    """What two ends must agree on before they talk.

    name: registry name. options: every option with its value, defaults included, except those that only name a local
    file. knowledge: hex digest of what both ends must share (codebooks, weights pairing), empty when nothing. Two
    descriptions are compatible when equal.
    """

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    knowledge: str = ""

    def __str__(self) -> str:
        options = ", ".join(f"{k}={v}" for k, v in sorted(self.options.items()))
        return f"{self.name}({options})" + (f" with knowledge {self.knowledge[:12]}" if self.knowledge else "")


class Codec(ABC):
    """One half of a transceiver. Subclasses are listed under the entry-point group `semedge.codecs`."""

    name: ClassVar[str]
    options: ClassVar[Mapping[str, str]] = MappingProxyType({})  # each option and, in a phrase, its values and default

    @classmethod
    def refuse_unknown(cls, given: Mapping[str, str]) -> None:
        """Raises CodecError when an option is not among the codec's own."""
        for option in sorted(set(given) - set(cls.options)):
            own = ", ".join(sorted(cls.options)) or "none"
            raise CodecError(f"codec.options.{option}: {cls.name} has no such option (it has: {own}); leave it out")

    @classmethod
    @abstractmethod
    def open(cls, options: Mapping[str, str], half: Half) -> Self:
        """Loads the half. Raises CodecError for an unknown option, a bad value, or weights that cannot be read."""

    @abstractmethod
    def describe(self) -> CodecDescription:
        """What the other end must match."""

    @abstractmethod
    def check_image(self, height: int, width: int) -> None:
        """Raises CodecError when an image of this size cannot be encoded."""

    @abstractmethod
    def encode(self, image: Picture) -> list[Segment]:
        """image [H, W, 3] uint8 -> segments. Needs the encoder half."""

    @abstractmethod
    def decode(self, segments: Sequence[Segment]) -> Picture:
        """Segments as received, in the order of encode, possibly with errors or missing elements -> [H, W, 3] uint8.

        Whatever arrived must give a picture: a lost packet is a fact, not an exception. Needs the decoder half.
        """
