"""Pictures that a receiver got before an adaptation and again after it. Pairs messages; draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.report.schema import AdaptationReport, MessageReport, Report
from emulator.report.scoring import mean

CHANGES = ("adapt", "roll_back")


@dataclass(frozen=True)
class Pair:
    """One picture at one receiver: as decoded before an adaptation, and as decoded after it."""

    image: str
    before: MessageReport
    after: MessageReport

    @property
    def gain_db(self) -> float | None:
        """PSNR gained; None when either is missing."""
        if self.before.psnr_db is None or self.after.psnr_db is None:
            return None
        return self.after.psnr_db - self.before.psnr_db


@dataclass(frozen=True)
class Comparison:
    """The means over all pairs of one adaptation. gain_db: mean over the pictures."""

    pictures: int
    psnr_before_db: float | None
    psnr_after_db: float | None
    gain_db: float | None
    ssim_before: float | None
    ssim_after: float | None


def pairs(report: Report, adaptation: AdaptationReport) -> list[Pair]:
    """Every picture that steps before the adaptation and steps after it brought to its receiver, nearest ones first to
    count: the last before, the first after. Steps after the receiver's next change are left out."""
    before: dict[str, MessageReport] = {}
    after: dict[str, MessageReport] = {}
    until = _next_change(report, adaptation)
    for message in report.messages:
        if message.destination != adaptation.receiver or not message.delivered or message.step is None:
            continue
        if message.step < adaptation.step:
            before[message.image] = message
        elif adaptation.step < message.step < until:
            after.setdefault(message.image, message)
    return [Pair(image, before[image], after[image]) for image in before if image in after]


def compare(found: list[Pair]) -> Comparison:
    """Means over pairs that have both figures; None where none has."""
    scored = [pair for pair in found if pair.gain_db is not None]
    similar = [pair for pair in found if pair.before.ssim is not None and pair.after.ssim is not None]
    return Comparison(
        pictures=len(found),
        psnr_before_db=mean(pair.before.psnr_db for pair in scored),
        psnr_after_db=mean(pair.after.psnr_db for pair in scored),
        gain_db=mean(pair.gain_db for pair in scored),
        ssim_before=mean(pair.before.ssim for pair in similar),
        ssim_after=mean(pair.after.ssim for pair in similar),
    )


def _next_change(report: Report, adaptation: AdaptationReport) -> float:
    later = [step.index for step in report.steps if step.kind in CHANGES and step.index > adaptation.step]
    return min(later, default=float("inf"))
