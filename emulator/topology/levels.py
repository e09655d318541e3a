"""Reliability levels: listed, by the geometric rule, by the name of a table, or from the plan."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, TypeAdapter, model_validator

from emulator.topology.fields import Identifier, Model, Number, fault, shown
from emulator.topology.quantities import BitErrorRate, Name, Probability

FailurePolicy = Literal["deliver", "drop", "retransmit"]
FromPlan = Literal["from_plan"]


class Level(Model):
    """One reliability level of a link. A segment whose level is not listed uses the last."""

    ber: BitErrorRate = Field(default=0.0, description="the bit error rate of what is carried by levels")
    erasure: Probability = Field(default=0.0, description="the probability that a packet is erased")
    on_failure: FailurePolicy = Field(
        default="deliver",
        description="what happens to a packet with an error: deliver it as it is, drop it, or retransmit it, each try "
        "costing link time",
    )
    max_retransmissions: Annotated[int, Number("give a number of tries", at_least=0, at_most=100, whole=True)] = Field(
        default=0, description="the tries beyond the first, of retransmit"
    )

    @model_validator(mode="after")
    def _tries_belong_to_retransmit(self) -> Self:
        if (self.on_failure == "retransmit") != (self.max_retransmissions > 0):
            raise fault(
                f"on_failure {self.on_failure} contradicts max_retransmissions {self.max_retransmissions}; give "
                "retransmit with 1 or more tries, or leave max_retransmissions out"
            )
        return self


class Geometric(Model):
    """Levels whose bit error rates have a fixed ratio, the worst first (Split DeepJSCC, eq. 17)."""

    count: Annotated[int, Number("give a number of levels", at_least=2, at_most=256, whole=True)] = Field(
        default=10, description="the number of levels"
    )
    worst: BitErrorRate = Field(default=0.4, description="the first level's bit error rate")
    best: Annotated[float, Number("give a bit error rate", above=0, at_most=0.5)] = Field(
        default=0.001, description="the last level's bit error rate"
    )
    erasure: Probability = Field(default=0.0, description="the probability that a packet is erased, at every level")
    on_failure: FailurePolicy = Field(
        default="deliver", description="what happens to a packet with an error, at every level"
    )
    max_retransmissions: Annotated[int, Number("give a number of tries", at_least=0, at_most=100, whole=True)] = Field(
        default=0, description="the tries beyond the first, of retransmit"
    )

    @model_validator(mode="after")
    def _worst_is_worse(self) -> Self:
        if self.best > self.worst:
            raise fault(f"best ({self.best:g}) must not exceed worst ({self.worst:g}); the first level is the worst")
        Level(on_failure=self.on_failure, max_retransmissions=self.max_retransmissions)
        return self


class GeometricLevels(Model):
    """Levels by the geometric rule."""

    geometric: Geometric = Field(description="the rule's numbers")


_LEVEL_LIST = TypeAdapter(list[Level])


def _read_level_table(value: Any) -> Any:
    """A list, the geometric rule, or the plan."""
    if isinstance(value, list):
        if not 1 <= len(value) <= 256:
            raise fault(f"must have 1 to 256 levels, got {len(value)}; list at least one")
        return _LEVEL_LIST.validate_python(value)
    if isinstance(value, dict):
        return GeometricLevels.model_validate(value)
    if value == "from_plan" or isinstance(value, GeometricLevels):
        return value
    raise fault(f"must be a list of levels, a geometric rule or from_plan, got {shown(value)}; {_LEVELS_EXAMPLE}")


def _read_link_levels(value: Any) -> Any:
    """The name of a table, or a table in place."""
    if isinstance(value, str):
        return Identifier().read(value)
    return _read_level_table(value)


_LEVELS_EXAMPLE = "write for example [{ber: 0.01}] or {geometric: {count: 10}}"
LevelTable = Annotated[list[Level] | GeometricLevels | FromPlan, PlainValidator(_read_level_table)]
LinkLevels = Annotated[list[Level] | GeometricLevels | Name, PlainValidator(_read_link_levels)]
