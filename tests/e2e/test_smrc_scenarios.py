"""SMRC between real processes: layers to receivers of several tiers, and refinement on demand.

With a small random network, made here: what crosses, and who holds what, not how well.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import Outcome, Yard, wait_until

from edge.codecs import weights
from edge.codecs.smrc import HEADS
from edge.codecs.smrc_network import HeadShape, SmrcReceiver, SmrcShape, SmrcTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from emulator.report.schema import Report

EACH = tuple((one,) for one in range(10))
SHAPE = SmrcShape(12, 1, 4, 10, (HeadShape(1, 12, EACH), HeadShape(2, 6, EACH), HeadShape(2, 9, EACH)))
PICTURES = 3
PATIENCE_S = 300.0
ENDS = ["low", "mid", "top"]
RATES = {"low": "1/3", "mid": 0.5, "top": 0.75}
SNRS = {"low": {"awgn": 0}, "mid": {"awgn": 10}, "top": {"rayleigh": {"snr_db": 20, "coherence": "packet"}}}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    tensors = SmrcTransmitter(SHAPE).state_dict() | SmrcReceiver(SHAPE).state_dict()
    sizes = asdict(SHAPE)
    heads = sizes.pop("heads")
    metadata = {"architecture": "smrc", "shape": json.dumps(sizes), HEADS: json.dumps(heads)}
    weights.write(path, tensors, metadata | {PAIRING: pairing(tensors)})
    return path


def receiver(file: Path, **options: object) -> dict[str, Any]:
    return {"role": "rx", "codec": {"name": "smrc", "weights": str(file), **options}}


def multicast(yard: Yard, file: Path, shared: int = 1, **step: object) -> Path:
    return yard.scenario(
        processes={"receivers": shared},
        nodes={
            "ap": {"role": "tx"},
            "low": receiver(file, layers=1),
            "mid": receiver(file, layers=1),
            "top": receiver(file),
        },
        links=[
            {
                "name": "air",
                "from": "ap",
                "to": ENDS,
                "symbol_rate_hz": 10_000,
                "code_rates": RATES,
                "bearers": {"symbols": {"per_receiver": SNRS}},
            }
        ],
        workload=[{"transmit": {"crop": None, "mode": "multicast", **step}}],
    )


def one_camera(yard: Yard, file: Path, *steps: dict[str, object], **link: object) -> Path:
    return yard.scenario(
        nodes={"camera": {"role": "tx"}, "server": receiver(file)},
        links=[
            {
                "name": "air",
                "from": "camera",
                "to": "server",
                "symbol_rate_hz": 1000,
                "bearers": {"symbols": {"awgn": 5}},
                **link,
            }
        ],
        workload=[{"transmit": {"crop": None, **step}} for step in steps],
    )


def run(yard: Yard, scenario: Path, folder: Path, out: str = "out") -> Outcome:
    process, where = yard.begin_run(scenario, "--images", folder, out=out)
    process.wait(PATIENCE_S)
    return yard.end_run(process, where)


def finished(outcome: Outcome) -> Report:
    assert outcome.status == 0, outcome.stderr
    assert outcome.report.complete
    return outcome.report


@pytest.mark.parametrize("shared", [1, 2])
def test_each_tier_gets_its_layers_at_the_rate_of_the_weakest_that_takes_them(
    yard: Yard, file: Path, shared: int
) -> None:
    report = finished(run(yard, multicast(yard, file, shared), yard.pictures(PICTURES, 12)))
    assert {m.status for m in report.messages} == {"complete"}
    assert {m.destination: m.level for m in report.messages} == {"low": 0, "mid": 0, "top": 1}
    # 12 / (1/3) for all; (6 + 9) / (3/4) for top alone
    assert {m.destination: m.channel_uses for m in report.messages} == {"low": 36, "mid": 36, "top": 56}
    (found,) = report.multicasts
    assert [(use.level, use.receivers, use.channel_uses) for use in found.levels] == [
        (0, ENDS, 36),
        (1, ["top"], 8),
        (2, ["top"], 12),
    ]
    assert found.measured == found.layered == 56
    assert found.each_tier == pytest.approx(12 * 3 + 27 / 0.75)
    assert found.best_to_all == pytest.approx(27 * 3)
    nodes = {node.name: node for node in report.nodes}
    assert [nodes[end].process for end in ENDS] == (ENDS if shared == 1 else ["low", "low", "top"])
    assert nodes["ap"].pictures_encoded == PICTURES  # once, whatever the number of receivers
    assert [nodes[end].messages_decoded for end in ENDS] == [PICTURES] * 3


def test_a_receiver_asks_for_what_it_is_unsure_of_and_holds_both_decodings(yard: Yard, file: Path) -> None:
    always = {"layer": 2, "head": 2, "below_confidence": 1}
    scenario = one_camera(yard, file, {"refine": always}, {"heads": [1, 2]})
    report = finished(run(yard, scenario, yard.pictures(PICTURES, 12)))
    (found,) = report.refinements
    assert (found.pictures, found.asked, found.refined, found.refused) == (PICTURES, PICTURES, PICTURES, 0)
    assert found.channel_uses == PICTURES * 12
    assert found.refinement_channel_uses == PICTURES * 9
    assert (found.all_step, found.all_channel_uses, found.saved) == (1, PICTURES * 21, 0)
    refined = [m for m in report.messages if m.step == 0]
    assert all(m.refined and m.level == 2 and m.first_psnr_db is not None for m in refined)
    assert all(m.first_predicted is not None and m.first_confidence is not None for m in refined)
    assert report.links[0].busy_s == pytest.approx(2 * PICTURES * 21 / 1000)
    nodes = {node.name: node for node in report.nodes}
    assert nodes["camera"].pictures_encoded == 2 * PICTURES  # refinements come from the shelf
    assert nodes["server"].messages_decoded == 3 * PICTURES


def test_of_several_receivers_the_one_that_asks_gets_it_alone_and_at_its_own_rate(yard: Yard, file: Path) -> None:
    always = {"layer": 2, "head": 1, "below_confidence": 1}
    report = finished(run(yard, multicast(yard, file, refine=always), yard.pictures(PICTURES, 12)))
    asked = {row.receiver: (row.asked, row.refinement_channel_uses) for row in report.refinements}
    assert asked == {
        "low": (0, 0),
        "mid": (0, 0),
        "top": (PICTURES, PICTURES * 8),
    }  # 6 / (3/4); others hold layer 1 only
    uses = {link.destination: {each.level: each.channel_uses for each in link.levels} for link in report.links}
    assert uses == {"low": {0: 108}, "mid": {0: 108}, "top": {0: 108, 1: 24}}


def test_a_class_of_interest_is_asked_for_and_others_are_not(yard: Yard, file: Path) -> None:
    folder = yard.pictures(PICTURES, 12)
    seen = finished(run(yard, one_camera(yard, file, {"heads": [1]}), folder)).messages[0].predicted
    assert seen is not None
    wanted = finished(run(yard, one_camera(yard, file, {"refine": {"classes": [seen]}}), folder, "wanted"))
    other = finished(run(yard, one_camera(yard, file, {"refine": {"classes": [99]}}), folder, "other"))
    assert wanted.refinements[0].asked > 0
    assert (other.refinements[0].asked, other.refinements[0].refinement_channel_uses) == (0, 0)
    assert not any(m.refined for m in other.messages)


def test_a_head_that_does_not_exist_ends_the_run_naming_those_that_do(yard: Yard, file: Path) -> None:
    scenario = one_camera(yard, file, {"refine": {"layer": 2, "head": 3, "below_confidence": 1}})
    outcome = run(yard, scenario, yard.pictures(1, 12))
    assert outcome.status == 2
    assert "head 3 of layer 2: there is none (layer 1 has 1, layer 2 has 2)" in outcome.stderr


def test_a_process_of_several_receivers_that_dies_comes_back_with_all_of_them(yard: Yard, file: Path) -> None:
    folder = yard.pictures(40, 12)
    process, out = yard.begin_run(multicast(yard, file, shared=3), "--images", folder)
    state = wait_until(lambda: next(out.glob("state-*/top"), None), "top has a folder")
    wait_until(lambda: len(list(state.glob("*.delivery"))) >= 3, "pictures were delivered")
    yard.kill_child("edge.node", "top")
    process.wait(PATIENCE_S)
    report = finished(yard.end_run(process, out))
    assert report.restarts == dict.fromkeys(ENDS, 1)
    assert len(report.messages) == 120
    assert {m.status for m in report.messages} == {"complete"}


@pytest.mark.parametrize(("who", "times"), [("server", 1), ("emulator", 1)])
def test_killed_in_between_each_refinement_comes_once(yard: Yard, file: Path, who: str, times: int) -> None:
    always = {"layer": 2, "head": 1, "below_confidence": 1}
    scenario = one_camera(yard, file, {"refine": always})
    folder = yard.pictures(40, 12)
    quiet = finished(run(yard, scenario, folder, "quiet"))
    process, out = yard.begin_run(scenario, "--images", folder, out="killed")
    state = wait_until(lambda: next(out.glob("state-*/server"), None), "the server has a folder")
    wait_until(lambda: len(list(state.glob("*.delivery"))) >= 5, "pictures were delivered")
    words = ("edge.node", "server") if who == "server" else ("emulator", "serve")
    for _ in range(times):
        yard.kill_child(*words)
    process.wait(PATIENCE_S)
    killed = finished(yard.end_run(process, out))
    assert killed.restarts
    assert len(killed.messages) == len(quiet.messages) == 40
    seen = {m.message_id: (m.predicted, m.confidence, m.first_predicted, m.psnr_db) for m in quiet.messages}
    assert {m.message_id: (m.predicted, m.confidence, m.first_predicted, m.psnr_db) for m in killed.messages} == seen
    assert (killed.refinements[0].asked, killed.refinements[0].refined) == (40, 40)
