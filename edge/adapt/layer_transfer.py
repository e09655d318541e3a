"""Partial transfer of parameters between decoders whose last stages are alike (Nguyen et al., section III-B).

It knows tensors by their names only: `decoder.<variant>.stages.<number>.*`, as edge.codecs.swin_network names them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from edge.adapt.errors import AdaptError

LAST_STAGES = (2, 3)  # of 4, the one that makes the picture among them
MOST_NAMED = 4


def transferred(
    tensors: Mapping[str, Tensor],
    source: str,
    target: str,
    stages: Collection[int] = LAST_STAGES,
) -> dict[str, Tensor]:
    """What the decoder `target` takes over of the decoder `source`: those stages' tensors of `source`, by the names
    that `target` has for them. tensors: of both, by name; the result's are the source's own, not copies.

    Raises AdaptError, naming the tensors, when these stages are not alike in names and shapes.
    """
    given, wanted = (_of_stages(tensors, variant, stages) for variant in (source, target))
    if not given:
        raise AdaptError(f"transfer: there is no decoder '{source}' to take from; train it first")
    odd = [_names(f"decoder.{source}", given.keys() - wanted.keys())]
    odd.append(_names(f"decoder.{target}", wanted.keys() - given.keys()))
    shapes = {name for name in given.keys() & wanted.keys() if given[name].shape != wanted[name].shape}
    odd += [f"decoder.{source}.{name} {list(given[name].shape)}" for name in sorted(shapes)[:MOST_NAMED]]
    if any(odd):
        raise AdaptError(
            f"transfer: decoders '{source}' and '{target}' differ in {', '.join(filter(None, odd))}; "
            "transfer stages that are alike, or distil"
        )
    return {f"decoder.{target}.{name}": value for name, value in given.items()}


def _of_stages(tensors: Mapping[str, Tensor], variant: str, stages: Collection[int]) -> dict[str, Tensor]:
    """By what follows `decoder.<variant>.`."""
    prefix = f"decoder.{variant}."
    starts = tuple(f"{prefix}stages.{stage}." for stage in stages)
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(starts)}


def _names(prefix: str, names: Collection[str]) -> str:
    """Some of them, and how many more."""
    first = [f"{prefix}.{name}" for name in sorted(names)[:MOST_NAMED]]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
