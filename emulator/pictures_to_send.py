"""The pictures of a run: the user's own or a packaged sample, parted into those to learn from and those to send,
cropped, named, and encoded for the control channel.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from edge.images import ImageError, Named, Picture, centre_crop, padded, png_bytes, read, resized
from edge.v1 import node_pb2
from emulator.topology.pictures import Pictures, Sample

MAX_PNG_BYTES = 6 * 1024 * 1024
GROUP_BYTES = 3 * 1024 * 1024
MAX_PICTURES = 100_000
SPLIT = 0xF75C  # sets the draw that parts the pictures off from other draws of the same seed


@dataclass(frozen=True)
class Shot:
    """One picture, ready to be sent. label: its class, where the source has labels; it is not sent."""

    name: str
    pixels: Picture
    png: bytes
    label: int | None = None


@dataclass(frozen=True)
class Album:
    """The pictures of a run. No picture is in both parts.

    to_learn: for adapt steps; to_send: for transmit steps; total: how many pictures the source holds, as far as it was
    read: all of it when there is something to learn from.
    """

    to_learn: list[Named]
    to_send: list[Named]
    total: int


def album(source: Path | None, pictures: Pictures, learn: int, send: int | None, seed: int) -> Album:
    """The pictures of `source` (None: the scenario's packaged sample), parted before anything else is done with them.

    learn: how many to learn from; send: how many are sent at most, None for all. Without any to learn from, the first
    are sent; else every picture draws a number from `seed`, the lowest are learnt from and the next ones sent. Raises
    ImageError, naming the source and the fix, when it holds none or too few.
    """
    name = pictures.sample if source is None else str(source)
    found = islice(_sample(pictures.sample) if source is None else read(source), MAX_PICTURES)
    if learn:
        kept, total = _lowest(found, None if send is None else learn + send, seed)
    else:
        kept = list(islice(found, send))
        total = len(kept)
    if not kept:
        raise ImageError(f"{name}: holds no pictures; give an image, a folder, a .tar or a .npz")
    if len(kept) < learn + (send != 0):
        raise ImageError(
            f"{name}: holds {total} pictures, too few to learn from {learn} and send others; give more pictures or "
            "lower the adapt step's images"
        )
    ready = [_sized(named, pictures) for named in _told_apart(kept)]
    return Album(ready[:learn], ready[learn:], total)


def _sample(name: Sample) -> Iterable[Named]:
    from edge.sample import sample

    readers = {"kodak": sample.kodak, "mnist": sample.mnist, "fashion_mnist": sample.fashion_mnist}
    return readers[name]()


def _lowest(found: Iterable[Named], count: int | None, seed: int) -> tuple[list[Named], int]:
    """The `count` pictures (None: all) that drew the lowest numbers, lowest first, and how many there were.

    One pass that holds no more pictures than it gives: sets may be large.
    """
    rng = np.random.default_rng([seed, SPLIT])
    heap: list[tuple[float, int, Named]] = []
    total = 0
    for total, named in enumerate(found, start=1):
        entry = (-rng.random(), total, named)
        if count is None or len(heap) < count:
            heapq.heappush(heap, entry)
        else:
            heapq.heappushpop(heap, entry)
    return [named for _, _, named in sorted(heap, key=lambda entry: -entry[0])], total


def _told_apart(pictures: list[Named]) -> list[Named]:
    names = [named.name for named in pictures]
    if len(set(names)) == len(names):
        return pictures
    return [replace(named, name=f"{i:04d}-{named.name}") for i, named in enumerate(pictures)]


def _sized(named: Named, pictures: Pictures) -> Named:
    pixels = named.pixels if pictures.resize is None else resized(named.pixels, pictures.resize)
    if pictures.pad is not None:
        pixels = padded(pixels, pictures.pad, named.name)
    return replace(named, pixels=pixels)


def shots(pictures: list[Named], crop: int | None, count: int | None) -> list[Shot]:
    """The first `count` pictures (None: all), each cut to its middle crop x crop. Raises ImageError."""
    return [_shot(named, crop) for named in pictures[:count]]


def _shot(named: Named, crop: int | None) -> Shot:
    pixels = named.pixels if crop is None else centre_crop(named.pixels, crop, crop, named.name)
    png = png_bytes(pixels)
    if len(png) > MAX_PNG_BYTES:
        raise ImageError(f"{named.name}: {len(png)} bytes as PNG are more than {MAX_PNG_BYTES}; set a smaller crop")
    return Shot(named.name, pixels, png, named.label)


def groups(shots: list[Shot]) -> Iterator[tuple[int, list[node_pb2.ImagePayload]]]:
    """(index of the first, payloads) in requests small enough for one gRPC message."""
    first, size, group = 0, 0, list[node_pb2.ImagePayload]()
    for i, shot in enumerate(shots):
        if group and size + len(shot.png) > GROUP_BYTES:
            yield first, group
            first, size, group = i, 0, []
        group.append(node_pb2.ImagePayload(name=shot.name, png=shot.png))
        size += len(shot.png)
    if group:
        yield first, group
