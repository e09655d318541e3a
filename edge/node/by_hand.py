"""`edge-node --send`: a tx that somebody started in a terminal sends pictures, prints what became of them, and ends."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import click

from edge import images
from edge.images import ImageError, Named
from edge.node.daemon import NodeDaemon
from edge.node.transmitter import Schedule
from edge.v1 import node_pb2, packet_pb2

log = logging.getLogger(__name__)

SAMPLE = "sample"  # the word that stands for the packaged photographs
PATIENCE_S = 2.0  # before saying whom we wait for

STATUS = {
    packet_pb2.RECEIPT_STATUS_COMPLETE: "complete",
    packet_pb2.RECEIPT_STATUS_PARTIAL: "partial",
    packet_pb2.RECEIPT_STATUS_FAILED: "failed",
}


@dataclass(frozen=True)
class Order:
    """What to send to whom. crop: side of the centre crop; None for whole pictures. limit: at most so many.

    first_message_id: None for the microseconds of the clock, so that a second run at the same receiver is not taken for
    a repetition of the first.
    """

    pictures: str
    destinations: tuple[str, ...]
    crop: int | None = None
    limit: int | None = None
    first_message_id: int | None = None
    as_json: bool = False


def session_name(source: str, destinations: Iterable[str]) -> str:
    return f"{source}->{','.join(destinations)}"


def pictures(order: Order) -> Iterator[Named]:
    """The pictures of an order, read as they are asked for. Raises ImageError."""
    if order.pictures == SAMPLE:
        from edge.sample.sample import kodak  # here, because few processes need it

        source: Iterable[Named] = kodak()
    else:
        source = images.read(Path(order.pictures))
    for named in islice(source, order.limit):
        if order.crop is None:
            yield named
        else:
            yield replace(named, pixels=images.centre_crop(named.pixels, order.crop, order.crop, named.name))


async def send(daemon: NodeDaemon, order: Order) -> int:
    """Sends everything; gives the exit status: 0 when every destination decoded every picture, 1 when one could not.

    Raises ImageError and CodecError for pictures that cannot be sent, MismatchError when a destination refuses.
    """
    name = session_name(daemon.settings.name, order.destinations)
    first_id = order.first_message_id if order.first_message_id is not None else time.time_ns() // 1000
    source = pictures(order)
    first = next(source, None)  # a wrong path should be known before anybody waits for a receiver
    if first is None:
        raise ImageError(f"--send {order.pictures}: no pictures to send; check --limit")
    session = daemon.table.get(name)
    assert session is not None  # the command opened it
    session.codec.check_image(*first.pixels.shape[:2])
    names: dict[int, str] = {}
    waiting = asyncio.get_running_loop().call_later(PATIENCE_S, _say_waiting, order)
    failed = 0
    try:
        numbered = _named(chain([first], source), first_id, names)
        async for event in daemon.transmitter.transmit(name, numbered, Schedule(first_message_id=first_id)):
            waiting.cancel()
            picture = names[event.message_id]
            if isinstance(event, packet_pb2.Receipt):
                failed += event.status == packet_pb2.RECEIPT_STATUS_FAILED
            click.echo(_as_json(event, picture) if order.as_json else _as_text(event, picture))
    finally:
        waiting.cancel()
    return 1 if failed else 0


def _named(source: Iterable[Named], first_id: int, names: dict[int, str]) -> Iterator[Named]:
    for number, named in enumerate(source, first_id):
        names[number] = named.name
        yield named


def _say_waiting(order: Order) -> None:
    log.warning("waiting for %s to attach and accept the session", ", ".join(order.destinations))


def _as_text(event: node_pb2.MessageSent | packet_pb2.Receipt, picture: str) -> str:
    if isinstance(event, node_pb2.MessageSent):
        uses = f", {event.channel_uses} channel uses" if event.channel_uses else ""
        return f"{picture}: sent, {event.size_bits} bits{uses}, encoded in {1e3 * event.encode_s:.0f} ms"
    line = f"{picture} -> {event.destination}: {STATUS.get(event.status, 'unknown')}"
    if event.reason:
        return f"{line}: {event.reason}"
    met = event.transit
    took_s = (met.received_ns - met.sent_ns) / 1e9
    counts = f"{met.packets} packets, {met.packets_lost} lost, {met.element_errors} elements altered"
    again = f", {met.retransmissions} sent again" if met.retransmissions else ""
    return f"{line}, {took_s:.4f} s on the way, {counts}{again}, decoded in {1e3 * event.decode_s:.0f} ms"


def _as_json(event: node_pb2.MessageSent | packet_pb2.Receipt, picture: str) -> str:
    if isinstance(event, node_pb2.MessageSent):
        return json.dumps(
            {
                "event": "sent",
                "picture": picture,
                "message_id": event.message_id,
                "size_bits": event.size_bits,
                "channel_uses": event.channel_uses,
                "encode_s": event.encode_s,
            }
        )
    transit = {f.name: getattr(event.transit, f.name) for f in packet_pb2.Transit.DESCRIPTOR.fields}
    return json.dumps(
        {
            "event": "receipt",
            "picture": picture,
            "message_id": event.message_id,
            "destination": event.destination,
            "status": STATUS.get(event.status, "unknown"),
            "reason": event.reason,
            "decode_s": event.decode_s,
            **transit,
        }
    )
