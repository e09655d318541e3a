"""The few lines that the terminal shows."""

from __future__ import annotations

from datetime import UTC, datetime

from emulator.report.schema import ReceiverReport, Report, ScenarioReport
from emulator.report.terminal import summary


def test_one_aligned_line_a_receiver_and_exact_copies_are_called_so() -> None:
    report = Report(
        semedge_version="0",
        scenario=ScenarioReport(name="s"),
        seed=1,
        clock="virtual",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        receivers=[
            ReceiverReport(
                name="far-away",
                messages=4,
                mean_psnr_db=30.126,
                mean_ssim=0.81,
                mean_rho=0.029296875,
                mean_transfer_s=1.5,
                delivered_fraction=0.5,
            ),
            ReceiverReport(name="rx", messages=2, identical=2, mean_rho=1.0, delivered_fraction=1.0),
        ],
    )
    assert summary(report).splitlines() == [
        "receiver  delivered  PSNR dB   SSIM      rho  transfer s",
        "far-away   50% of 4    30.13  0.810  0.02930       1.500",
        "rx        100% of 2    exact      -  1.00000           -",
    ]
