"""What the report says of layers in sentences, on the page and in the terminal."""

from __future__ import annotations

from emulator.report.schema import MulticastReport, RefinementReport


def multicast_words(row: MulticastReport) -> str:
    """What a picture took, beside the other strategies."""
    start = f"step {row.step}, {row.link}: {row.measured:g} channel uses a picture"
    if len(row.tiers) < 2:
        return f"{start} to {', '.join(row.tiers[0].receivers)}"
    tiers = _strategy(row.each_tier_measured, row.each_tier_steps, row.each_tier, row)
    all_steps = [] if row.best_to_all_step is None else [row.best_to_all_step]
    best = _strategy(row.best_to_all_measured, all_steps, row.best_to_all, row)
    return f"{start} in layers (c); with an encoding for each tier (a) {tiers}; with the best for all (b) {best}"


def _strategy(measured: float | None, steps: list[int], formula: float, row: MulticastReport) -> str:
    by_formula = f"{formula:.4g} by the formula with {eta_words(row)}"
    if measured is None:
        return by_formula
    named = f"step{'s' if len(steps) > 1 else ''} {' and '.join(map(str, steps))}"
    return f"{measured:g} counted in {named}, {by_formula}"


def eta_words(row: MulticastReport) -> str:
    """What is taken for eta, sub-block by sub-block."""
    return f"eta = {', '.join(f'{eta:.3f}' for eta in row.etas)}" if row.etas else "eta = 1"


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
