"""SMRC between real processes: the shipped scenarios, with few pictures. What crosses and who holds what, not how well.

One launch of each serves several tests; in the second, processes are killed on the way.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import Outcome, Yard, raw_nodes, wait_until

from emulator.report.schema import MessageReport, RefinementReport, Report
from emulator.topology import load
from emulator.topology.workload import Refine, Transmit

PATIENCE_S = 300.0
ENDS = ["far", "middle", "near"]
FEW, SOME = 3, 40


def run(yard: Yard, scenario: object, *arguments: object) -> Outcome:
    process, out = yard.begin_run(scenario, *arguments)
    process.wait(PATIENCE_S)
    return yard.end_run(process, out)


def finished(outcome: Outcome) -> Report:
    assert outcome.status == 0, outcome.stderr
    assert outcome.report.complete
    return outcome.report


# --- a multicast in layers --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def multicast(tmp_path_factory: pytest.TempPathFactory) -> Report:
    yard = Yard(tmp_path_factory.mktemp("multicast"))
    try:
        return finished(run(yard, "smrc-multicast", "--limit", FEW))
    finally:
        yard.kill()


def test_each_tier_gets_its_layers_at_the_rate_of_the_weakest_that_takes_them(multicast: Report) -> None:
    assert {m.status for m in multicast.messages} == {"complete"}
    first = [m for m in multicast.messages if m.step == 0]
    assert {m.destination: m.level for m in first} == {"far": 0, "middle": 1, "near": 1}
    assert {m.destination: m.channel_uses for m in first} == {"far": 60, "middle": 100, "near": 100}
    in_layers = multicast.multicasts[0]
    assert [(use.level, use.head, use.receivers, use.channel_uses) for use in in_layers.levels] == [
        (0, "h11", ENDS, 20 * 3),
        (1, "h21", ENDS[1:], 20 * 2),
    ]
    taken = {link.destination: {each.level: each.channel_uses for each in link.levels} for link in multicast.links}
    both = {0: FEW * (60 + 40 + 60), 1: FEW * (40 + 40 + 60)}  # in layers, to its tier, everything to all
    assert taken == {"far": {0: FEW * (60 + 60 + 60), 1: FEW * 60}, "middle": both, "near": both}


def test_all_three_strategies_are_counted_on_the_wire(multicast: Report) -> None:
    in_layers = multicast.multicasts[0]
    assert in_layers.measured == in_layers.layered == 20 * 3 + 20 * 2
    assert (in_layers.each_tier_measured, in_layers.each_tier_steps) == (20 * 3 + 40 * 2, [1, 2])
    assert (in_layers.best_to_all_measured, in_layers.best_to_all_step) == (40 * 3, 3)
    whole = [m for m in multicast.messages if m.step == 3]
    assert {m.destination: m.channel_uses for m in whole} == dict.fromkeys(ENDS, 120)
    assert {m.destination: m.level for m in whole} == {"far": 0, "middle": 1, "near": 1}  # far decodes what it can


def test_a_receiver_of_the_first_tier_holds_no_second_decoder(multicast: Report) -> None:
    nodes = {node.name: node for node in multicast.nodes}
    assert [nodes[end].process for end in ENDS] == ENDS  # each in a process of its own
    assert nodes["far"].parts == ["decoder h11", "extractor h11"]
    assert nodes["middle"].parts == nodes["near"].parts
    assert nodes["near"].parts == ["decoder h11", "decoder h21", "extractor h11", "extractor h21"]
    assert nodes["ap"].parts == ["head h11", "head h21"]


def test_pictures_are_encoded_once_whatever_the_number_of_receivers(multicast: Report) -> None:
    nodes = {node.name: node for node in multicast.nodes}
    assert nodes["ap"].pictures_encoded == 4 * FEW  # once a step
    assert [nodes[end].messages_decoded for end in ENDS] == [3 * FEW] * 3


# --- refinement on demand ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cctv(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The server is killed in the first step, the emulator in the third: those with a layer on demand."""
    yard = Yard(tmp_path_factory.mktemp("cctv"))
    try:
        process, out = yard.begin_run("smrc-cctv", "--limit", SOME)
        state = wait_until(lambda: next(out.glob("state-*/server"), None), "the server has a folder", PATIENCE_S)
        _deliveries(state, 5)
        yard.kill_child("edge.node", "server")
        _deliveries(state, 2 * SOME + 5)
        yard.kill_child("emulator", "serve")
        process.wait(PATIENCE_S)
        return finished(yard.end_run(process, out))
    finally:
        yard.kill()


def _deliveries(state: Path, count: int) -> None:
    """Waits until a receiver has kept so many."""
    wait_until(lambda: len(list(state.glob("*.delivery"))) >= count, f"{count} messages were delivered", PATIENCE_S)


def _rule(step: int) -> Refine:
    transmit = load("smrc-cctv").workload[step]
    assert isinstance(transmit, Transmit)
    assert transmit.refine is not None
    return transmit.refine


def _asks(rule: Refine, message: MessageReport) -> bool:
    """Whether a receiver should ask for more, having seen this at first."""
    seen = message.first_predicted if message.refined else message.predicted
    confidence = message.first_confidence if message.refined else message.confidence
    assert confidence is not None
    unsure = rule.below_confidence is not None and confidence < rule.below_confidence
    return unsure or seen in (rule.classes or [])


@pytest.mark.parametrize(("step", "head", "level"), [(0, "semantics", 2), (2, "resolution", 1)])
def test_what_the_rule_wants_and_nothing_else_is_refined_once_though_processes_died(
    cctv: Report, step: int, head: str, level: int
) -> None:
    assert cctv.restarts == {"server": 1, "emulator": 1}
    messages = [m for m in cctv.messages if m.step == step]
    assert len(messages) == SOME
    assert {m.status for m in messages} == {"complete"}
    assert [m.refined for m in messages] == [_asks(_rule(step), m) for m in messages]
    asked = sum(m.refined for m in messages)
    assert 0 < asked < SOME
    assert {m.level for m in messages if m.refined} == {level}
    assert {m.level for m in messages if not m.refined} == {0}
    (row,) = [row for row in cctv.refinements if row.step == step]
    assert row.rule.startswith(f"head {head}, when ")
    assert (row.pictures, row.asked, row.refined, row.refused) == (SOME, asked, asked, 0)


@pytest.mark.parametrize("place", [0, 1])
def test_what_asking_saved_is_counted_against_the_step_that_sent_the_same_head_always(cctv: Report, place: int) -> None:
    row: RefinementReport = cctv.refinements[place]
    assert (row.channel_uses, row.refinement_channel_uses) == (SOME * 20, row.asked * 20)
    assert (row.all_step, row.all_channel_uses) == (row.step + 1, SOME * 40)
    assert row.saved == pytest.approx(1 - (SOME + row.asked) / (2 * SOME))
    assert row.accuracy is not None
    assert row.all_accuracy is not None


def test_refinements_come_from_the_shelf_not_from_the_encoder(cctv: Report) -> None:
    nodes = {node.name: node for node in cctv.nodes}
    assert nodes["camera"].pictures_encoded == 4 * SOME
    assert nodes["camera"].parts == ["head h11", "head resolution", "head semantics"]


# --- what needs no networks -------------------------------------------------------------------------------------------


def test_a_process_of_several_receivers_that_dies_comes_back_with_all_of_them(yard: Yard) -> None:
    ends = ["rx1", "rx2", "rx3"]
    scenario = yard.scenario(
        clock="real",  # five seconds, so that the process dies in the middle
        processes={"receivers": 3},
        nodes=raw_nodes(3),
        links=[{"name": "air", "from": "tx", "to": ends, "rate_bps": 200_000}],
        workload=[{"transmit": {"crop": None, "mode": "multicast"}}],
    )
    process, out = yard.begin_run(scenario, "--images", yard.pictures(SOME, 32))
    state = wait_until(lambda: next(out.glob("state-*/rx3"), None), "rx3 has a folder", PATIENCE_S)
    _deliveries(state, 3)
    yard.kill_child("edge.node", "rx3")
    process.wait(PATIENCE_S)
    report = finished(yard.end_run(process, out))
    assert report.restarts == dict.fromkeys(ends, 1)
    assert {node.process for node in report.nodes if node.role == "rx"} == {"rx1"}
    assert len(report.messages) == 3 * SOME
    assert {m.status for m in report.messages} == {"complete"}


def test_a_head_that_is_not_there_ends_the_run_with_a_sentence(yard: Yard) -> None:
    rule = {"head": "meaning", "below_confidence": 1}
    scenario = yard.scenario(workload=[{"transmit": {"crop": None, "refine": rule}}])
    outcome = run(yard, scenario, "--images", yard.pictures(1, 12))
    assert outcome.status == 2
    assert "head meaning: the codec of this session has no layers; use one that has" in outcome.stderr
