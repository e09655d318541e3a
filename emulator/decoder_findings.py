"""What the collected pictures say of the decoders that made them. Pure bookkeeping, no RPC."""

from __future__ import annotations

from emulator.report.schema import AdaptationReport, DecoderChoice, MessageReport, Report
from emulator.report.scoring import mean


def note_decoding(report: Report) -> None:
    """Fills in how many pictures of each distill step the old and the new decoder made, and how long the decoders that
    were chosen took."""
    for adaptation in report.adaptations:
        _note_served(adaptation, report.messages)
    for choice in report.choices:
        choice.decode_wall_s = mean(each.decode_wall_s for each in _made_by(choice, report))


def _note_served(report: AdaptationReport, messages: list[MessageReport]) -> None:
    own = report.distillation
    if own is None:
        return
    sent = [
        each
        for each in messages
        if (each.step, each.session, each.destination) == (report.step, report.session, report.receiver)
    ]
    own.served_lost = sum(not each.delivered for each in sent)
    own.served_new = sum(each.delivered and each.epoch > own.epoch for each in sent)
    own.served_old = len(sent) - own.served_lost - own.served_new


def _made_by(choice: DecoderChoice, report: Report) -> list[MessageReport]:
    """Pictures that the receiver decoded with what was chosen, up to the next choice."""
    later = [each.step for each in report.choices if each.receiver == choice.receiver and each.step > choice.step]
    until = min(later, default=len(report.steps))
    return [
        each
        for each in report.messages
        if each.session == choice.session
        and each.destination == choice.receiver
        and each.decoder == choice.decoder
        and each.step is not None
        and choice.step < each.step < until
    ]
