"""Which lessons teach and which judge, and pictures and maps as the methods need them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson, check_count
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import CodecError

AT_ONCE = 8  # pictures in one pass of a network without gradients

Maps = list[Tensor]  # one [N, D, h, w] a map: the same place in each is the same picture


def split(count: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """Which of `count` lessons teach and which judge, at least one and two of each; drawn by the seed."""
    check_count(count)
    judging = min(max(1, round(share * count)), count - 2)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    return sorted(order[judging:]), sorted(order[:judging])


def received_maps(codec: Adaptable, lessons: Sequence[Lesson]) -> Maps:
    """What arrived, as decoder inputs. Raises AdaptError unless all lessons are of one size and this codec's."""
    maps: list[list[Tensor]] = []
    for i, lesson in enumerate(lessons):
        try:
            maps.append([one.detach().clone() for one in codec.inputs_from_segments(lesson.segments)])
        except CodecError as error:
            raise AdaptError(f"lessons[{i}]: {error}") from error
        if [one.shape for one in maps[i]] != [one.shape for one in maps[0]]:
            raise AdaptError(
                f"lessons[{i}]: is of another size than lessons[0]; scale all fine-tuning images to one size"
            )
    return [torch.cat(of_map) for of_map in zip(*maps, strict=True)]


@torch.no_grad()
def encoded(codec: Adaptable, pictures: Tensor) -> Maps:
    """pictures [N, 3, H, W] in [0, 1] or uint8 -> features of all, before quantisation."""
    parts = [codec.features(as_floats(pictures[at : at + AT_ONCE])) for at in range(0, len(pictures), AT_ONCE)]
    return [torch.cat(of_map) for of_map in zip(*parts, strict=True)]


@torch.no_grad()
def quantized(codec: Adaptable, maps: Sequence[Tensor]) -> Maps:
    """Maps before quantisation -> decoder inputs, a few pictures at a time."""
    count = len(maps[0])
    parts = [codec.quantize([one[at : at + AT_ONCE] for one in maps]) for at in range(0, count, AT_ONCE)]
    return [torch.cat(of_map) for of_map in zip(*parts, strict=True)]


@torch.no_grad()
def reconstructed(codec: Adaptable, maps: Sequence[Tensor]) -> Tensor:
    """Decoder inputs -> pictures [N, 3, H, W], in [0, 1]."""
    count = len(maps[0])
    parts = [codec.reconstruct([one[at : at + AT_ONCE] for one in maps]) for at in range(0, count, AT_ONCE)]
    return torch.cat(parts).clamp_(0, 1)


def as_floats(pictures: Tensor) -> Tensor:
    """uint8 pictures to float32 in [0, 1]; others as they are."""
    return pictures.float().div_(255.0) if pictures.dtype == torch.uint8 else pictures


def mean_psnr_db(pictures: Tensor, references: Tensor) -> float:
    """Mean over pictures [N, 3, H, W], both in [0, 1], of the PSNR in dB. A perfect copy counts as 100 dB; one picture
    that is not finite makes the mean NaN."""
    errors = (pictures - references).pow(2).flatten(1).mean(1)
    return float(errors.clamp_min(1e-10).log10().mul(-10).mean()) if bool(errors.isfinite().all()) else math.nan
