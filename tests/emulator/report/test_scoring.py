from __future__ import annotations

import math

import numpy as np
import pytest
from factory import Shape, make

from emulator.report.schema import ReportError, StepReport
from emulator.report.scoring import mean, receiver_averages, score, score_picture


def _flat(value: int, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_psnr_of_a_constant_error_is_its_closed_form() -> None:
    result = score_picture(_flat(100), _flat(105))
    assert result.psnr_db == pytest.approx(20 * math.log10(255 / 5))
    assert not result.identical


def test_a_perfect_copy_has_no_psnr_but_a_flag() -> None:
    result = score_picture(_flat(9), _flat(9))
    assert result.psnr_db is None
    assert result.identical
    assert result.ssim == pytest.approx(1.0)


def test_ssim_is_left_out_where_its_window_does_not_fit() -> None:
    result = score_picture(_flat(100, side=10), _flat(101, side=10))
    assert result.ssim is None
    assert result.psnr_db == pytest.approx(20 * math.log10(255))


def test_messages_and_receivers_are_filled_in_place() -> None:
    run = make(Shape(receivers=2, images=2, statuses={("s0-rx2", 1, "rx2"): "failed"}))
    first = run.report.messages[0]
    run.received["s0-rx1", 0, "rx1"] = run.originals[first.image].copy()
    score(run.report, run.originals, run.received)
    rx1, rx2 = run.report.receivers
    mine = {m.message_id: m for m in run.report.messages if m.destination == "rx1"}
    assert mine[0].identical
    assert mine[0].psnr_db is None
    assert (rx1.identical, rx1.mean_psnr_db) == (1, mine[1].psnr_db)
    assert rx1.delivered_fraction == 1
    failed = next(m for m in run.report.messages if m.status == "failed")
    assert (failed.psnr_db, failed.ssim, failed.identical) == (None, None, False)
    delivered = next(m for m in run.report.messages if m.destination == "rx2" and m.delivered)
    assert (rx2.messages, rx2.delivered_fraction) == (2, 0.5)
    assert (rx2.mean_psnr_db, rx2.mean_transfer_s) == (delivered.psnr_db, delivered.transfer_s)


def test_scoring_twice_changes_nothing_and_keeps_an_accuracy() -> None:
    run = make()
    score(run.report, run.originals, run.received)
    run.report.receivers[1].accuracy = 0.75
    before = run.report.model_copy(deep=True)
    score(run.report, run.originals, run.received)
    assert run.report == before


def test_a_receiver_that_got_nothing_is_listed_with_nothing() -> None:
    run = make(Shape(receivers=2))
    run.report.messages = [m for m in run.report.messages if m.destination == "rx1"]
    score(run.report, run.originals, {k: v for k, v in run.received.items() if k[2] == "rx1"})
    assert [(r.name, r.messages, r.mean_psnr_db) for r in run.report.receivers][1] == ("rx2", 0, None)
    assert receiver_averages([], ["a"])[0].delivered_fraction == 0


def test_a_picture_of_an_unknown_message_is_refused() -> None:
    run = make()
    run.received["nobody", 0, "rx1"] = run.originals["kodim01.png"]
    with pytest.raises(ReportError, match="is not listed; add its message"):
        score(run.report, run.originals, run.received)


def test_a_picture_of_another_size_is_not_scored_and_says_why() -> None:
    run = make()
    run.received["s0-rx1", 0, "rx1"] = _flat(1, side=8)
    score(run.report, run.originals, run.received)
    message = run.report.messages[0]
    assert (message.psnr_db, message.ssim, message.identical) == (None, None, False)
    assert message.reason.startswith("not scored: ")
    assert message.reason.endswith("got [32, 32, 3] and [8, 8, 3]")


def test_mean_skips_what_is_not_there() -> None:
    assert mean([1.0, None, 4.0]) == 2.5
    assert mean([None]) is None


def test_errors_are_of_pixels_in_the_unit_interval() -> None:
    assert score_picture(_flat(100), _flat(151)).mse == pytest.approx((51 / 255) ** 2)
    assert score_picture(_flat(100), _flat(100)).mse == 0


def test_accuracy_and_error_are_averaged_for_receivers_and_for_each_step() -> None:
    run = make(Shape(receivers=1, images=4, statuses={("s0-rx1", 3, "rx1"): "failed"}))
    for message, (step, label, seen) in zip(
        run.report.messages, [(0, 1, 1), (0, 2, 3), (2, 4, 4), (2, 5, None)], strict=True
    ):
        message.step, message.label, message.predicted = step, label, seen
    run.report.steps = [StepReport(index=i, kind="transmit") for i in range(3)]
    score(run.report, run.originals, run.received)
    (receiver,) = run.report.receivers
    errors = [message.mse for message in run.report.messages]
    assert errors[3] is None
    assert receiver.accuracy == pytest.approx(2 / 3)
    assert receiver.mean_mse == pytest.approx(math.fsum(e for e in errors if e is not None) / 3)
    first, none, last = (step.quality for step in run.report.steps)
    assert none == []
    assert [(q.receiver, q.pictures, q.accuracy) for q in (*first, *last)] == [("rx1", 2, 0.5), ("rx1", 1, 1.0)]
    assert last[0].mean_mse == errors[2]


def test_without_labels_or_answers_there_is_no_accuracy() -> None:
    run = make(Shape(receivers=1, images=2))
    run.report.messages[0].label, run.report.messages[1].predicted = 3, 3
    score(run.report, run.originals, run.received)
    assert run.report.receivers[0].accuracy is None
