"""Which links a plan decides."""

from __future__ import annotations

from emulator.topology.schema import Link, Scenario


def planned_source(scenario: Scenario) -> str | None:
    """The node whose links are planned: as given, else the only tx; None without a plan, or when it is not evident."""
    if scenario.plan is None:
        return None
    if scenario.plan.source is not None:
        return scenario.plan.source
    senders = [name for name, node in scenario.nodes.items() if node.role == "tx"]
    return senders[0] if len(senders) == 1 else None


def planned_links(scenario: Scenario) -> list[Link]:
    """The links that the plan decides, in the order of the file; none without a plan."""
    plan = scenario.plan
    if plan is None:
        return []
    if plan.links is not None:
        return [link for link in scenario.links if link.name in plan.links]
    source = planned_source(scenario)
    return [link for link in scenario.links if link.source == source and link.radio is not None]


def planned_names(scenario: Scenario) -> frozenset[str]:
    """The names of planned_links."""
    return frozenset(link.name for link in planned_links(scenario))
