"""What the report says of layers in sentences, on the page and in the terminal."""

from __future__ import annotations

from emulator.report.schema import MulticastReport, RefinementReport


def multicast_words(row: MulticastReport) -> str:
    """What a picture took, beside the other strategies."""
    return (
        f"step {row.step}, {row.link}: {row.measured:g} channel uses a picture in layers (c), {row.each_tier:g} with "
        f"an encoding for each tier (a), {row.best_to_all:g} with the best for all (b)"
    )


def refinement_words(row: RefinementReport) -> str:
    """What was asked for, and what it saved."""
    uses = row.channel_uses + row.refinement_channel_uses
    parts = [f"step {row.step}, {row.receiver}: {row.rule}: asked for {row.asked} of {row.pictures} pictures"]
    if row.refused:
        parts.append(f"{row.refused} refused ({row.reason})")
    if row.accuracy_first is not None and row.accuracy is not None:
        parts.append(f"accuracy {row.accuracy_first:.1%} at first, {row.accuracy:.1%} afterwards")
    if row.all_accuracy is not None:
        parts.append(f"{row.all_accuracy:.1%} with all sent (step {row.all_step})")
    parts.append(f"{uses} channel uses" if uses else f"{row.size_bits + row.refinement_bits} bits")
    if row.saved is not None:
        parts[-1] += f", {row.saved:.1%} less than all"
    return "; ".join(parts)
