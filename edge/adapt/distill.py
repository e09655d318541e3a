"""Distillation of a trained, strong decoder into a weak one (Nguyen et al.: "Optimizing Multi-User Semantic
Communication via Transfer Learning and Knowledge Distillation", eq. (5a)-(5b), algorithm 1).

Teacher and student decode the same noisy symbols; the student is drawn to the picture and to what the teacher made of
it. Which decoders, pictures and channel these are is the caller's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.adapt.errors import AdaptError

Decode = Callable[[Tensor], Tensor]
"""Code as received [B, c, h, w] -> images [B, 3, H, W]."""


class DistillLosses(NamedTuple):
    """Scalars, with their graph."""

    total: Tensor
    """Eq. (5b): mse + alpha * distill."""
    mse: Tensor
    """Student against the original, eq. (4)."""
    distill: Tensor
    """Student against teacher, eq. (5a)."""


def losses(images: Tensor, received: Tensor, student: Decode, teacher: Decode, alpha: float) -> DistillLosses:
    """images: originals [B, 3, H, W]; received: their code after the channel. No gradient reaches the teacher."""
    with torch.no_grad():
        taught = teacher(received)
    made = student(received)
    mse, distill = nn.functional.mse_loss(made, images), nn.functional.mse_loss(made, taught)
    return DistillLosses(mse + alpha * distill, mse, distill)


def check_alpha(alpha: float) -> None:
    """Raises AdaptError unless alpha is a finite number of at least 0."""
    if not 0 <= alpha < math.inf:
        raise AdaptError(f"alpha: must be finite and at least 0, got {alpha}; it weighs the distillation loss")
