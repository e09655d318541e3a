"""The page's section on decoders: what each receiver can compute, what there was to choose from, what it got."""

from __future__ import annotations

from emulator.report.markup import Child, element
from emulator.report.numbers import percent
from emulator.report.schema import DecoderChoice
from emulator.report.tables import Column, quantity, table, words


def draw(rows: list[DecoderChoice]) -> list[Child]:
    """The choices, and every decoder that was judged for them. There must be one."""
    offered = [(row, offer) for row in rows for offer in row.offers]
    chosen = [row.chosen for row in rows]
    choices = table(
        [
            Column("step", [str(row.step) for row in rows]),
            words("receiver", (row.receiver for row in rows)),
            quantity("speed", (row.speed for row in rows), "FLOP/s", digits=3),
            words("which was", ("measured" if row.measured else "declared" for row in rows)),
            quantity("memory", (row.memory_bytes for row in rows), "B", digits=3),
            words("decoder", (row.decoder for row in rows)),
            quantity("predicted", (offer.latency_s for offer in chosen), "s", [row.limit_s for row in rows], digits=3),
            quantity("target", (row.limit_s for row in rows), "s", [offer.latency_s for offer in chosen], digits=3),
            words("before", (row.before for row in rows)),
            quantity("uploaded", (row.uploaded_bytes or None for row in rows), "B", digits=3),
            quantity("took here", (row.decode_wall_s for row in rows), "s", digits=3),
        ]
    )
    judged = table(
        [
            Column("step", [str(row.step) for row, _ in offered]),
            words("receiver", (row.receiver for row, _ in offered)),
            words("decoder", (offer.decoder for _, offer in offered)),
            quantity("operations", (offer.flops for _, offer in offered), "FLOP", digits=3),
            quantity("parameters", (offer.memory_bytes for _, offer in offered), "B", digits=3),
            quantity("predicted", (offer.latency_s for _, offer in offered), "s", digits=3),
            Column("of the target", [percent(offer.latency_s / row.limit_s) for row, offer in offered]),
            words("fits", ("yes" if offer.fits else "no" for _, offer in offered)),
        ],
        tall=len(offered) > 16,
    )
    sides = ", ".join(sorted({f"{row.side}x{row.side}" for row in rows}))
    note = (
        f"For one picture of {sides}: operations over the receiver's speed. A receiver gets the strongest decoder that "
        "it can hold and that is fast enough. The last column is the wall time on the machine of this run, at the size "
        "that was sent; it is the receiver's own speed only where that was measured."
    )
    return [
        choices,
        element("p", {"class": "note"}, note),
        element("h3", None, "What there was to choose from"),
        judged,
    ]
