"""The topology file's schema: the whole, and the names of its parts.

Parts: nodes.py, levels.py, bearers.py, links.py, pictures.py, resources.py, workload.py. Single keys are judged there,
what several keys must agree on in checks.py, and what it means to the emulator in lowering.py. docs/topology.md is made
from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, PrivateAttr

from emulator.topology.bearers import (
    Bearers,
    BitBearer,
    CodedLevel,
    IndexBearer,
    Ldpc,
    Learned,
    OwnSymbolBearer,
    Qam,
    Rayleigh,
    Rician,
    SymbolBearer,
    Unequal,
)
from emulator.topology.fields import Model, Number, fault, shown
from emulator.topology.levels import GeometricLevels, Level, LevelTable, LinkLevels
from emulator.topology.links import Link, Loss, Radio, Route
from emulator.topology.nodes import Capacity, Codec, Node
from emulator.topology.pictures import Pictures
from emulator.topology.quantities import Name
from emulator.topology.resources import Plan, Quality, QualityCurve, QualityPoints, Resources
from emulator.topology.workload import (
    STEP_KINDS,
    Adapt,
    Align,
    AnyStep,
    Distill,
    Equip,
    OwnData,
    Refine,
    Replan,
    RollBack,
    SetLink,
    Step,
    Transmit,
    Wait,
)

if TYPE_CHECKING:
    from emulator.topology.lowering import PlannedRadio
    from emulator.v1.control_pb2 import Topology

__all__ = [
    "STEP_KINDS",
    "Adapt",
    "Align",
    "AnyStep",
    "Bearers",
    "BitBearer",
    "Capacity",
    "Clock",
    "Codec",
    "CodedLevel",
    "Distill",
    "Equip",
    "GeometricLevels",
    "IndexBearer",
    "Ldpc",
    "Learned",
    "Level",
    "LevelTable",
    "Link",
    "LinkLevels",
    "Loss",
    "Node",
    "OwnData",
    "OwnSymbolBearer",
    "Pictures",
    "Plan",
    "Processes",
    "Qam",
    "Quality",
    "QualityCurve",
    "QualityPoints",
    "Radio",
    "Rayleigh",
    "Refine",
    "Replan",
    "Resources",
    "Rician",
    "RollBack",
    "Route",
    "Scenario",
    "SetLink",
    "Step",
    "SymbolBearer",
    "Transmit",
    "Unequal",
    "Wait",
]

LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Clock:
    """How model time passes: `virtual` never waits, `real` waits, `scaled:F` waits F wall seconds a model second."""

    mode: Literal["virtual", "real", "scaled"]
    factor: float = 1.0

    @classmethod
    def read(cls, value: Any) -> Self:
        """The clock that "virtual", "real" or "scaled:F" names. Raises a fault."""
        if isinstance(value, cls):
            return value
        wrong = fault(
            f"must be virtual, real or scaled:F with F > 0, got {shown(value)}; scaled:0.1 runs ten times faster"
        )
        if not isinstance(value, str):
            raise wrong
        if value in ("virtual", "real"):
            return cls("virtual" if value == "virtual" else "real")
        mode, _, number = value.partition(":")
        try:
            factor = float(number)
        except ValueError:
            raise wrong from None
        if mode != "scaled" or not 0 < factor <= 1e6:
            raise wrong
        return cls("scaled", factor)

    def __str__(self) -> str:
        return f"scaled:{self.factor:g}" if self.mode == "scaled" else self.mode


class Processes(Model):
    """How the controller treats its processes."""

    restart: Annotated[int, Number("give a number of times", at_least=0, at_most=1000, whole=True)] = Field(
        default=3, description="the number of times that a daemon which died is started again"
    )
    receivers: Annotated[int, Number("give a number of receivers", at_least=1, at_most=256, whole=True)] = Field(
        default=1,
        description="the number of rx nodes that share a process: many start faster and take less memory so, and a "
        "process that dies takes all of its nodes with it",
    )


class Scenario(Model):
    """One topology file: the network, what is sent over it, and who decides its resources."""

    version: Literal[1] = Field(description="the version of this format: 1")
    name: Name = Field(description="the scenario's name")
    description: str = Field(default="", description="a sentence on what it shows")
    seed: Annotated[int, Number("give a seed", at_least=0, at_most=LARGEST_SEED, whole=True)] = Field(
        default=0, description="the seed of all randomness"
    )
    clock: Annotated[Clock, PlainValidator(Clock.read)] = Field(
        default=Clock("virtual"), description="the way model time passes: virtual, real or scaled:F (wall s a model s)"
    )
    nodes: dict[Name, Node] = Field(description="the nodes by name")
    levels: dict[Name, LevelTable] = Field(
        default_factory=dict,
        description="tables of reliability levels by name, for links to share: a list, {geometric: ...} or from_plan",
    )
    links: list[Link] = Field(description="the links between the nodes")
    paths: list[Route] = Field(default_factory=list, description="paths that traffic must take, as a check")
    resources: Resources = Field(default_factory=Resources, description="the budget that the plan divides")
    plan: Plan | None = Field(
        default=None, description="a request to the optimizer; without it links and codecs stay as written"
    )
    pictures: Pictures = Field(default_factory=Pictures, description="the pictures to send")
    workload: list[AnyStep] = Field(default_factory=list, description="the steps of the run, in order")
    processes: Processes = Field(default_factory=Processes, description="the treatment of processes")

    _file: Path | None = PrivateAttr(None)
    _digest: str = PrivateAttr("")

    @property
    def file(self) -> Path | None:
        """Where it was read from."""
        return self._file

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the file and the overrides applied to it."""
        return self._digest

    def to_proto(self, plan: Mapping[str, PlannedRadio] | None = None) -> Topology:
        """The topology that the emulator is told.

        plan: planned radios by link name; a planned link that it lacks keeps its own numbers, else gets an equal share
        of the budget and its gain without fading.
        """
        from emulator.topology import lowering  # protobuf and NumPy: not needed to check a file

        return lowering.topology(self, plan)
