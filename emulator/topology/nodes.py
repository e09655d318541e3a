"""Nodes and the codecs that they open."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, PlainValidator, model_validator

from emulator.topology.fields import Model, Number, fault, shown
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


_SPEED = Number("give floating-point operations a second, or measure", above=0, at_most=1e21)


def _read_speed(value: Any) -> Any:
    return value if value == "measure" else _SPEED.read(value)


class Capacity(Model):
    """What a receiver can compute, by which its sender chooses a decoder for it (see `equip`). A node that has one runs
    in a process of its own."""

    flops_per_s: Annotated[float | Literal["measure"], PlainValidator(_read_speed)] = Field(
        default="measure",
        description="the floating-point operations a second that it does of a decoder; measure has the node find out "
        "when it starts",
    )
    memory_bytes: Annotated[int, Number("give bytes", at_least=1, at_most=2**50, whole=True)] | None = Field(
        default=None, description="the memory for a decoder's parameters in bytes. What its process may have without"
    )


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
    capacity: Capacity | None = Field(default=None, description="the computing power of a receiver")
