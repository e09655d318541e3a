"""Nodes and the codecs that they open."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from emulator.topology.fields import Model, fault, shown
from emulator.topology.quantities import Gain, Metres, Name

Role = Literal["tx", "rx", "relay"]


class Codec(Model):
    """A codec, by its name in the registry (`edge-codec list`), and its options beside it."""

    model_config = ConfigDict(extra="allow")

    name: Name = Field(description="the codec's name in the registry, such as vqvae2 or raw")

    @model_validator(mode="after")
    def _options_are_scalars(self) -> Self:
        for key, value in (self.model_extra or {}).items():
            if not isinstance(value, str | int | float):
                raise fault(f"option {key} must be text, a number or true or false, got {shown(value)}; give one value")
        return self

    @property
    def options(self) -> dict[str, str]:
        """The options as text, as they travel to a node."""
        extra = self.model_extra or {}
        return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in extra.items()}


class Node(Model):
    """One node. `tx` and `rx` are processes; `relay` is only a place where links meet."""

    role: Role = Field(
        description="what the node does: tx transmits, rx receives, relay passes on and needs no process"
    )
    codec: Codec | None = Field(
        default=None, description="the codec it opens. Needed by an rx; a tx without one opens each receiver's own"
    )
    distance_m: Metres | None = Field(
        default=None, description="the distance to the other end of its radio links, in m"
    )
    gain: Gain | None = Field(
        default=None, description="the linear channel power gain of its radio links, in place of distance_m"
    )
