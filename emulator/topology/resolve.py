"""What a key that is left out, or that names another, comes to: who sends to whom, with which codec and levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.topology.schema import Codec, GeometricLevels, Level, LinkLevels, Scenario
from emulator.topology.workload import Cast

LAYERS = "layers"  # option of codecs with layers: how many an end takes
DECODER, SNR_DB = "decoder", "snr_db"  # options of `swin`: the decoder an end runs, and the Es/N0 it is told


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


def own_options(codec: str) -> frozenset[str]:
    """Options that are each receiver's own affair: receivers of one multicast may differ in them."""
    return frozenset({LAYERS, DECODER, SNR_DB} if codec == "swin" else {LAYERS})


def sender_codec(scenario: Scenario, source: str, destinations: Sequence[str], scale: int | None = None) -> CodecChoice:
    """What the sender opens towards its receivers: its own codec when the file gives it one, else theirs, but all its
    layers: other receivers, or these later, may want them.

    It is told the SNR of the weakest: what is made for less noise than there is costs a receiver more than what is made
    for more noise costs another.
    """
    own = scenario.nodes[source].codec
    if own is not None:
        return _choice(own, scale)
    choice = receiver_codec(scenario, destinations[0], scale)
    options = {key: value for key, value in choice.options.items() if key not in own_options(choice.name)}
    told = [told_snr_db(scenario, name) for name in destinations] if SNR_DB in own_options(choice.name) else []
    known = [snr_db for snr_db in told if snr_db is not None]
    return CodecChoice(choice.name, options | ({SNR_DB: f"{min(known):g}"} if known else {}))


def told_snr_db(scenario: Scenario, receiver: str) -> float | None:
    """The Es/N0 that a receiver's codec is told; None where the file says none, or no number."""
    codec = scenario.nodes[receiver].codec
    try:
        return None if codec is None else float(codec.options[SNR_DB])
    except (KeyError, ValueError):
        return None


def _choice(codec: Codec, scale: int | None) -> CodecChoice:
    options = codec.options
    if scale is not None and "scale" in options:
        options["scale"] = str(scale)
    return CodecChoice(codec.name, options)
