"""How well each picture arrived, and what that makes a receiver's averages. Nothing here draws or writes files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge import metrics
from emulator.report.schema import BearerReport, MessageReport, Quality, ReceiverReport, Report, ReportError

Picture = NDArray[np.uint8]
"""[H, W, 3]."""

ReceivedKey = tuple[str, int, str]
"""Session, message number, destination."""


@dataclass(frozen=True, slots=True)
class Score:
    """psnr_db: None for an identical copy, whose PSNR is infinite. ssim: None when a side is under 11 pixels. mse: mean
    squared error over pixels and channels, pixels in [0, 1]."""

    psnr_db: float | None
    ssim: float | None
    identical: bool
    mse: float


def score_picture(original: Picture, received: Picture) -> Score:
    """Compares two pictures [H, W, 3] of one shape. Raises ValueError for pictures that cannot be compared."""
    psnr_db = metrics.psnr(original, received)
    large_enough = min(original.shape[:2]) >= metrics.WINDOW
    return Score(
        psnr_db=psnr_db if math.isfinite(psnr_db) else None,
        ssim=metrics.ssim(original, received) if large_enough else None,
        identical=psnr_db == math.inf,
        mse=10 ** (-psnr_db / 10),
    )


def key(message: MessageReport) -> ReceivedKey:
    """What names a message at its destination."""
    return message.session, message.message_id, message.destination


def score(report: Report, originals: Mapping[str, Picture], received: Mapping[ReceivedKey, Picture]) -> None:
    """Fills psnr_db, ssim, mse and identical of every message that has both pictures, then the averages of receivers,
    steps and bearers.

    In place. A picture of another size than its original gets no score, and its message's reason says so. Raises
    ReportError when `received` holds a picture of an unknown message.
    """
    known = {key(message): message for message in report.messages}
    for name, picture in received.items():
        message = known.get(name)
        if message is None:
            raise ReportError(
                f"messages: a picture came for {name}, which is not listed; add its message to the report"
            )
        if message.image not in originals:
            continue
        try:
            result = score_picture(originals[message.image], picture)
        except ValueError as error:  # a codec's mistake must not cost the report of a whole run
            message.reason = f"not scored: {error}"
            continue
        message.psnr_db, message.ssim, message.identical = result.psnr_db, result.ssim, result.identical
        message.mse = result.mse
    told = {receiver.name: receiver.accuracy for receiver in report.receivers}
    report.receivers = [
        receiver.model_copy(update={"accuracy": told.get(receiver.name)}) if receiver.accuracy is None else receiver
        for receiver in receiver_averages(report.messages, _receiver_names(report))
    ]
    for step in report.steps:
        of_step = [message for message in report.messages if message.step == step.index]
        step.quality = [
            quality(name, (message for message in of_step if message.destination == name))
            for name in dict.fromkeys(message.destination for message in of_step)
        ]
    for row in report.bearers:
        _score_bearer(row, (m for m in report.messages if m.step == row.step and m.destination in row.receivers))


def _score_bearer(row: BearerReport, messages: Iterable[MessageReport]) -> None:
    """Fills in how well the pictures arrived that crossed a link in a step."""
    delivered = [message for message in messages if message.delivered]
    found = [message.psnr_db for message in delivered if message.psnr_db is not None]
    row.pictures, row.mean_psnr_db = len(delivered), mean(found)
    if found:
        row.low_psnr_db, row.high_psnr_db = (float(each) for each in np.quantile(found, [0.1, 0.9]))


def _receiver_names(report: Report) -> list[str]:
    """Every node that receives, in the topology's order, then destinations that no node entry mentions."""
    named = [node.name for node in report.nodes if node.role == "rx"]
    return list(dict.fromkeys([*named, *(message.destination for message in report.messages)]))


def receiver_averages(messages: Sequence[MessageReport], names: Iterable[str]) -> list[ReceiverReport]:
    """One entry a name: means over what was delivered, of PSNR (in dB) over the pictures that are no perfect copies."""
    return [_averages(name, [m for m in messages if m.destination == name]) for name in names]


def _averages(name: str, messages: Sequence[MessageReport]) -> ReceiverReport:
    delivered = [message for message in messages if message.delivered]
    return ReceiverReport(
        name=name,
        messages=len(messages),
        identical=sum(message.identical for message in delivered),
        mean_psnr_db=mean(message.psnr_db for message in delivered),
        mean_ssim=mean(message.ssim for message in delivered),
        mean_mse=mean(message.mse for message in delivered),
        mean_rho=mean(message.rho for message in delivered),
        mean_transfer_s=mean(message.transfer_s for message in delivered),
        delivered_fraction=len(delivered) / len(messages) if messages else 0.0,
        accuracy=accuracy(delivered),
    )


def quality(receiver: str, messages: Iterable[MessageReport]) -> Quality:
    """Averages over those of the messages that the receiver decoded."""
    delivered = [message for message in messages if message.delivered]
    return Quality(
        receiver=receiver,
        pictures=len(delivered),
        mean_mse=mean(message.mse for message in delivered),
        mean_psnr_db=mean(message.psnr_db for message in delivered),
        mean_ssim=mean(message.ssim for message in delivered),
        accuracy=accuracy(delivered),
    )


def accuracy(messages: Iterable[MessageReport]) -> float | None:
    """Share of pictures that the receiver's classifier saw as what they are; None when it saw none that has a class."""
    return mean(
        float(message.predicted == message.label)
        for message in messages
        if message.predicted is not None and message.label is not None
    )


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are there; None when there are none."""
    there = [value for value in values if value is not None]
    return math.fsum(there) / len(there) if there else None
