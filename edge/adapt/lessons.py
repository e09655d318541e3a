"""What a receiver learns from: one lesson a fine-tuning image, and what makes a set of them unusable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.adapt.errors import AdaptError
from edge.adapt.settings import MAX_IMAGES, MIN_IMAGES
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec, CodecError
from edge.images import Picture
from edge.segment import Segment


@dataclass(frozen=True)
class Lesson:
    """segments: the codec's own, as received (noise, holes and all). original: the picture [H, W, 3]; None in LSDFT."""

    segments: list[Segment]
    original: Picture | None = None


def check_count(count: int) -> None:
    """Raises AdaptError for too few or too many fine-tuning images."""
    if count < MIN_IMAGES:
        raise AdaptError(
            f"images: fine-tuning needs at least {MIN_IMAGES} (one of them validates), got {count}; send more"
        )
    if count > MAX_IMAGES:
        raise AdaptError(f"images: at most {MAX_IMAGES} fine-tuning images fit, got {count}; send fewer")


def check_pictures(codec: Codec, pictures: Sequence[Picture]) -> None:
    """Raises AdaptError unless there are enough pictures, of one size, that the codec takes."""
    check_count(len(pictures))
    first = pictures[0].shape
    for i, picture in enumerate(pictures):
        if picture.shape != first:
            raise AdaptError(
                f"images[{i}]: is {picture.shape[1]}x{picture.shape[0]}, but images[0] is {first[1]}x{first[0]}; "
                "scale all fine-tuning images to one size"
            )
    try:
        codec.check_image(first[0], first[1])
    except CodecError as error:
        raise AdaptError(f"images[0]: {error}") from error


def adaptable(codec: Codec) -> Adaptable:
    """The codec as fine-tuning sees it. Raises AdaptError when it offers nothing of the kind."""
    if not isinstance(codec, Adaptable):
        raise AdaptError(f"codec {codec.name}: cannot be fine-tuned (see edge.codecs.adaptable); choose another codec")
    return codec
