"""The scenarios in which strangers align, between real processes: few pictures and few steps, the whole story.

That alignment pays as in the paper is for tools/slf to show; here it is that every part of it happens, and what the
report says.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from processes import ROOT, Outcome, Process, Yard

from emulator.report.schema import AlignmentReport, Report

PATIENCE_S = 500.0
SENT = 6
CROSSOVER = 0.01  # larger than the scenarios': 4000 pilots should meet some 40 errors
SMALL = {
    "workload.0.transmit.images": SENT,
    "workload.2.transmit.images": SENT,
    "workload.1.align.data.limit": 256,
    "workload.1.align.steps": 12,
    "workload.1.align.batch": 32,
    "workload.1.align.checkpoint_steps": 4,
    "workload.1.align.pilots": 4000,
    "links.up.bearers.indices.dmc": CROSSOVER,
    "links.down.bearers.indices.dmc": CROSSOVER,
}


def begin(yard: Yard, scenario: str, *arguments: object, **changes: object) -> tuple[Process, Path]:
    """A run of one of the scenarios, made small. changes: keys of its align step."""
    keys = SMALL | {f"workload.1.align.{key}": value for key, value in changes.items()}
    settings = [word for key, value in keys.items() for word in ("--set", f"{key}={value}")]
    return yard.begin_run(scenario, *settings, *arguments)


def end(yard: Yard, process: Process, folder: Path) -> tuple[Report, AlignmentReport]:
    process.wait(PATIENCE_S)
    outcome: Outcome = yard.end_run(process, folder)
    assert outcome.status == 0, outcome.stderr
    assert outcome.report.complete
    (alignment,) = outcome.report.alignments
    return outcome.report, alignment


def check_story(report: Report, row: AlignmentReport) -> None:
    """The same digits before and after, each with its class and what the receiver saw in it."""
    assert [(m.step, m.status) for m in report.messages] == [(0, "complete")] * SENT + [(2, "complete")] * SENT
    assert [m.image for m in report.messages[:SENT]] == [m.image for m in report.messages[SENT:]]
    assert all(m.label is not None and m.predicted is not None and m.size_bits == 256 for m in report.messages)
    assert row.crossover is not None
    assert row.crossover.pilots == 4000
    assert row.crossover.true_down == row.crossover.true_up == CROSSOVER
    assert 10 < row.crossover.errors < 100
    assert row.crossover.low <= CROSSOVER <= row.crossover.high
    assert row.tuning is not None
    assert row.tuning.operations > 1e9
    assert row.before is not None
    assert row.after is not None
    assert row.before.pictures == row.after.pictures == SENT
    assert row.recovery_stated is not None
    assert row.recovery_measured is not None
    assert row.recovery_wall is not None


def test_two_strangers_align_under_tls_and_understand_each_other_better(yard: Yard) -> None:
    """The way back, which only the nodes open, is under the receiver's certificate."""
    tls, topology = yard.folder / "tls", ROOT / "emulator" / "scenarios" / "slf-alignment.yaml"
    made = yard.command("emulator", "certs", tls, "--topology", topology)
    assert made.status == 0, made.stderr
    report, row = end(yard, *begin(yard, "slf-alignment", "--tls", tls))
    check_story(report, row)
    assert (row.verdict, row.freeze, row.asked_again) == ("adopted", 2, 0)
    assert row.tuning is not None
    assert row.tuning.steps == 12
    assert row.digest_before != row.digest_after
    assert row.download is not None
    assert row.upload is not None
    assert set(row.upload.names) < set(row.download.names)
    for transfer in (row.download, row.upload):
        assert transfer.theoretical_transfer_s is not None
        assert transfer.transfer_s == pytest.approx(transfer.theoretical_transfer_s, rel=0.01)
        assert transfer.theoretical_transfer_s == pytest.approx(transfer.size_bits / 2e6)
    assert row.before is not None
    assert row.after is not None
    assert row.before.mean_mse is not None
    assert row.after.mean_mse is not None
    assert row.after.mean_mse < row.before.mean_mse
    assert row.recovery_model_s is not None
    step = report.steps[1]
    assert step.model_end_s is not None
    assert step.model_start_s is not None
    assert step.model_end_s - step.model_start_s == pytest.approx(row.recovery_model_s)


def test_with_every_layer_frozen_nothing_is_uploaded_and_the_decoder_stays(yard: Yard) -> None:
    report, row = end(yard, *begin(yard, "slf-alignment-source", freeze=4, compute="none"))
    check_story(report, row)
    assert row.verdict == "adopted"
    assert row.upload is not None
    assert (row.upload.names, row.upload.tensor_bytes) == ([], 0)
    assert row.digest_before == row.digest_after
    assert row.recovery_stated is not None
    assert row.recovery_stated.upload_s < 0.002  # a few words


def test_a_sender_that_is_killed_while_it_trains_is_asked_again_and_goes_on(yard: Yard) -> None:
    process, folder = begin(yard, "slf-alignment", steps=60)
    deadline = time.monotonic() + PATIENCE_S
    while not list(folder.glob("state-*/**/checkpoint")):  # the sender's first checkpoint
        assert process.popen.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yard.kill_child("edge.node", "--name tx1")
    report, row = end(yard, process, folder)
    assert report.restarts == {"tx1": 1}
    assert (row.verdict, row.asked_again) == ("adopted", 1)
    assert row.tuning is not None
    assert row.tuning.resumed_at_step
    assert [m.status for m in report.messages] == ["complete"] * 2 * SENT
