"""Processes that die in the middle: what goes on, what ends, and that every message is delivered once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from processes import Daemon, Outcome, Process, Yard, one_sentence, raw_nodes, wait_until

SLOW = {"name": "air", "from": "tx", "to": "rx", "rate_bps": 200_000, "delay_s": 0.01}  # half a second a picture
PICTURES = 6


def delivered(out: Path, receiver: str) -> int:
    """Messages that a receiver has written down so far."""
    return len(list(out.glob(f"state-*/{receiver}/*.delivery")))


def wait_for_the_middle(out: Path, receiver: str) -> None:
    """Until a receiver has some messages (so that the controller knows of one at least) and not all."""
    wait_until(lambda: delivered(out, receiver) >= PICTURES // 2, f"{receiver} has half of the messages")
    assert delivered(out, receiver) < PICTURES, "too fast for a test that kills in the middle"


def check_delivered_once(outcome: Outcome, receivers: list[str], total: int = PICTURES) -> None:
    """A complete run: each message once at each receiver, every picture as it was sent."""
    assert outcome.status == 0, outcome.stderr
    report = outcome.report
    assert report.complete
    assert Counter((m.message_id, m.destination) for m in report.messages) == Counter(
        {(number, name): 1 for number in range(total) for name in receivers}
    )
    for message in report.messages:
        assert (message.status, message.identical, message.packets_lost) == ("complete", True, 0), message


@pytest.mark.parametrize(
    ("victim", "queue_bytes"),
    [
        (("emulator serve",), 16_384),  # some pictures are not even accepted when it dies
        (("edge.node", "--name rx"), 262_144),  # everything is under way when it dies
    ],
    ids=["emulator", "receiver"],
)
def test_a_run_goes_on_when_a_process_is_killed(yard: Yard, victim: tuple[str, ...], queue_bytes: int) -> None:
    scenario = yard.scenario(clock="real", links=[{**SLOW, "queue_bytes": queue_bytes}])
    process, out = yard.begin_run(scenario, "--images", yard.pictures(PICTURES))
    wait_for_the_middle(out, "rx")
    yard.kill_child(*victim)
    outcome = yard.end_run(process, out)
    check_delivered_once(outcome, ["rx"])
    name = "rx" if "--name rx" in victim else "emulator"
    assert outcome.report.restarts == {name: 1}
    assert {node.name: node.restarts for node in outcome.report.nodes} == {"tx": 0, "rx": int(name == "rx")}


def test_a_multicast_goes_on_when_one_of_its_receivers_is_killed(yard: Yard) -> None:
    """The receiver that lives gets what was under way a second time, and must keep only one."""
    scenario = yard.scenario(
        clock="real",
        nodes=raw_nodes(2),
        links=[{**SLOW, "to": ["rx1", "rx2"]}],
        workload=[{"transmit": {"to": "all", "crop": None, "mode": "multicast"}}],
    )
    process, out = yard.begin_run(scenario, "--images", yard.pictures(PICTURES))
    wait_for_the_middle(out, "rx2")
    yard.kill_child("edge.node", "--name rx2")
    outcome = yard.end_run(process, out)
    check_delivered_once(outcome, ["rx1", "rx2"])
    assert outcome.report.restarts == {"rx2": 1}


def check_broken_off(outcome: Outcome) -> str:
    """A run that ended early: one sentence that names the partial report, which says so too. Gives the sentence."""
    assert (outcome.status, outcome.stdout) == (2, "")
    *restarts, sentence = outcome.stderr.splitlines()
    report = outcome.report
    assert all("starting it again" in line for line in restarts)
    assert len(restarts) == sum(report.restarts.values())
    assert not report.complete
    assert report.interrupted
    assert report.interrupted in sentence
    assert f"a partial report is at {outcome.out / 'report.json'}" in sentence
    assert (outcome.out / "report.html").exists()
    statuses = Counter(m.status for m in report.messages)
    assert statuses["complete"] >= 1
    assert statuses["pending"] >= 1
    assert statuses.keys() == {"complete", "pending"}
    return sentence


def test_a_run_ends_with_a_sentence_when_its_sender_is_killed(yard: Yard) -> None:
    process, out = yard.begin_run(yard.scenario(clock="real", links=[SLOW]), "--images", yard.pictures(PICTURES))
    wait_for_the_middle(out, "rx")
    yard.kill_child("edge.node", "--name tx")
    assert "tx: the sender died" in check_broken_off(yard.end_run(process, out))


def test_a_run_ends_with_a_sentence_when_a_process_dies_too_often(yard: Yard) -> None:
    scenario = yard.scenario(clock="real", links=[{**SLOW, "rate_bps": 100_000}], processes={"restart": 1})
    process, out = yard.begin_run(scenario, "--images", yard.pictures(PICTURES))
    wait_for_the_middle(out, "rx")
    first = yard.kill_child("emulator serve")
    wait_until(lambda: yard.child("emulator serve") not in (None, first), "the emulator is started again")
    yard.kill_child("emulator serve")
    outcome = yard.end_run(process, out)
    assert "emulator: " in check_broken_off(outcome)
    assert outcome.report.restarts == {"emulator": 1}


def test_ctrl_c_in_the_middle_takes_everything_down_and_leaves_a_partial_report(yard: Yard) -> None:
    process, out = yard.begin_run(
        yard.scenario(clock="real", links=[{**SLOW, "rate_bps": 20_000}]), "--images", yard.pictures(PICTURES, side=16)
    )
    wait_for_the_middle(out, "rx")
    os.kill(process.pid, signal.SIGINT)
    began = time.monotonic()
    assert "interrupted by the user" in check_broken_off(yard.end_run(process, out))
    assert time.monotonic() - began < 60


def test_daemons_do_not_outlive_a_controller_that_is_killed(yard: Yard) -> None:
    process, out = yard.begin_run(yard.scenario(clock="real", links=[SLOW]), "--images", yard.pictures(PICTURES))
    wait_for_the_middle(out, "rx")
    process.kill()
    wait_until(lambda: not yard.alive(), "the daemons are gone")


# -- three terminals -------------------------------------------------------------------------------------------------


class Terminals:
    """The emulator, a receiver and a sender, each started by hand."""

    def __init__(self, yard: Yard, pictures: Path) -> None:
        self.yard = yard
        self.pictures = pictures
        self.topology = yard.scenario(clock="real", links=[SLOW])
        self.emulator = self.serve("127.0.0.1:0")
        self.receiver = self.receive()
        self.sender: Process = yard.start(
            *("edge.node", "--role", "tx", "--name", "tx", "--emulator", self.emulator.address, "--codec", "raw"),
            *("--to", "rx", "--send", pictures, "--first-message-id", 0, "--json"),
        )

    def serve(self, address: str) -> Daemon:
        return self.yard.daemon("emulator", "serve", "--topology", self.topology, "--listen", address)

    def receive(self) -> Daemon:
        return self.yard.daemon(
            *("edge.node", "--role", "rx", "--name", "rx", "--emulator", self.emulator.address, "--codec", "raw"),
            *("--state", self.yard.folder / "kept", "--save", self.saved),
        )

    @property
    def saved(self) -> Path:
        return self.yard.folder / "saved"

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What the sender has printed so far of `sent` or `receipt`."""
        return [event for line in self.sender.said() if (event := json.loads(line))["event"] == kind]

    def check(self) -> None:
        """The sender is content, each message was answered once, and every picture is there as it was sent."""
        assert self.sender.wait() == 0, self.sender.stderr.read_text()
        assert sorted(event["message_id"] for event in self.events("sent")) == list(range(PICTURES))
        assert sorted(event["message_id"] for event in self.events("receipt")) == list(range(PICTURES))
        assert {event["status"] for event in self.events("receipt")} == {"complete"}
        for number in range(PICTURES):
            received = np.asarray(Image.open(self.saved / f"tx-{number}.png"))
            np.testing.assert_array_equal(received, np.asarray(Image.open(self.pictures / f"{number}.png")))


@pytest.mark.parametrize("victim", ["emulator", "receiver"])
def test_three_terminals_go_on_when_one_is_killed_and_started_again(yard: Yard, victim: str) -> None:
    terminals = Terminals(yard, yard.pictures(PICTURES))
    wait_until(lambda: terminals.events("receipt"), "the first receipt comes")
    assert len(terminals.events("receipt")) < PICTURES
    if victim == "emulator":
        terminals.emulator.kill()
        terminals.emulator = terminals.serve(terminals.emulator.address)
    else:
        terminals.receiver.kill()
        terminals.receiver = terminals.receive()
    terminals.check()


def test_an_emulator_that_is_stopped_delivers_what_it_has_accepted(yard: Yard) -> None:
    terminals = Terminals(yard, yard.pictures(PICTURES))
    wait_until(lambda: len(terminals.events("sent")) == PICTURES, "everything is under way")
    wait_until(lambda: terminals.events("receipt"), "the first receipt comes")
    assert len(terminals.events("receipt")) < PICTURES
    terminals.emulator.popen.terminate()
    assert terminals.emulator.wait() == 0
    assert terminals.emulator.stderr.read_text() == ""
    wait_until(lambda: len(list(terminals.saved.glob("*.png"))) == PICTURES, "the last picture is decoded")
    terminals.serve(terminals.emulator.address)  # for receipts that were too late
    terminals.check()


def test_ctrl_c_ends_a_receiver_and_a_waiting_sender_in_order(yard: Yard) -> None:
    terminals = Terminals(yard, yard.pictures(PICTURES))
    wait_until(lambda: terminals.events("receipt"), "the first receipt comes")
    terminals.sender.popen.send_signal(signal.SIGINT)
    assert terminals.sender.wait() == 1
    assert "interrupted" in one_sentence(terminals.sender.stderr.read_text())
    terminals.receiver.popen.send_signal(signal.SIGINT)
    assert terminals.receiver.wait() == 0
    terminals.emulator.popen.send_signal(signal.SIGINT)
    assert terminals.emulator.wait() == 0
