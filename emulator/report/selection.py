"""Which images and receivers the picture grids show, and what is known about each receiver. Draws nothing."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from emulator.report.schema import MessageReport, PlanReceiver, Report
from emulator.report.scoring import Picture, ReceivedKey, key

MAX_IMAGES = 4


@dataclass(frozen=True)
class Grid:
    """Rows of image names, columns of receiver names, and for each pair the message to show: the latest sent."""

    images: list[str]
    receivers: list[str]
    messages: dict[tuple[str, str], MessageReport]

    def picture(self, image: str, receiver: str, received: Mapping[ReceivedKey, Picture]) -> Picture | None:
        """[H, W, 3], or None when nothing was decoded."""
        message = self.messages.get((image, receiver))
        return None if message is None else received.get(key(message))


def grid(report: Report, originals: Container[str], max_receivers: int | None = None) -> Grid:
    """The first images that were sent and have an original; receivers thinned evenly to at most `max_receivers`."""
    messages = {(message.image, message.destination): message for message in report.messages}
    images = list(dict.fromkeys(m.image for m in report.messages if m.image in originals))[:MAX_IMAGES]
    receivers = [receiver.name for receiver in report.receivers if receiver.messages]
    if max_receivers is not None and len(receivers) > max_receivers:
        last = len(receivers) - 1
        receivers = [receivers[round(i * last / (max_receivers - 1))] for i in range(max_receivers)]
    return Grid(images, receivers, messages)


def plan_of(report: Report) -> dict[str, PlanReceiver]:
    """The plan's entry of each receiver; empty without a plan."""
    return {} if report.plan is None else {receiver.name: receiver for receiver in report.plan.receivers}


def rate_label(message: MessageReport | None, plan: PlanReceiver | None) -> str:
    """How strongly a picture was compressed, in a few characters: its scale where the plan has one, else its rho."""
    if plan is not None and plan.scale is not None:
        return f"s = {plan.scale}"
    if message is not None and message.rho is not None:
        return f"ρ = {message.rho:.3g}"
    return ""


def quality_label(message: MessageReport | None) -> str:
    """PSNR of a message in words: a figure, identical, or why there is none."""
    if message is None:
        return "not sent"
    if message.identical:
        return "identical"
    if message.psnr_db is not None:
        return f"{message.psnr_db:.1f} dB"
    return {"pending": "no receipt", "failed": "not decoded"}.get(message.status, "not scored")


def subtitle(report: Report) -> str:
    """One line that says what a plot was made from."""
    receivers = [receiver for receiver in report.receivers if receiver.messages]
    images = {message.image for message in report.messages}
    parts = [_count(len(images), "image"), _count(len(receivers), "receiver"), f"seed {report.seed}"]
    if not report.complete:
        parts.append("interrupted")
    return " · ".join(parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
