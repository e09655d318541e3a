from __future__ import annotations

import pytest
from factory import Shape, adaptation, make

from emulator.report.pairs import compare, pairs
from emulator.report.schema import Report, StepReport


def _report(*steps: int, kinds: tuple[str, ...] = ("transmit", "adapt", "transmit")) -> Report:
    """One receiver; the i-th message is picture i % 2, sent by steps[i], with a PSNR of 20 + i dB."""
    report = make(Shape(receivers=1, images=2, plan=False)).report
    first = report.messages[0]
    report.messages = [
        first.model_copy(update={"message_id": i, "image": f"p{i % 2}", "step": step, "psnr_db": 20.0 + i, "ssim": 0.5})
        for i, step in enumerate(steps)
    ]
    report.steps = [StepReport(index=i, kind=kind) for i, kind in enumerate(kinds)]
    return report


def test_a_picture_is_paired_with_itself_nearest_to_the_adaptation() -> None:
    kinds = ("transmit", "transmit", "adapt", "transmit", "transmit")
    report = _report(0, 0, 1, 1, 3, 3, 4, 4, kinds=kinds)
    found = pairs(report, adaptation(step=2))
    assert [(pair.image, pair.before.message_id, pair.after.message_id) for pair in found] == [
        ("p0", 2, 4),
        ("p1", 3, 5),
    ]
    assert [pair.gain_db for pair in found] == [2.0, 2.0]


def test_pictures_sent_meanwhile_or_after_the_next_change_do_not_count() -> None:
    report = _report(0, 0, 1, 1, 3, 3, kinds=("transmit", "adapt", "roll_back", "transmit"))
    assert pairs(report, adaptation(step=1)) == []
    assert len(pairs(report, adaptation(step=2))) == 2


def test_pictures_of_others_and_those_not_decoded_do_not_count() -> None:
    report = _report(0, 0, 2, 2)
    assert pairs(report, adaptation(receiver="rx2")) == []
    report.messages[2].status = "failed"
    assert [pair.image for pair in pairs(report, adaptation())] == ["p1"]


def test_means_are_over_pictures_with_both_figures() -> None:
    report = _report(0, 0, 2, 2)
    report.messages[1].psnr_db = None
    report.messages[3].ssim = 0.75
    found = compare(pairs(report, adaptation()))
    assert (found.pictures, found.psnr_before_db, found.psnr_after_db, found.gain_db) == (2, 20.0, 22.0, 2.0)
    assert (found.ssim_before, found.ssim_after) == (0.5, pytest.approx(0.625))
    nothing = compare([])
    assert (nothing.pictures, nothing.gain_db, nothing.ssim_after) == (0, None, None)
