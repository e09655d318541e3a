"""What counters and receipts come to in the report: strategies of multicast, and what refinement saved."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from edge.v1 import packet_pb2
from emulator.layer_findings import compare_strategies, multicast_reports, refinement_reports
from emulator.report.schema import MessageReport
from emulator.sessions import Session
from emulator.topology import loads
from emulator.transmission import Refinement
from emulator.v1 import control_pb2 as pb

ENDS = ("one", "two", "three", "four")
B = 12  # symbols of the paper's first tier
RATES = {"one": 1 / 3, "two": 1 / 2, "three": 2 / 3, "four": 3 / 4}
SIZES = [B, B, 2 * B, 2 * B]  # B, 2B, 4B and 6B in all
HEADS = ("h11", "h21", "h31", "fine")
PICTURES = 5


def session(*ends: str, etas: tuple[float, ...] = ()) -> Session:
    return Session(f"ap->{','.join(ends)}", "ap", ends, None, layered=True, heads=HEADS, etas=etas)


def counters(pictures: int) -> list[pb.LinkCounters]:
    """The paper's example, by receivers of which each takes one layer more than the one before."""
    return taken(pictures, [(place, level, ENDS[level]) for place in range(4) for level in range(place + 1)])


def taken(pictures: int, served: list[tuple[int, int, str]]) -> list[pb.LinkCounters]:
    """served: receiver's place, level that it took, receiver at whose rate that was sent."""
    rows: dict[int, list[pb.LevelCounters]] = {}
    for place, level, weakest in served:
        uses = round(pictures * SIZES[level] / RATES[weakest])
        rows.setdefault(place, []).append(pb.LevelCounters(level=level, channel_uses=uses))
    return [pb.LinkCounters(link="air", destination=ENDS[place], levels=levels) for place, levels in rows.items()]


AIR = pb.Link(name="air", source="ap", destinations=ENDS, code_rates=RATES)


def test_the_papers_example_comes_out_of_counters() -> None:
    (found,) = multicast_reports(3, [session(*ENDS)], PICTURES, [AIR], counters(2), counters(2 + PICTURES))
    assert found.each_tier == pytest.approx(21 * B)
    assert found.best_to_all == pytest.approx(18 * B)
    assert found.layered == found.measured == pytest.approx((3 + 7 + 2 / 3) * B)  # eta = 1: 3 + 7.66
    assert [(tier.receivers, tier.highest_level) for tier in found.tiers] == [([end], i) for i, end in enumerate(ENDS)]
    assert [level.symbols for level in found.levels] == pytest.approx(SIZES)
    assert [level.head for level in found.levels] == list(HEADS)
    assert (found.each_tier_measured, found.best_to_all_measured, found.etas) == (None, None, [])


def test_all_three_strategies_of_the_papers_example_come_out_of_counters() -> None:
    in_layers = multicast_reports(0, [session(*ENDS)], PICTURES, [AIR], [], counters(PICTURES))
    own = [
        multicast_reports(1 + place, [session(end)], PICTURES, [AIR], [], taken(PICTURES, everything([place], end)))
        for place, end in enumerate(ENDS)
    ]
    best = multicast_reports(5, [session(*ENDS)], PICTURES, [AIR], [], taken(PICTURES, everything(range(4), "one")))
    found = [*in_layers, *(each for one in own for each in one), *best]
    compare_strategies(found)
    first = found[0]
    assert first.measured == pytest.approx((3 + 7 + 2 / 3) * B)
    assert (first.each_tier_measured, first.each_tier_steps) == (pytest.approx(21 * B), [1, 2, 3, 4])
    assert (first.best_to_all_measured, first.best_to_all_step) == (pytest.approx(18 * B), 5)
    assert all(other.each_tier_measured is other.best_to_all_measured is None for other in found[1:])


def everything(places: Iterable[int], weakest: str) -> list[tuple[int, int, str]]:
    """Receivers that take all levels of the tier of the last of them, at one receiver's rate."""
    listed = list(places)
    return [(place, level, weakest) for place in listed for level in range(listed[-1] + 1)]


def test_a_strategy_that_was_not_carried_out_whole_is_not_counted() -> None:
    in_layers = multicast_reports(0, [session(*ENDS)], PICTURES, [AIR], [], counters(PICTURES))
    (one,) = multicast_reports(1, [session("one")], PICTURES, [AIR], [], taken(PICTURES, [(0, 0, "one")]))
    short = [  # everybody, but not all sub-blocks; and all sub-blocks of fewer pictures
        multicast_reports(2, [session(*ENDS)], PICTURES, [AIR], [], taken(PICTURES, [(p, 0, "one") for p in range(4)])),
        multicast_reports(3, [session(*ENDS)], 1, [AIR], [], taken(1, everything(range(4), "one"))),
    ]
    found = [*in_layers, one, *(each for rows in short for each in rows)]
    compare_strategies(found)
    assert found[0].each_tier_measured is found[0].best_to_all_measured is None


def test_single_encodings_are_smaller_by_eta() -> None:
    etas = (1.0, 1.25, 1.25, 1.25)
    (found,) = multicast_reports(0, [session(*ENDS, etas=etas)], PICTURES, [AIR], [], counters(PICTURES))
    sizes = [B, B + 0.8 * B, B + 0.8 * 3 * B, B + 0.8 * 5 * B]
    assert found.etas == list(etas)
    assert found.layered == pytest.approx((3 + 7 + 2 / 3) * B)
    assert found.each_tier == pytest.approx(sum(size / RATES[end] for size, end in zip(sizes, ENDS, strict=True)))
    assert found.best_to_all == pytest.approx(3 * sizes[-1])


def test_sessions_that_share_a_link_are_not_told_apart() -> None:
    assert multicast_reports(0, [session("one"), session("two")], 1, [AIR], [], counters(1)) == []


def test_links_that_do_not_lead_to_all_receivers_are_left_out() -> None:
    other = pb.Link(name="air", source="ap", destinations=["one", "two"])
    assert multicast_reports(0, [session(*ENDS)], 1, [other], [], counters(1)) == []


SCENARIO = """\
version: 1
name: small
nodes:
  tx: {role: tx}
  rx: {role: rx, codec: {name: smrc}}
links:
  - {name: air, from: tx, to: rx}
workload:
  - transmit: {heads: [1, 1]}
  - transmit: {refine: {head: 2, below_confidence: 0.9, classes: [3]}}
  - transmit: {heads: [1, 2]}
"""


def message(step: int, number: int, uses: int, predicted: int, **more: object) -> MessageReport:
    fields = {
        "session": "s",
        "source": "tx",
        "destination": "rx",
        "image": f"p{number % 2}",
        "status": "complete",
        "label": 7,
    }
    return MessageReport(step=step, message_id=number, channel_uses=uses, predicted=predicted, **fields, **more)  # type: ignore[arg-type]


def test_what_refinement_saved_is_measured_against_the_step_that_sent_the_same_heads() -> None:
    messages = [
        *(message(0, number, 99, 7) for number in (0, 1)),
        message(1, 2, 20, 7, refined=True, first_predicted=3),
        message(1, 3, 20, 7),
        *(message(2, number, 40, 7) for number in (4, 5)),
    ]
    receipt = packet_pb2.Receipt(
        status=packet_pb2.RECEIPT_STATUS_COMPLETE, transit=packet_pb2.Transit(channel_uses=20, size_bits=0)
    )
    (found,) = refinement_reports(loads(SCENARIO), messages, {("s", 2, "rx"): Refinement(receipt=receipt)})
    assert (found.pictures, found.asked, found.refined, found.refused) == (2, 1, 1, 0)
    assert (found.accuracy_first, found.accuracy, found.all_accuracy) == (0.5, 1, 1)
    assert (found.all_step, found.saved) == (2, pytest.approx(1 - 60 / 80))
    assert found.rule == "layer 2, head 2, when less sure than 0.9 or class 3"


def test_a_head_by_its_name_is_compared_with_the_step_that_sent_it() -> None:
    named = SCENARIO.replace("head: 2", "head: meaning").replace("[1, 2]", "[1, meaning]")
    messages = [
        *(message(0, number, 99, 7) for number in (0, 1)),
        *(message(1, number, 20, 7) for number in (2, 3)),
        *(message(2, number, 40, 7) for number in (4, 5)),
    ]
    (found,) = refinement_reports(loads(named), messages, {})
    assert (found.all_step, found.rule) == (2, "head meaning, when less sure than 0.9 or class 3")


def test_a_refusal_is_counted_with_its_reason() -> None:
    messages = [message(1, 2, 20, 3), message(1, 3, 20, 7)]
    asked = {("s", 2, "rx"): Refinement(refused="it is gone")}
    (found,) = refinement_reports(loads(SCENARIO), messages, asked)
    assert (found.asked, found.refined, found.refused, found.reason) == (1, 0, 1, "it is gone")
    assert found.all_step is None
    assert found.saved is None
