"""The page's sections on layers: what a multicast in layers took beside other strategies, and what refinement on demand
saved."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.report.layer_words import eta_words, multicast_words, refinement_words
from emulator.report.markup import Child, Markup, element
from emulator.report.numbers import NONE, count, percent
from emulator.report.schema import MulticastReport, NodeReport, RefinementReport, Report
from emulator.report.tables import Column, figures, table, words


def draw_multicasts(report: Report) -> list[Child]:
    """The report must have one."""
    rows = report.multicasts
    compared = [row for row in rows if len(row.tiers) > 1]
    parts: list[Child] = [_strategies(compared)] if compared else []
    parts += [_note(multicast_words(row)) for row in rows]
    parts += [element("h3", None, "Sub-blocks"), _levels(rows), element("h3", None, "Tiers"), _tiers(rows)]
    parts.append(_note(_encoded(report.nodes)))
    return [*parts, element("h3", None, "Who holds which networks"), _parts(report.nodes)]


def draw_refinements(rows: Sequence[RefinementReport]) -> list[Child]:
    """rows: one at least."""
    return [_refinements(rows), *(_note(refinement_words(row)) for row in rows)]


def _note(text: Child) -> Markup:
    return element("p", {"class": "note"}, text)


def _strategies(rows: Sequence[MulticastReport]) -> Markup:
    return table(
        [
            Column("step", [str(row.step) for row in rows]),
            words("link", (row.link for row in rows)),
            Column("pictures", [count(row.pictures) for row in rows]),
            figures("(a) each tier its own, counted", (row.each_tier_measured for row in rows), 1, "uses"),
            figures("(b) best to all, counted", (row.best_to_all_measured for row in rows), 1, "uses"),
            figures("(c) in layers, counted", (row.measured for row in rows), 1, "uses"),
            figures("(a) by formula", (row.each_tier for row in rows), 1, "uses"),
            figures("(b) by formula", (row.best_to_all for row in rows), 1, "uses"),
            figures("(c) by formula", (row.layered for row in rows), 1, "uses"),
            words("of single encodings with", (eta_words(row) for row in rows)),
        ]
    )


def _levels(rows: Sequence[MulticastReport]) -> Markup:
    uses = [(row, use) for row in rows for use in row.levels]
    return table(
        [
            Column("step", [str(row.step) for row, _ in uses]),
            Column("level", [str(use.level) for _, use in uses]),
            words("head", (use.head for _, use in uses)),
            words("taken by", (", ".join(use.receivers) for _, use in uses), wrap=True),
            figures("symbols", (use.symbols for _, use in uses), 1),
            figures("rate", (use.rate for _, use in uses), 3),
            figures("channel uses", (use.channel_uses for _, use in uses), 1),
        ]
    )


def _tiers(rows: Sequence[MulticastReport]) -> Markup:
    tiers = [(row, tier) for row in rows for tier in row.tiers]
    return table(
        [
            Column("step", [str(row.step) for row, _ in tiers]),
            words("receivers", (", ".join(tier.receivers) for _, tier in tiers), wrap=True),
            Column("levels", [f"0 to {tier.highest_level}" for _, tier in tiers]),
            figures("symbols", (tier.symbols for _, tier in tiers), 1),
            figures("rate of the weakest", (tier.rate for _, tier in tiers), 3),
        ]
    )


def _parts(nodes: Sequence[NodeReport]) -> Markup:
    holders = [node for node in nodes if node.parts]
    return table(
        [
            words("node", (node.name for node in holders)),
            words("holds", (", ".join(node.parts) for node in holders), wrap=True),
        ]
    )


def _encoded(nodes: Sequence[NodeReport]) -> str:
    encoded = sum(node.pictures_encoded for node in nodes)
    decoded = sum(node.messages_decoded for node in nodes)
    return f"{encoded} pictures encoded for {decoded} decodings: encoding does not depend on the number of receivers."


def _refinements(rows: Sequence[RefinementReport]) -> Markup:
    return table(
        [
            Column("step", [str(row.step) for row in rows]),
            words("receiver", (row.receiver for row in rows)),
            Column("pictures", [count(row.pictures) for row in rows]),
            Column("asked for", [count(row.asked) for row in rows]),
            Column("refused", [count(row.refused) if row.refused else NONE for row in rows]),
            Column("uses at first", [count(row.channel_uses) for row in rows]),
            Column("uses on demand", [count(row.refinement_channel_uses) for row in rows]),
            Column(
                "uses of all", [NONE if row.all_channel_uses is None else count(row.all_channel_uses) for row in rows]
            ),
            Column("saved", [percent(row.saved, 1) for row in rows]),
            Column("accuracy at first", [percent(row.accuracy_first, 1) for row in rows]),
            Column("afterwards", [percent(row.accuracy, 1) for row in rows]),
            Column("with all", [percent(row.all_accuracy, 1) for row in rows]),
        ]
    )
