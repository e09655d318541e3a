"""What a key that is left out, or that names another, comes to: who sends to whom, with which codec and levels."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.topology.schema import Codec, GeometricLevels, Level, LinkLevels, Scenario
from emulator.topology.workload import Cast

LAYERS = "layers"  # option of codecs with layers: how many an end takes


def senders(scenario: Scenario) -> list[str]:
    """The tx nodes, in the order of the file."""
    return [name for name, node in scenario.nodes.items() if node.role == "tx"]


def receivers(scenario: Scenario) -> list[str]:
    """The rx nodes, in the order of the file."""
    return [name for name, node in scenario.nodes.items() if node.role == "rx"]


def transmit_source(scenario: Scenario, step: Cast) -> str | None:
    """The node that sends; None when it is left out and there is not exactly one tx."""
    tx = senders(scenario)
    return step.source if step.source is not None else tx[0] if len(tx) == 1 else None


def transmit_destinations(scenario: Scenario, step: Cast) -> list[str]:
    """The nodes that receive, `all` resolved, in the order of the file."""
    if step.destinations is None or step.destinations == ["all"]:
        return receivers(scenario)
    return step.destinations


def resolve_levels(scenario: Scenario, levels: LinkLevels | None) -> list[Level] | GeometricLevels | str | None:
    """A link's levels with a table's name replaced by the table; "from_plan" stays."""
    return scenario.levels.get(levels, levels) if isinstance(levels, str) else levels


@dataclass(frozen=True)
class CodecChoice:
    """A codec to open: its name in the registry and its options as text."""

    name: str
    options: dict[str, str]


def receiver_codec(scenario: Scenario, destination: str, scale: int | None = None) -> CodecChoice:
    """What a receiver opens. scale: its planned scaling rate, which replaces the option `scale` of a codec that has it.

    Raises ValueError for a node without a codec.
    """
    codec = scenario.nodes[destination].codec
    if codec is None:
        raise ValueError(f"node {destination} has no codec; give it one")
    return _choice(codec, scale)


def sender_codec(scenario: Scenario, source: str, destination: str, scale: int | None = None) -> CodecChoice:
    """What the sender opens towards a receiver: its own codec when the file gives it one, else the receiver's, but all
    its layers: other receivers, or this one later, may want them."""
    own = scenario.nodes[source].codec
    if own is not None:
        return _choice(own, scale)
    choice = receiver_codec(scenario, destination, scale)
    return CodecChoice(choice.name, {key: value for key, value in choice.options.items() if key != LAYERS})


def _choice(codec: Codec, scale: int | None) -> CodecChoice:
    options = codec.options
    if scale is not None and "scale" in options:
        options["scale"] = str(scale)
    return CodecChoice(codec.name, options)
