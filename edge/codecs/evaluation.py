"""What a codec costs and keeps when nothing is lost: rate, PSNR and SSIM through both halves, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from edge import images, metrics
from edge.codecs.contract import Codec
from edge.images import Named


@dataclass(frozen=True)
class Score:
    """One picture. rho: see metrics.compression_rate. psnr_db is infinite for a perfect copy."""

    name: str
    size_bits: int
    rho: float
    psnr_db: float
    ssim: float

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "size_bits": self.size_bits,
            "rho": self.rho,
            "psnr_db": metrics.json_number(self.psnr_db),
            "ssim": self.ssim,
        }


def evaluate(sender: Codec, receiver: Codec, pictures: Iterable[Named]) -> Iterator[Score]:
    """Each picture through `sender.encode` and `receiver.decode`, scored against what was sent."""
    for picture in pictures:
        segments = sender.encode(picture.pixels)
        received = receiver.decode(segments)
        height, width = picture.pixels.shape[:2]
        yield Score(
            picture.name,
            metrics.size_bits(segments),
            metrics.compression_rate(segments, height, width),
            metrics.psnr(picture.pixels, received),
            metrics.ssim(picture.pixels, received),
        )


def mean(scores: Sequence[Score]) -> Score:
    """The average picture; PSNR averaged in dB, as papers do. Raises ValueError for no scores."""
    if not scores:
        raise ValueError("images: there is no picture to score; give a source with at least one")
    return Score(
        "mean",
        round(fmean(s.size_bits for s in scores)),
        fmean(s.rho for s in scores),
        fmean(s.psnr_db for s in scores),
        fmean(s.ssim for s in scores),
    )


def cropped(pictures: Iterable[Named], side: int) -> Iterator[Named]:
    """The middle [side, side] of each picture; the whole pictures when side is 0. Raises ImageError if too small."""
    for picture in pictures:
        pixels = images.centre_crop(picture.pixels, side, side, picture.name) if side else picture.pixels
        yield Named(picture.name, pixels, picture.label)
