"""Levels of trained weights put into another order: what was level 3 becomes level 1, and so on.

A training over the multi-level medium may settle with two neighbouring levels the wrong way round (what matters more in
the slightly less reliable one), and steps alone do not exchange them. A network does not care in which order its bits
stand, so the groups of f and g, and those of h and q, are exchanged in the weights, and training goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

# Tensors whose first axis (f, q) or second axis (g, h) counts bits; f's and q's last layer, whose index is their depth
_GIVES = ("encoder.body.", "demapper.body.")
_TAKES = ("decoder.body.0.weight", "mapper.body.1.weight")


def checked(order: Sequence[int], levels: int) -> tuple[int, ...]:
    """order[k]: which level of the old weights becomes level k; empty: all stay. Raises ValueError unless each level is
    named once."""
    if order and sorted(order) != list(range(levels)):
        raise ValueError(
            f"--level-order: must name each of the levels 0 to {levels - 1} once, got {','.join(map(str, order))}"
        )
    return tuple(order)


def setting(order: Sequence[int]) -> dict[str, object]:
    """For the record of a training; nothing where the levels stay."""
    return {"level_order": list(order)} if order else {}


def reordered(tensors: Mapping[str, Tensor], order: Sequence[int], bits: int) -> dict[str, Tensor]:
    """Tensors of f and g, or of h and q, for the same networks with their levels in another order; as given when
    `order` is empty.

    bits: of a position, the same number for each level. Where h and q look at squares of positions
    (mapper_network.CELL), each bit stands for as many neighbouring channels.
    """
    if not order:
        return dict(tensors)
    gives = {_last(tensors, prefix) for prefix in _GIVES}
    moved = dict(tensors)
    for name, value in tensors.items():
        if name.rpartition(".")[0] in gives:
            moved[name] = value[_places(order, len(value))]
        elif name in _TAKES and value.shape[1] % bits == 0:
            moved[name] = value[:, _places(order, value.shape[1])]
    return moved


def _last(tensors: Mapping[str, Tensor], prefix: str) -> str:
    """The layer of `prefix` with the highest index; "" where there is none."""
    depths = {int(name[len(prefix) :].split(".")[0]) for name in tensors if name.startswith(prefix)}
    return f"{prefix}{max(depths)}" if depths else ""


def _places(order: Sequence[int], channels: int) -> Tensor:
    """Old channels, level by level, in the order in which the new network has them."""
    return torch.arange(channels).reshape(len(order), -1)[list(order)].flatten()
