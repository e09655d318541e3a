"""Bearers, and who held what, in words: for the page and for the terminal. Draws nothing."""

from __future__ import annotations

from emulator.report.schema import BearerReport, SeparationReport

NAMES = {
    "learned": "learned mapper",
    "unequal": "unequal protection",
    "ldpc": "LDPC",
    "levels": "multi-level BSC",
}


def bearer_name(row: BearerReport) -> str:
    """A bearer in words, its SNR left out: the same for all steps that it may be compared over."""
    if row.bearer == "qam":
        return row.detail
    parts = [NAMES.get(row.bearer, row.bearer)]
    if row.bearer == "ldpc":
        parts.append(row.detail)
    if row.symbols is not None:
        parts.append(f"K = {row.symbols}")
    if row.trained_snr_db is not None:
        parts.append(f"trained at {row.trained_snr_db:g} dB")
    return ", ".join(parts)


def packets(row: BearerReport) -> list[tuple[str, int]]:
    """How many packets did not simply arrive, by what became of them."""
    return [
        ("lost", sum(use.packets_lost for use in row.levels if use.sent)),
        ("not sent", sum(use.packets_lost for use in row.levels if not use.sent)),
        ("filled", sum(use.packets_filled for use in row.levels)),
    ]


def verdicts(found: SeparationReport) -> list[str]:
    """What the holdings show, a sentence each."""
    steps = len({each.step for each in found.holdings if each.part != "bearer"})
    texts = [
        f"Every encoder and decoder had one digest after all {steps} steps."
        if found.codecs_constant
        else "An encoder or decoder changed during the run.",
        "No node loaded a bearer's network."
        if found.nodes_without_bearers
        else "A node loaded a bearer's network, which is the network's alone.",
        "The emulator loaded no codec."
        if found.emulator_without_codecs
        else "The emulator loaded a codec, which is the application's alone.",
    ]
    if found.bearers_fit is not None:
        texts.append(
            "The learned bearers were trained for the decoder that the receivers hold."
            if found.bearers_fit
            else "A learned bearer was trained for another decoder than the receivers hold."
        )
    return texts
