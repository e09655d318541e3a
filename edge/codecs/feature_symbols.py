"""Latent maps as analog symbols: each pair of numbers of a vector is one complex baseband symbol (FTSC, section III-B).

A map is divided by its rms, so that its symbols have average power 1, and the rms of every map travels as side
information: one OPAQUE segment of float32 numbers, which is part of the rate. Symbols lie position by position, so a
lost packet is a hole in the map and not a stripe through its dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edge.codecs.contract import CodecError
from edge.segment import Kind, Segment

RMS_BYTES = 4


def to_segments(maps: Sequence[Tensor]) -> list[Segment]:
    """Maps [1, D, h, w], D even -> a SYMBOLS segment [h, w, D/2] each (level: its place), then the OPAQUE one."""
    segments, scales = [], []
    for level, features in enumerate(maps):
        pairs = _paired(features)
        rms = np.float32(math.sqrt(float(pairs.abs().square().mean())) or 1.0)
        symbols = np.ascontiguousarray((pairs / float(rms)).numpy())
        segments.append(Segment(Kind.SYMBOLS, symbols, level=level))
        scales.append(rms)
    side = np.frombuffer(np.array(scales, "<f4").tobytes(), np.uint8)
    return [*segments, Segment(Kind.OPAQUE, side)]


def from_segments(segments: Sequence[Segment], otherwise: Sequence[float]) -> list[tuple[Tensor, Tensor]]:
    """Segments of `to_segments` as received -> for each map its vectors [1, D, h, w] and which arrived [h, w] (bool).

    A position counts as arrived when all its symbols did. otherwise: the rms to take for each map when the side
    information is missing or not a positive number. A gain told by the receiver's estimator (csi) is divided out.
    """
    scales = _scales(segments[-1], otherwise)
    return [_vectors(segment, scale) for segment, scale in zip(segments[:-1], scales, strict=True)]


def check_segments(codec: str, segments: Sequence[Segment], dimensions: Sequence[int]) -> None:
    """Raises CodecError unless these are maps of vectors of these dimensions and their side information."""
    fits = (
        len(segments) == len(dimensions) + 1
        and segments[-1].kind is Kind.OPAQUE
        and segments[-1].values.shape == (RMS_BYTES * len(dimensions),)
        and all(
            one.kind is Kind.SYMBOLS
            and one.values.ndim == 3
            and one.values.shape[2] == dimension // 2
            and 0 not in one.values.shape
            for one, dimension in zip(segments, dimensions, strict=False)  # the side information is one more
        )
    )
    if not fits:
        raise CodecError(
            f"{codec}: expected {len(dimensions)} maps of symbols [h, w, D/2] with D of {list(dimensions)} and "
            f"{RMS_BYTES * len(dimensions)} bytes of side information, got "
            f"{[(s.kind.value, list(s.values.shape)) for s in segments]}; use the same codec and weights on both ends"
        )


def check_dimension(codec: str, dimension: int) -> None:
    """Raises CodecError for vectors that cannot be paired."""
    if dimension % 2:
        raise CodecError(
            f"codec.options.carry: {codec} cannot pair vectors of {dimension} numbers into complex symbols; "
            "use weights of an even dimension or carry=indices"
        )


def unfaded(segment: Segment) -> Tensor:
    """The segment's symbols [...] (complex64), what fading did undone where its gain is known and not zero."""
    symbols = torch.tensor(segment.values)
    if segment.csi is None:
        return symbols
    gain = torch.tensor(segment.csi).reshape(symbols.shape)
    return torch.where(gain.abs() > 0, symbols / gain, 0)


def _paired(features: Tensor) -> Tensor:
    """[1, D, h, w] float32 -> complex64 [h, w, D/2]."""
    _, dimension, height, width = features.shape
    numbers = features[0].permute(1, 2, 0).reshape(height, width, dimension // 2, 2)
    return torch.view_as_complex(numbers.contiguous())


def _scales(side: Segment, otherwise: Sequence[float]) -> list[float]:
    received = np.frombuffer(side.values.tobytes(), "<f4")
    arrived = np.ones(side.values.shape, np.bool_) if side.present is None else side.present.reshape(-1)
    whole = [bool(one.all()) for one in arrived.reshape(-1, RMS_BYTES)]
    return [
        float(rms) if ok and math.isfinite(rms) and rms > 0 else fallback
        for rms, ok, fallback in zip(received, whole, otherwise, strict=True)
    ]


def _vectors(segment: Segment, rms: float) -> tuple[Tensor, Tensor]:
    height, width, half = segment.values.shape
    numbers = torch.view_as_real(unfaded(segment) * rms).reshape(height, width, 2 * half)
    arrived = torch.ones(height, width, dtype=torch.bool)
    if segment.present is not None:
        arrived = torch.from_numpy(segment.present.reshape(height, width, half).all(axis=2))
    return numbers.permute(2, 0, 1)[None], arrived
