"""The pictures of a run: the user's own or the packaged sample, cropped, named, and encoded for the control channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from edge.images import ImageError, Named, Picture, centre_crop, png_bytes, read
from edge.v1 import node_pb2

MAX_PNG_BYTES = 6 * 1024 * 1024
GROUP_BYTES = 3 * 1024 * 1024
MAX_PICTURES = 100_000


@dataclass(frozen=True)
class Shot:
    """One picture, ready to be sent."""

    name: str
    pixels: Picture
    png: bytes


def load(source: Path | None, crop: int | None, count: int | None) -> list[Shot]:
    """The first `count` pictures of `source` (None: the packaged Kodak crops), each cut to its middle crop x crop.

    Raises ImageError, naming the file and the fix.
    """
    if source is None:
        from edge.sample.sample import kodak

        pictures: Iterable[Named] = kodak()
    else:
        pictures = read(source)
    shots = [_shot(named, crop) for named in islice(pictures, MAX_PICTURES if count is None else count)]
    if not shots:
        raise ImageError(f"{source}: holds no pictures; give an image, a folder, a .tar or a .npz")
    names = [shot.name for shot in shots]
    if len(set(names)) == len(names):
        return shots
    return [Shot(f"{i:04d}-{shot.name}", shot.pixels, shot.png) for i, shot in enumerate(shots)]


def _shot(named: Named, crop: int | None) -> Shot:
    pixels = named.pixels if crop is None else centre_crop(named.pixels, crop, crop, named.name)
    png = png_bytes(pixels)
    if len(png) > MAX_PNG_BYTES:
        raise ImageError(f"{named.name}: {len(png)} bytes as PNG are more than {MAX_PNG_BYTES}; set a smaller crop")
    return Shot(named.name, pixels, png)


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
