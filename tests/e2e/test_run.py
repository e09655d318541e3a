"""`edge-emulator run`, end to end: what arrives, when, and what the report says of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import Outcome, Yard, raw_nodes

from emulator.report.schema import Report

PACKET_BITS = 8 * 1024
ROUNDED_S = 1.5e-9  # model times are whole nanoseconds


def check_files(outcome: Outcome, receivers: list[str], pictures: Path) -> Report:
    """One JSON document on standard output, a report beside it, every picture at every receiver as it was sent."""
    assert (outcome.status, outcome.stderr) == (0, "")
    report = outcome.report
    assert json.loads(outcome.stdout) == json.loads(report.to_json())
    assert report.complete
    assert report.interrupted is None
    assert report.restarts == {}
    assert (outcome.out / "report.html").read_text().lstrip().lower().startswith("<!doctype html")
    assert (outcome.out / "pictures.png").read_bytes().startswith(b"\x89PNG")
    names = sorted(path.name for path in pictures.iterdir())
    assert sorted((m.destination, m.image) for m in report.messages) == sorted((r, n) for r in receivers for n in names)
    for message in report.messages:
        assert (message.status, message.identical, message.packets_lost) == ("complete", True, 0)
        assert message.picture is not None
        assert message.original is not None
        sent = np.asarray(Image.open(pictures / message.image))
        np.testing.assert_array_equal(np.asarray(Image.open(outcome.out / message.picture)), sent)
        np.testing.assert_array_equal(np.asarray(Image.open(outcome.out / message.original)), sent)
    return report


def test_unicast_keeps_links_apart_and_a_message_takes_its_size_over_the_rate_plus_the_delay(yard: Yard) -> None:
    pictures = yard.pictures(3)
    links = [
        {"name": "fast", "from": "tx", "to": "rx1", "rate_bps": 2e6, "delay_s": 0.02},
        {"name": "slow", "from": "tx", "to": "rx2", "rate_bps": 3e5, "delay_s": 0.001, "header_bits": 64},
    ]
    outcome = yard.run(yard.scenario(nodes=raw_nodes(2), links=links), "--images", pictures)
    report = check_files(outcome, ["rx1", "rx2"], pictures)
    for message in report.messages:
        rate, delay, header = (2e6, 0.02, 0) if message.destination == "rx1" else (3e5, 0.001, 64)
        theory = (message.size_bits + header * message.packets) / rate + delay
        assert message.packets == -(-message.size_bits // PACKET_BITS)
        assert message.transfer_s == pytest.approx(theory, abs=ROUNDED_S)
        assert message.theoretical_transfer_s == pytest.approx(theory, abs=ROUNDED_S)
    for link in report.links:
        assert link.measured_rate_bps == pytest.approx(link.rate_bps, rel=1e-6)
        assert link.measured_delay_s == pytest.approx(link.theoretical_delay_s, abs=ROUNDED_S)


def test_multicast_sends_once_and_a_relay_chain_adds_a_packet_and_the_delays(yard: Yard) -> None:
    """rx1 hears the base station, rx2 stands behind it: server -> bs over wire, bs -> rx1 and rx2 over the air."""
    pictures = yard.pictures(2)
    links = [
        {"name": "wire", "from": "tx", "to": "bs", "rate_bps": 8e6, "delay_s": 0.005},
        {"name": "air", "from": "bs", "to": ["rx1", "rx2"], "rate_bps": 5e5, "delay_s": 0.001},
    ]
    scenario = yard.scenario(
        nodes=raw_nodes(2, bs={"role": "relay"}),
        links=links,
        paths=[{"from": "tx", "to": "rx1", "links": ["wire", "air"]}],
        workload=[{"transmit": {"to": "all", "crop": None, "mode": "multicast"}}],
    )
    report = check_files(yard.run(scenario, "--images", pictures), ["rx1", "rx2"], pictures)
    first = [m for m in report.messages if m.message_id == 0]
    for message in first:  # the slow link begins when the first packet has crossed the fast one, and never idles
        closed_form = PACKET_BITS / 8e6 + message.size_bits / 5e5 + 0.006
        assert message.transfer_s == pytest.approx(closed_form, abs=ROUNDED_S)
        assert message.theoretical_transfer_s == pytest.approx(closed_form, abs=PACKET_BITS / 8e6)
    bits = sum(m.size_bits for m in report.messages if m.destination == "rx1")
    counted = {(link.name, link.destination): link.levels[0].size_bits for link in report.links}
    assert counted == {("wire", "bs"): bits, ("air", "rx1"): bits, ("air", "rx2"): bits}


def test_a_link_changes_between_two_transmissions(yard: Yard) -> None:
    pictures = yard.pictures(1)
    step = {"transmit": {"to": "all", "crop": None}}
    change = {"set_link": {"link": "air", "rate_bps": 250_000, "delay_s": 0.5}}
    scenario = yard.scenario(workload=[step, change, {"wait": {"model_s": 2.5}}, step])
    report = yard.run(scenario, "--images", pictures).report
    before, after = report.messages
    assert before.transfer_s == pytest.approx(before.size_bits / 1e6 + 0.01, abs=ROUNDED_S)
    assert after.transfer_s == pytest.approx(after.size_bits / 2.5e5 + 0.5, abs=ROUNDED_S)
    for message in report.messages:
        assert message.theoretical_transfer_s == pytest.approx(message.transfer_s, abs=ROUNDED_S)
    assert before.received_s is not None
    assert after.sent_s == pytest.approx(before.received_s + 2.5, abs=ROUNDED_S)
    ends = [before.received_s, before.received_s, before.received_s + 2.5, after.received_s]
    assert [step.kind for step in report.steps] == ["transmit", "set_link", "wait", "transmit"]
    assert [step.model_start_s for step in report.steps] == pytest.approx([0.0, *ends[:-1]], abs=ROUNDED_S)
    assert [step.model_end_s for step in report.steps] == pytest.approx(ends, abs=ROUNDED_S)
    assert [link.rate_bps for link in report.links] == [250_000]


def test_a_second_run_in_the_same_folder_sees_nothing_of_the_first(yard: Yard) -> None:
    scenario = yard.scenario()
    yard.run(scenario, "--images", yard.pictures(2, side=64, folder="first"))
    second = yard.pictures(2, side=32, folder="second")
    check_files(yard.run(scenario, "--images", second), ["rx"], second)
