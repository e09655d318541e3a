"""What counters and receipts say of layers: multicast by tiers, and refinement on demand. Pure bookkeeping, no RPC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edge.v1 import packet_pb2
from emulator import multicast_accounting
from emulator.link_config import LinkConfig
from emulator.multicast_accounting import Tier
from emulator.report.schema import LayerUse, MessageReport, MulticastReport, RefinementReport, TierUse
from emulator.report.scoring import accuracy, mean
from emulator.sessions import Session
from emulator.topology import Scenario, Transmit
from emulator.topology.workload import Refine
from emulator.transmission import Refinement
from emulator.v1 import control_pb2

Counters = Sequence[control_pb2.LinkCounters]
DONE = (packet_pb2.RECEIPT_STATUS_COMPLETE, packet_pb2.RECEIPT_STATUS_PARTIAL)


# --- multicast --------------------------------------------------------------------------------------------------------


def multicast_reports(
    step: int,
    sessions: Sequence[Session],
    pictures: int,
    links: Sequence[control_pb2.Link],
    before: Counters,
    after: Counters,
) -> list[MulticastReport]:
    """One entry a session and multicast link from its source to all its receivers. Where several sessions share such a
    link, the counters do not tell them apart, and there is none."""
    reports = []
    for link in links:
        config = LinkConfig.from_proto(link)
        crossing = [session for session in sessions if session.source == config.source]
        crossing = [session for session in crossing if set(session.destinations) & set(config.destinations)]
        if (
            len(config.destinations) > 1
            and len(crossing) == 1
            and set(crossing[0].destinations) <= set(config.destinations)
        ):
            report = _multicast(step, crossing[0], pictures, config, before, after)
            reports += [] if report is None else [report]
    return reports


def _multicast(
    step: int, session: Session, pictures: int, config: LinkConfig, before: Counters, after: Counters
) -> MulticastReport | None:
    uses = {end: _uses(after, before, config.name, end) for end in session.destinations}
    numbers = sorted({level for counted in uses.values() for level in counted})
    if not numbers:
        return None
    levels = []
    for number in numbers:
        takers = [end for end in session.destinations if number in uses[end]]
        rate = config.code_rate(takers)
        each = max(uses[end][number] for end in takers) / pictures
        head = session.heads[number] if number < len(session.heads) else ""
        levels.append(
            LayerUse(level=number, head=head, receivers=takers, rate=rate, symbols=each * rate, channel_uses=each)
        )
    tiers = _tiers(session, config, levels)
    single = [Tier(_single_size(levels, tier.highest_level, session.etas), tier.rate) for tier in tiers]
    return MulticastReport(
        step=step,
        link=config.name,
        session=session.name,
        pictures=pictures,
        levels=levels,
        tiers=tiers,
        measured=sum(level.channel_uses for level in levels),
        layered=sum(level.symbols / level.rate for level in levels),
        etas=[session.etas[level.level] for level in levels] if session.etas else [],
        each_tier=multicast_accounting.each_tier(single),
        best_to_all=multicast_accounting.best_to_all(single),
    )


def _single_size(levels: Sequence[LayerUse], highest: int, etas: Sequence[float]) -> float:
    """Symbols of the single encoding that is as good as the sub-blocks up to a level; those together without etas."""
    return sum(level.symbols / (etas[level.level] if etas else 1) for level in levels if level.level <= highest)


def compare_strategies(reports: Sequence[MulticastReport]) -> None:
    """Notes, beside each step in layers to several tiers, what the steps took that sent as many pictures over the same
    link by the other two strategies."""
    for report in reports:
        others = [
            other
            for other in reports
            if (other.link, other.pictures, len(other.tiers)) == (report.link, report.pictures, 1)
        ]
        if len(report.tiers) < 2:
            continue
        everybody = [name for tier in report.tiers for name in tier.receivers]
        tiers = [_sent_whole(others, tier.receivers, tier.highest_level) for tier in report.tiers]
        best = _sent_whole(others, everybody, report.tiers[-1].highest_level)
        found = [each for each in tiers if each is not None]
        if len(found) == len(tiers):
            report.each_tier_steps = [each.step for each in found]
            report.each_tier_measured = sum(each.measured for each in found)
        if best is not None:
            report.best_to_all_step, report.best_to_all_measured = best.step, best.measured


def _sent_whole(
    reports: Sequence[MulticastReport], receivers: Sequence[str], highest_level: int
) -> MulticastReport | None:
    """The first of these, of one tier each, that sent these receivers all levels up to this one."""
    for report in reports:
        (tier,) = report.tiers
        if set(tier.receivers) == set(receivers) and tier.highest_level == highest_level:
            return report
    return None


def _uses(after: Counters, before: Counters, link: str, end: str) -> dict[int, int]:
    """Channel uses of each level between two readings; without those that took none."""
    was = _channel_uses(before, link, end)
    grown = {level: uses - was.get(level, 0) for level, uses in _channel_uses(after, link, end).items()}
    return {level: uses for level, uses in grown.items() if uses > 0}


def _channel_uses(counters: Counters, link: str, end: str) -> dict[int, int]:
    rows = (row for row in counters if (row.link, row.destination) == (link, end))
    return {level.level: level.channel_uses for row in rows for level in row.levels}


def _tiers(session: Session, config: LinkConfig, levels: Sequence[LayerUse]) -> list[TierUse]:
    """Receivers by the highest level that they got, the worst first."""
    got = {end: max(level.level for level in levels if end in level.receivers) for end in session.destinations}
    tiers = []
    for highest in sorted(set(got.values())):
        members = [end for end in session.destinations if got[end] == highest]
        symbols = sum(level.symbols for level in levels if level.level <= highest)
        rate = config.code_rate(members)
        tiers.append(TierUse(receivers=members, highest_level=highest, rate=rate, symbols=symbols))
    return tiers


# --- refinement -------------------------------------------------------------------------------------------------------


def refinement_reports(
    scenario: Scenario,
    messages: Sequence[MessageReport],
    refinements: Mapping[tuple[str, int, str], Refinement],
) -> list[RefinementReport]:
    """One entry a step with a layer on demand, and receiver. Messages must say already what their receivers saw."""
    reports = []
    for index, step in enumerate(scenario.workload):
        if not isinstance(step, Transmit) or step.refine is None:
            continue
        of_step = [message for message in messages if message.step == index]
        for receiver in dict.fromkeys(message.destination for message in of_step):
            own = [message for message in of_step if message.destination == receiver]
            asked = [found for m in own if (found := refinements.get((m.session, m.message_id, receiver))) is not None]
            report = _refinement(index, step, own, asked)
            _compare(report, _same_sent_whole(scenario, step.refine, own, messages))
            reports.append(report)
    return reports


def _refinement(
    index: int, step: Transmit, messages: Sequence[MessageReport], asked: Sequence[Refinement]
) -> RefinementReport:
    refusals = [each.refused for each in asked if each.refused]
    receipts = [each.receipt for each in asked if each.receipt is not None]
    return RefinementReport(
        step=index,
        session=messages[0].session,
        receiver=messages[0].destination,
        rule=_rule(step),
        pictures=len(messages),
        asked=len(asked),
        refined=sum(receipt.status in DONE for receipt in receipts),
        refused=len(refusals),
        reason=refusals[0] if refusals else "",
        channel_uses=sum(message.channel_uses for message in messages),
        size_bits=sum(message.size_bits for message in messages),
        refinement_channel_uses=sum(receipt.transit.channel_uses for receipt in receipts),
        refinement_bits=sum(receipt.transit.size_bits for receipt in receipts),
        accuracy_first=_accuracy_first(messages),
        accuracy=accuracy(message for message in messages if message.delivered),
    )


def _rule(step: Transmit) -> str:
    assert step.refine is not None
    when = []
    if step.refine.below_confidence is not None:
        when.append(f"less sure than {step.refine.below_confidence:g}")
    if step.refine.classes:
        when.append(f"class {', '.join(map(str, step.refine.classes))}")
    head = step.refine.head
    what = f"head {head}" if isinstance(head, str) else f"layer {step.refine.layer or 2}, head {head}"
    return f"{what}, when {' or '.join(when)}"


def _accuracy_first(messages: Iterable[MessageReport]) -> float | None:
    """Accuracy of what was decoded first."""
    seen = ((m.first_predicted if m.refined else m.predicted, m.label) for m in messages if m.delivered)
    return mean(float(label == what) for what, label in seen if what is not None and label is not None)


def _same_sent_whole(
    scenario: Scenario, refine: Refine, own: Sequence[MessageReport], messages: Sequence[MessageReport]
) -> list[MessageReport]:
    """The same pictures as a step sent them to the same receiver with nothing on demand: one that names the same head,
    else the first."""
    images = {message.image for message in own}
    found = []
    for index, step in enumerate(scenario.workload):
        if isinstance(step, Transmit) and step.refine is None:
            there = [m for m in messages if m.step == index and m.destination == own[0].destination]
            if {message.image for message in there} == images:
                found.append((not step.heads or step.heads[-1] != refine.head, there))
    return min(found, key=lambda each: each[0])[1] if found else []


def _compare(report: RefinementReport, whole: Sequence[MessageReport]) -> None:
    if not whole:
        return
    report.all_step = whole[0].step
    report.all_channel_uses = sum(message.channel_uses for message in whole)
    report.all_bits = sum(message.size_bits for message in whole)
    report.all_accuracy = accuracy(message for message in whole if message.delivered)
    if report.all_channel_uses:
        report.saved = 1 - (report.channel_uses + report.refinement_channel_uses) / report.all_channel_uses
    elif report.all_bits:
        report.saved = 1 - (report.size_bits + report.refinement_bits) / report.all_bits
