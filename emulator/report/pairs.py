"""Pictures that a receiver got before an adaptation or alignment and again after it. Pairs messages; draws nothing."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.report.schema import AdaptationReport, AlignmentReport, MessageReport, Report
from emulator.report.scoring import mean, quality

CHANGES = ("adapt", "align", "roll_back", "equip", "distill")

Change = AdaptationReport | AlignmentReport
"""What changes how pictures arrive at one receiver from one sender."""


@dataclass(frozen=True)
class Pair:
    """One picture at one receiver: as decoded before a change, and as decoded after it."""

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


def pairs(report: Report, change: Change) -> list[Pair]:
    """Every picture that steps before the change and steps after it brought from its sender to its receiver, nearest
    ones first to count: the last before, the first after. Steps after the next change are left out."""
    before: dict[str, MessageReport] = {}
    after: dict[str, MessageReport] = {}
    until = _next_change(report, change)
    for message in report.messages:
        if message.destination != change.receiver or message.source != change.source:
            continue
        if not message.delivered or message.step is None:
            continue
        if message.step < change.step:
            before[message.image] = message
        elif change.step < message.step < until:
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


def compare_alignments(report: Report) -> None:
    """Fills in what each alignment did to the pictures that were sent before and after it. The messages must have been
    scored."""
    for row in report.alignments:
        found = pairs(report, row)
        row.before = quality(row.receiver, (pair.before for pair in found)) if found else None
        row.after = quality(row.receiver, (pair.after for pair in found)) if found else None


def _next_change(report: Report, change: Change) -> float:
    later = [step.index for step in report.steps if step.kind in CHANGES and step.index > change.step]
    return min(later, default=float("inf"))
