"""What the keys of a topology must agree on: names that exist, paths that lead somewhere, bearers that can be had.

Runs on a file whose single keys are all good; returns every fault as (key path, sentence).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from emulator.topology.planning import planned_links, planned_names, planned_source
from emulator.topology.resolve import (
    own_options,
    resolve_levels,
    senders,
    told_snr_db,
    transmit_destinations,
    transmit_source,
)
from emulator.topology.routes import shortest
from emulator.topology.schema import (
    Bearers,
    BitBearer,
    Codec,
    GeometricLevels,
    IndexBearer,
    Ldpc,
    Learned,
    Level,
    Link,
    LinkLevels,
    OwnSymbolBearer,
    Qam,
    Replan,
    RollBack,
    Route,
    Scenario,
    SetLink,
    SymbolBearer,
    Unequal,
)
from emulator.topology.source import KeyPath, nearest
from emulator.topology.workload import Adapt, Align, Cast, Distill, Equip

RESERVED = {
    "all": "means every receiver",
    "ca": "is the certificate authority's file",
    "controller": "is the controller's own name",
    "emulator": "is the emulator's own name",
    "optimizer": "is the optimizer's own name",
}
MAX_LINKS = 4096

Finding = tuple[KeyPath, str]


def check(scenario: Scenario) -> Iterator[Finding]:
    """Every fault that no single key shows."""
    yield from _nodes(scenario)
    yield from _links(scenario)
    for index, route in enumerate(scenario.paths):
        yield from _route(scenario, route, ("paths", index))
    yield from _plan(scenario)
    for index, step in enumerate(scenario.workload):
        if isinstance(step, Cast):
            yield from _cast(scenario, step, ("workload", index, step.kind))
        if isinstance(step, Equip):
            yield from _equip(scenario, step, ("workload", index, step.kind))
        if isinstance(step, Distill):
            yield from _distill(scenario, step, ("workload", index, step.kind))
        if isinstance(step, Align):
            yield from _align(scenario, step, ("workload", index, step.kind))
        if isinstance(step, RollBack):
            yield from _roll_back(scenario, step, index, ("workload", index, step.kind))
        elif isinstance(step, SetLink):
            yield from _set_link(scenario, step, ("workload", index, step.kind))
        elif isinstance(step, Replan):
            yield from _replan(scenario, step, ("workload", index, step.kind))


# --- nodes and links -----------------------------------------------------------------------------------------------


def _nodes(scenario: Scenario) -> Iterator[Finding]:
    if not scenario.nodes:
        yield ("nodes",), "is empty; give at least one tx and one rx"
    folded: dict[str, str] = {}
    for name, node in scenario.nodes.items():
        path: KeyPath = ("nodes", name)
        if name.lower() in RESERVED:
            yield path, f"the name {name} {RESERVED[name.lower()]}; choose another"
        if folded.setdefault(name.lower(), name) != name:
            yield (
                path,
                f"differs from {folded[name.lower()]} only in case, which certificates ignore; choose another name",
            )
        if node.role == "rx" and node.codec is None:
            yield (
                path,
                "codec is missing; give the codec that this receiver decodes with, such as {name: vqvae2, scale: 4}",
            )
        if node.role != "rx" and node.capacity is not None:
            yield (*path, "capacity"), f"a {node.role} decodes nothing; leave it out or make the node an rx"
        if node.role == "relay" and node.codec is not None:
            yield (*path, "codec"), "a relay has no codec; leave it out or make the node an rx"
        if node.gain is not None and node.distance_m is not None:
            yield (*path, "gain"), "gain and distance_m are both given; keep one"


def _known_node(scenario: Scenario, name: str, path: KeyPath) -> Iterator[Finding]:
    if name not in scenario.nodes:
        yield path, f"{name} is not a node; {nearest(name, scenario.nodes)}"


def _links(scenario: Scenario) -> Iterator[Finding]:
    if len(scenario.links) > MAX_LINKS:
        yield ("links",), f"has {len(scenario.links)} links, {MAX_LINKS} at most; split the scenario"
    seen: dict[str, int] = {}
    planned = planned_names(scenario)
    for index, link in enumerate(scenario.links):
        path: KeyPath = ("links", index)
        if seen.setdefault(link.name, index) != index:
            yield (*path, "name"), f"{link.name} is already the name of links[{seen[link.name]}]; choose another"
        yield from _ends(scenario, link, path)
        yield from _code_rates(link, (*path, "code_rates"))
        yield from _levels(scenario, link.levels, link.name in planned, (*path, "levels"))
        yield from _bearers(scenario, link, link.bearers, link.levels, (*path, "bearers"))
        if link.name not in planned:
            yield from _radio(link, path)
    for name, table in scenario.levels.items():
        if name == "from_plan":
            yield ("levels", name), "from_plan already means the plan's levels; choose another name"
        if table == "from_plan" and scenario.plan is None:
            yield ("levels", name), "from_plan needs a plan; add plan: {} or list the levels"


def _ends(scenario: Scenario, link: Link, path: KeyPath) -> Iterator[Finding]:
    yield from _known_node(scenario, link.source, (*path, "from"))
    for index, name in enumerate(link.destinations):
        where = (*path, "to", index)
        yield from _known_node(scenario, name, where)
        if name == link.source:
            yield where, f"{name} is also where the link begins, a cycle; end it at another node"
        if name in link.destinations[:index]:
            yield where, f"{name} is listed twice; keep one"


def _code_rates(link: Link, path: KeyPath) -> Iterator[Finding]:
    for receiver in link.code_rates:
        if receiver not in link.destinations:
            yield (*path, receiver), f"{receiver} is not an end of the link; {nearest(receiver, link.destinations)}"
    if (
        link.code_rates
        and isinstance(link.bearers.bits, BitBearer)
        and (link.bearers.bits.learned or link.bearers.bits.unequal)
    ):
        yield path, "bearers.bits takes whole messages with a code of its own; leave code_rates out"


def _levels(scenario: Scenario, levels: LinkLevels | None, planned: bool, path: KeyPath) -> Iterator[Finding]:
    if isinstance(levels, str) and levels != "from_plan" and levels not in scenario.levels:
        yield path, f"{levels} is not a table of levels; {nearest(levels, ['from_plan', *scenario.levels])}"
    elif resolve_levels(scenario, levels) == "from_plan" and not planned:
        yield path, "from_plan needs a plan that decides this link; add it to plan.links or list the levels"


def _flips_bits(levels: list[Level] | GeometricLevels | str | None) -> bool:
    if isinstance(levels, list):
        return any(level.ber > 0 for level in levels)
    return levels is not None


def _bearers(
    scenario: Scenario, link: Link, bearers: Bearers, levels: LinkLevels | None, path: KeyPath
) -> Iterator[Finding]:
    bits, indices = bearers.bits, bearers.indices
    index_qam = indices.qam if isinstance(indices, IndexBearer) else None
    if bits == "ideal" and _flips_bits(resolve_levels(scenario, levels)):
        yield (
            (*path, "bits"),
            "ideal contradicts levels that have a bit error rate; carry bits by levels or set ber to 0",
        )
    if indices == "levels" and bits != "levels":
        yield (*path, "indices"), "levels needs bits carried by levels too; set bits: levels"
    if index_qam is not None and (not isinstance(bits, BitBearer) or bits.qam != index_qam):
        yield (*path, "indices"), "qam needs bits carried by the same qam; give both the same order and snr_db"
    if isinstance(bits, BitBearer) and (bits.learned or bits.unequal) and _loses_packets(scenario, link, levels):
        yield (
            (*path, "bits"),
            f"{'learned' if bits.learned else 'unequal'} takes whole messages, but the link loses single packets; "
            "leave out loss, queue_policy drop and the levels' erasure and on_failure",
        )
    if isinstance(bearers.symbols, SymbolBearer):
        for receiver in bearers.symbols.per_receiver or {}:
            if receiver not in link.destinations:
                yield (
                    (*path, "symbols", "per_receiver", receiver),
                    f"{receiver} is not an end of the link; {nearest(receiver, link.destinations)}",
                )
    if link.radio is None:
        for key in _snr_from_radio(bearers):
            yield (*path, *key), "from_radio needs a radio on the link; give snr_db in dB or the link a radio"


def _loses_packets(scenario: Scenario, link: Link, levels: LinkLevels | None) -> bool:
    resolved = resolve_levels(scenario, levels)
    table = [resolved.geometric] if isinstance(resolved, GeometricLevels) else resolved
    by_level = isinstance(table, list) and any(each.erasure or each.on_failure != "deliver" for each in table)
    by_chance = link.loss is not None and link.loss.independent != 0
    return by_level or by_chance or link.queue_policy == "drop"


def _snr_from_radio(bearers: Bearers) -> Iterable[tuple[str, ...]]:
    for key, bearer in itertools.product(("bits", "indices", "opaque"), ("qam", "ldpc", "learned", "unequal")):
        modem: Qam | Ldpc | Learned | Unequal | None = getattr(getattr(bearers, key), bearer, None)
        if modem is not None and modem.snr_db == "from_radio":
            yield (key, bearer)
    symbols = bearers.symbols
    if isinstance(symbols, SymbolBearer):
        for path, own in _by_receiver(symbols):
            if own.awgn == "from_radio":
                yield (*path, "awgn")
            for name in ("rayleigh", "rician"):
                fading = getattr(own, name)
                if fading is not None and fading.snr_db == "from_radio":
                    yield (*path, name)


def _by_receiver(symbols: SymbolBearer) -> Iterator[tuple[tuple[str, ...], OwnSymbolBearer]]:
    if symbols.per_receiver is None:
        yield ("symbols",), symbols
    for receiver, own in (symbols.per_receiver or {}).items():
        yield ("symbols", "per_receiver", receiver), own


def _radio(link: Link, path: KeyPath) -> Iterator[Finding]:
    for key in ("bandwidth_hz", "power_w"):
        if link.radio is not None and getattr(link.radio, key) is None:
            yield (
                (*path, "radio"),
                f"{key} is missing and no plan decides this link; give {key} or add the link to plan.links",
            )


# --- paths, plan, workload -----------------------------------------------------------------------------------------


def _route(scenario: Scenario, route: Route, path: KeyPath) -> Iterator[Finding]:
    unknown = [*_known_node(scenario, route.source, (*path, "from"))]
    unknown += _known_node(scenario, route.destination, (*path, "to"))
    by_name = {link.name: link for link in scenario.links}
    for index, name in enumerate(route.links):
        if name not in by_name:
            unknown.append(((*path, "links", index), f"{name} is not a link; {nearest(name, by_name)}"))
    if unknown:
        yield from unknown
        return
    reached = {route.source}
    here = {route.source}
    for index, name in enumerate(route.links):
        link, where = by_name[name], (*path, "links", index)
        if link.source not in here:
            yield where, f"{name} begins at {link.source}, not where the path is then; list the links in order"
            return
        here = set(link.destinations)
        if here & reached:
            yield where, f"a cycle: {name} leads back to {min(here & reached)}; leave the detour out"
            return
        reached |= here
    if route.destination not in here:
        yield path, f"ends at {', '.join(sorted(here))}, not at {route.destination}; add the last link"
        return
    taken = [link.name for link in shortest(scenario.links, route.source, route.destination) or []]
    if taken != route.links:
        yield (
            (*path, "links"),
            f"the emulator takes the fewest links, first listed first: {', '.join(taken)}; remove or reorder links",
        )


def _plan(scenario: Scenario) -> Iterator[Finding]:
    plan = scenario.plan
    if plan is None:
        return
    source = planned_source(scenario)
    if plan.source is not None and plan.source not in scenario.nodes:
        yield from _known_node(scenario, plan.source, ("plan", "source"))
        return
    if source is None:
        yield ("plan",), f"source is missing and there are {len(senders(scenario))} tx nodes; give the node that plans"
        return
    if plan.at > len(scenario.workload):
        yield (
            ("plan", "at"),
            f"must be at most {len(scenario.workload)}, the number of workload steps, got {plan.at}; lower it",
        )
    names = {link.name for link in scenario.links}
    for index, name in enumerate(plan.links or []):
        if name not in names:
            yield ("plan", "links", index), f"{name} is not a link; {nearest(name, names)}"
        if name in (plan.links or [])[:index]:
            yield ("plan", "links", index), f"{name} is listed twice; keep one"
    if not planned_links(scenario):
        yield ("plan",), f"decides nothing: no radio link begins at {source}; give one a radio: from_plan"
    yield from _planned(scenario)


def _planned(scenario: Scenario) -> Iterator[Finding]:
    ends: dict[str, str] = {}
    planned = planned_names(scenario)
    for index, link in enumerate(scenario.links):
        if link.name not in planned or not link.destinations:
            continue
        path: KeyPath = ("links", index)
        if link.radio is None:
            yield path, "is planned but has no radio; add radio: from_plan"
        if len(link.destinations) != 1:
            yield (*path, "to"), "a planned link ends at one node; write a link for each receiver"
        end = link.destinations[0]
        if ends.setdefault(end, link.name) != link.name:
            yield (*path, "to"), f"{end} already has the planned link {ends[end]}; plan one link a receiver"


def _cast(scenario: Scenario, step: Cast, path: KeyPath) -> Iterator[Finding]:
    source = transmit_source(scenario, step)
    if source is None:
        yield path, f"from is missing and there are {len(senders(scenario))} tx nodes; give the node that sends"
        return
    if source not in scenario.nodes:
        yield from _known_node(scenario, source, (*path, "from"))
        return
    if scenario.nodes[source].role != "tx":
        yield (
            (*path, "from"),
            f"{source} is {_article(scenario, source)}, not a tx; give {' or '.join(senders(scenario))}",
        )
    targets = transmit_destinations(scenario, step)
    if not targets:
        yield (*path, "to"), "there is no rx to send to; add a node with role rx"
    for index, name in enumerate(targets):
        where = (*path, "to", index)
        if name not in scenario.nodes:
            yield from _known_node(scenario, name, where)
        elif scenario.nodes[name].role != "rx":
            yield where, f"{name} is {_article(scenario, name)}, not an rx; give a receiver"
        elif name in targets[:index]:
            yield where, f"{name} is listed twice; keep one"
        elif shortest(scenario.links, source, name) is None:
            yield where, f"no links lead from {source} to {name}; add a link or leave {name} out"
    if step.mode == "multicast":
        yield from _one_codec(scenario, [name for name in targets if name in scenario.nodes], path)


def _article(scenario: Scenario, name: str) -> str:
    role = scenario.nodes[name].role
    return f"a{'n' if role == 'rx' else ''} {role}"


def _shared(codec: Codec | None) -> Codec | None:
    """A receiver's codec without what is its own affair: receivers of several tiers share a transmission."""
    if codec is None:
        return None
    own = own_options(codec.name)
    return Codec.model_validate(
        {"name": codec.name} | {k: v for k, v in (codec.model_extra or {}).items() if k not in own}
    )


def _one_codec(scenario: Scenario, targets: list[str], path: KeyPath) -> Iterator[Finding]:
    codecs = {name: _shared(scenario.nodes[name].codec) for name in targets}
    for name, codec in codecs.items():
        if codec != codecs[targets[0]]:
            yield (
                (*path, "mode"),
                f"multicast needs one codec, but {targets[0]} and {name} differ; give them the same or use unicast",
            )
            return
    if scenario.plan is not None and scenario.plan.scale == "auto" and len(targets) > 1:
        yield (
            (*path, "mode"),
            "multicast needs one scale, but the plan chooses each receiver's; set plan.scale to a number",
        )


def _set_link(scenario: Scenario, step: SetLink, path: KeyPath) -> Iterator[Finding]:
    links = {link.name: link for link in scenario.links}
    if step.link not in links:
        yield (*path, "link"), f"{step.link} is not a link; {nearest(step.link, links)}"
        return
    link = links[step.link]
    if step.radio is not None and link.radio is None:
        yield (*path, "radio"), f"link {link.name} has no radio; set rate_bps or symbol_rate_hz"
    if (step.rate_bps is not None or step.symbol_rate_hz is not None) and link.radio is not None:
        yield path, f"link {link.name} has a radio, which sets its rate; change radio instead"
    levels = link.levels if step.levels is None else step.levels
    if step.levels is not None:
        yield from _levels(scenario, step.levels, link.name in planned_names(scenario), (*path, "levels"))
    if step.bearers is not None:
        changed = link if step.loss is None else link.model_copy(update={"loss": step.loss})
        yield from _bearers(scenario, changed, step.bearers, levels, (*path, "bearers"))


def _align(scenario: Scenario, step: Align, path: KeyPath) -> Iterator[Finding]:
    if step.data.sample == scenario.pictures.sample:
        yield (
            (*path, "data", "sample"),
            f"{step.data.sample} is what transmit steps send, and nothing that is sent may be trained with; give other "
            "pictures",
        )
    source = transmit_source(scenario, step)
    if source not in scenario.nodes:
        return  # said already
    for index, name in enumerate(transmit_destinations(scenario, step)):
        known = scenario.nodes.get(name)
        if known is not None and known.role == "rx" and shortest(scenario.links, name, source) is None:
            yield (
                (*path, "to", index),
                f"no links lead back from {name} to {source}, which {step.method} needs to download the decoder; add a "
                f"link from {name} to {source}",
            )


def _equip(scenario: Scenario, step: Equip, path: KeyPath) -> Iterator[Finding]:
    for index, name in enumerate(transmit_destinations(scenario, step)):
        known = scenario.nodes.get(name)
        if known is not None and known.role == "rx" and known.capacity is None:
            yield (
                (*path, "to", index),
                f"{name} has no capacity to choose a decoder by; give the node one, such as capacity: {{flops_per_s: "
                "measure}",
            )


def _distill(scenario: Scenario, step: Distill, path: KeyPath) -> Iterator[Finding]:
    targets = transmit_destinations(scenario, step)
    for index, name in enumerate(step.receivers or []):
        if name not in targets:
            yield (
                (*path, "receivers", index),
                f"{name} is not among those that the step is to; {nearest(name, targets)}",
            )
    for name in step.receivers or targets:
        if step.snr_db is None and name in scenario.nodes and told_snr_db(scenario, name) is None:
            yield (*path, "snr_db"), f"is missing, and {name}'s codec is told none; give the Es/N0 that {name} meets"


def _roll_back(scenario: Scenario, step: RollBack, index: int, path: KeyPath) -> Iterator[Finding]:
    before = scenario.workload[:index]
    aligned = {name for each in before if isinstance(each, Align) for name in transmit_destinations(scenario, each)}
    for name in transmit_destinations(scenario, step):
        if name in aligned:
            yield path, f"{name} was aligned, and its half alone would go back; leave it out, or align it again"
            return
    if not any(isinstance(each, Adapt) for each in before):
        yield path, "no adapt step comes before it, so there is no state to go back to; put it after one"


def _replan(scenario: Scenario, step: Replan, path: KeyPath) -> Iterator[Finding]:
    if scenario.plan is None:
        yield path, "there is no plan to change; add plan: {} to ask for one"
        return
    planned = [link.destinations[0] for link in planned_links(scenario)]
    for key, names in (
        ("distance_m", step.distance_m),
        ("gain", step.gain),
        ("leave", step.leave),
        ("join", step.join),
    ):
        for name in names:
            if name not in planned:
                yield (*path, key), f"{name} is not a planned receiver; {nearest(name, planned)}"
