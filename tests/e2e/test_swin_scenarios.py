"""Multi-user Swin between real processes: one multicast, decoders chosen by capacity, one improved under traffic.

With small random networks, made here: what crosses, and who decodes with what, not how well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from processes import Outcome, Yard, wait_until

from edge.codecs import swin_files, weights
from edge.codecs.swin_cost import decoder_cost
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from emulator.report.schema import Report
from emulator.report.terminal import summary

SHAPE = SwinShape(shrink=16, numbers=96, width=8, growth=4, head=4, window=2, widening=1)
SIDE = 32
COSTS = {name: decoder_cost(SHAPE, blocks, SIDE, SIDE) for name, blocks in VARIANTS.items()}
ENDS = {"strong": "high", "weak": "low", "weakest": "lowest"}
SNRS = {"strong": 7, "weak": 3, "weakest": 1}
LATENCY_S = 0.1
PATIENCE_S = 300.0
MANY = 16  # pictures of the last step


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    halves = [SwinTransmitter(SHAPE), *(SwinReceiver(SHAPE, one) for one in VARIANTS)]
    tensors = {name: tensor for half in halves for name, tensor in half.state_dict().items()}
    metadata = {"architecture": "swin", "shape": json.dumps(asdict(SHAPE)), PAIRING: pairing(tensors)}
    metadata |= {"decoders": json.dumps(list(VARIANTS)), "snrs_db": "[1, 3, 5, 7]"}
    weights.write(folder / "whole" / "small.safetensors", tensors, metadata)
    return swin_files.split(folder / "whole" / "small.safetensors", folder)[0]


def capacity(decoder: str) -> dict[str, object]:
    """Just enough for this decoder."""
    return {"flops_per_s": COSTS[decoder].flops / LATENCY_S, "memory_bytes": 10**9}


def downlink(yard: Yard, file: Path, *steps: dict[str, object], **capacities: dict[str, object]) -> Path:
    held = {end: capacity(decoder) for end, decoder in ENDS.items()} | capacities
    receivers: dict[str, Any] = {
        end: {
            "role": "rx",
            "codec": {"name": "swin", "weights": str(file), "decoder": "lowest", "snr_db": SNRS[end]},
            "capacity": held[end],
        }
        for end in ENDS
    }
    noise = {end: {"awgn": snr} for end, snr in SNRS.items()}
    return yard.scenario(
        nodes={"bs": {"role": "tx"}, **receivers},
        links=[
            {
                "name": "air",
                "from": "bs",
                "to": list(ENDS),
                "symbol_rate_hz": 10_000,
                "bearers": {"symbols": {"per_receiver": noise}},
            }
        ],
        workload=[{kind: {"mode": "multicast", **step} for kind, step in one.items()} for one in steps],
    )


SEND: dict[str, object] = {"transmit": {"crop": None, "images": 3}}
EQUIP: dict[str, object] = {"equip": {"latency_s": LATENCY_S, "side": SIDE}}
DISTILL = {"images": 4, "cut": None, "crop": SIDE, "batch": 2, "steps": 15, "serve": 12}
TRAIN = {"learning_rate": 1e-2, "alpha": 0.1}


def finished(outcome: Outcome) -> Report:
    assert outcome.status == 0, outcome.stderr
    assert outcome.report.complete
    return outcome.report


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[Report]:
    """Sent to all with the weakest decoder, each given what it can run, one of them improved, sent again; while
    that goes on, the strong receiver is killed."""
    yard = Yard(tmp_path_factory.mktemp("whole"))
    distill: dict[str, object] = {"distill": {"receivers": "weak", **DISTILL, **TRAIN}}
    try:
        scenario = downlink(yard, file, SEND, EQUIP, SEND, distill, {"transmit": {"crop": None, "images": MANY}})
        process, out = yard.begin_run(scenario, "--images", flags(yard.folder / "flags", MANY + 4))
        wait_until(lambda: len(list(out.glob("state-*/strong/*.delivery"))) > 18 + MANY // 4, "the last", PATIENCE_S)
        yard.kill_child("edge.node", "strong")
        process.wait(PATIENCE_S)
        yield finished(yard.end_run(process, out))
        yard.stop()
    finally:
        yard.kill()


@pytest.fixture(scope="module")
def page(whole: Report, tmp_path_factory: pytest.TempPathFactory) -> str:
    (found,) = (tmp_path_factory.getbasetemp()).glob("whole0/out/report.html")
    return found.read_text(encoding="utf-8")


def flags(folder: Path, count: int) -> Path:
    """Pictures of two colours, which a network learns at once."""
    folder.mkdir()
    rng = np.random.default_rng(4)
    for number in range(count):
        pixels = np.repeat(rng.integers(0, 256, (2, 1, 3), np.uint8), SIDE // 2, axis=0)
        Image.fromarray(np.repeat(pixels, SIDE, axis=1)).save(folder / f"{number}.png")
    return folder


def test_one_pass_of_the_encoder_serves_all_receivers(whole: Report) -> None:
    nodes = {node.name: node for node in whole.nodes}
    assert nodes["bs"].pictures_encoded == 3 + 3 + 12 + MANY
    assert [nodes[end].messages_decoded for end in ("weak", "weakest")] == [3 + 3 + 12 + MANY] * 2
    assert {m.status for m in whole.messages} == {"complete"}
    assert len({m.session for m in whole.messages}) == 1
    assert [nodes[end].process for end in ENDS] == list(ENDS)


def test_each_receiver_gets_the_strongest_decoder_that_it_can_run(whole: Report) -> None:
    assert {row.receiver: row.decoder for row in whole.choices} == ENDS
    for row in whole.choices:
        assert (row.step, row.source, row.before, row.measured) == (1, "bs", "lowest", False)
        assert (row.uploaded_bytes > row.chosen.memory_bytes) is (row.receiver != "weakest")
        assert row.chosen.latency_s == pytest.approx(row.limit_s)
        too_much = [offer.decoder for offer in row.offers if not offer.fits]
        assert too_much == list(VARIANTS)[: list(VARIANTS).index(row.decoder)]
        assert row.decode_wall_s is not None
    made = {step: {m.destination: m.decoder for m in whole.messages if m.step == step} for step in (0, 2)}
    assert made == {0: dict.fromkeys(ENDS, "lowest"), 2: ENDS}


def test_a_decoder_is_improved_under_traffic_and_no_picture_is_lost(whole: Report) -> None:
    (row,) = whole.adaptations
    own = row.distillation
    assert own is not None
    assert (row.method, row.source, row.receiver, row.verdict) == ("distill", "bs", "weak", "adopted")
    assert (own.decoder, own.teacher, own.snr_db, own.epoch) == ("low", "high", SNRS["weak"], 1)
    assert row.validation_before is not None
    assert row.validation_after is not None
    assert row.validation_after > row.validation_before
    assert own.uploaded_bytes > COSTS["low"].memory_bytes
    assert own.served_old + own.served_new == row.served == 12
    assert own.served_old >= 6  # those sent while it trained
    assert own.served_lost == 0
    epochs = {m.destination: (m.decoder, m.epoch) for m in whole.messages if m.step == 4}
    assert epochs == {"strong": ("high", 1), "weak": ("low", 2), "weakest": ("lowest", 0)}
    before, after = ([m.mse for m in whole.messages if (m.step, m.destination) == (step, "weak")] for step in (2, 4))
    assert before != after


def test_the_choice_is_on_the_page_and_in_the_terminal(whole: Report, page: str) -> None:
    words = summary(whole)
    assert "step 1, strong: decoder high, 100 ms of 100 ms a picture at " in words
    assert "weakest: decoder lowest, 100 ms of 100 ms a picture" in words
    assert "had it already" in words
    assert "by the new, 0 lost" in words
    assert "<h2>Decoders</h2>" in page
    assert "Distillation for weak, at bs in step 3" in page


def test_a_receiver_that_dies_comes_back_with_the_decoder_that_it_was_given(whole: Report) -> None:
    assert whole.restarts == {"strong": 1}
    made = [m.decoder for m in whole.messages if (m.step, m.destination) == (4, "strong")]
    assert len(made) == MANY
    assert made[0] == made[-1] == "high"
