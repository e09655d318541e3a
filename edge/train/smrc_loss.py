"""SMRC's loss, eq. (1) and (2): reconstruction inside a region of interest, semantics weighted by class, summed over
the heads with weights that may hold a layer back until the one before it is good enough.

Tensors only: which network made the pictures and the probabilities is edge.train.smrc's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edge.codecs.smrc_network import SmrcShape

ALPHA = 0.9  # section IV-B


@dataclass(frozen=True)
class HeadGoal:
    """What one head is trained for.

    alpha: in [0, 1], reconstruction (1) against semantics (0). beta: the diagonal of beta_lk, in [0, 1], one number a
    group of the head's classes; empty for all ones. weight: c_lk. after_db: the head counts fully once the first head
    of the layer before it reaches this PSNR, and less before, in proportion to the error; None: always.
    region: [s, s] in [0, 1], the mask M; or [groups, s, s], one for each group of the layer before, of which the mask
    of a picture is mixed as that layer's extractor believes in them. None: every pixel counts.
    """

    alpha: float = ALPHA
    beta: tuple[float, ...] = ()
    weight: float = 1.0
    after_db: float | None = None
    region: Tensor | None = None

    def check(self, name: str, shape: SmrcShape, block: int) -> None:
        """Raises ValueError, naming the field (`name` is the head's), when this is no goal for that head."""
        head = shape.heads[block]
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"{name}.alpha: must be in [0, 1], got {self.alpha}; 1 is reconstruction, 0 semantics")
        if self.beta and len(self.beta) != len(head.groups):
            raise ValueError(
                f"{name}.beta: must have {len(head.groups)} entries, one a group of classes, got {len(self.beta)}"
            )
        for place, entry in enumerate(self.beta):
            if not 0 <= entry <= 1:
                raise ValueError(f"{name}.beta[{place}]: must be in [0, 1], got {entry}; 1 is the highest priority")
        if not self.weight > 0:
            raise ValueError(f"{name}.weight: must be above 0, got {self.weight}; leave the head out instead")
        if self.after_db is not None and head.layer == 1:
            raise ValueError(f"{name}.after_db: the first layer has none before it to wait for; leave it out")
        if self.region is not None:
            self._check_region(f"{name}.region", shape, head.layer)

    def _check_region(self, name: str, shape: SmrcShape, layer: int) -> None:
        assert self.region is not None
        square, sizes = (shape.side, shape.side), tuple(self.region.shape)
        before = () if layer == 1 else (len(shape.heads[shape.block(layer - 1, 1)].groups),)
        if sizes != square and sizes != (*before, *square):
            mixed = f" or {[*before, *square]}, one for each group of layer {layer - 1}" if before else ""
            raise ValueError(f"{name}: must be a mask {list(square)}{mixed}, got {list(sizes)}")
        if not bool(((self.region >= 0) & (self.region <= 1)).all()):
            raise ValueError(f"{name}: entries must be in [0, 1]; 1 is a pixel that counts fully")

    def mask(self, before: Tensor | None) -> Tensor | None:
        """M for each picture, [s, s] or [B, 1, s, s]. before: probabilities [B, groups] by the layer before."""
        if self.region is None or self.region.dim() == 2:
            return self.region
        assert before is not None  # `check` allows a mask for each group only where there is a layer before
        return torch.einsum("bg,ghw->bhw", before.detach(), self.region)[:, None]


@dataclass(frozen=True)
class HeadOutput:
    """pictures [B, 3, s, s] of a head's decoder; log_probabilities [B, groups] of its extractor on them."""

    pictures: Tensor
    log_probabilities: Tensor


def reconstruction_error(images: Tensor, pictures: Tensor, mask: Tensor | None) -> Tensor:
    """Squared error inside the region of interest, mean over all pixels, in or out: a scalar."""
    error = images - pictures
    return (error if mask is None else mask * error).square().mean()


def semantic_error(log_probabilities: Tensor, groups: Tensor, beta: Sequence[float]) -> Tensor:
    """-1(y)^T beta log(softmax), mean over the pictures. log_probabilities [B, groups]; groups [B]: the true ones."""
    surprise = -log_probabilities.gather(1, groups[:, None])[:, 0]
    return (surprise * torch.tensor(beta)[groups]).mean() if beta else surprise.mean()


def group_of(groups: Sequence[Sequence[int]], labels: Tensor) -> Tensor:
    """Classes [B] -> which group each is in, [B]."""
    places = {one: place for place, group in enumerate(groups) for one in group}
    return torch.tensor([places[one] for one in range(len(places))])[labels]


def total(
    shape: SmrcShape,
    goals: Sequence[HeadGoal],
    outputs: Sequence[HeadOutput],
    images: Tensor,
    labels: Tensor,
    semantic_scale: float,
) -> Tensor:
    """Eq. (2) over eq. (1), a scalar. semantic_scale: what the cross-entropy, in nats, is multiplied with to stand
    beside the mean squared error of values in [0, 1]; the paper's norm leaves the scale open."""
    loss = torch.zeros(())
    for head, goal, output in zip(shape.heads, goals, outputs, strict=True):
        before = outputs[shape.block(head.layer - 1, 1)] if head.layer > 1 else None
        mask = goal.mask(None if before is None else before.log_probabilities.exp())
        error = reconstruction_error(images, output.pictures, mask)
        surprise = semantic_error(output.log_probabilities, group_of(head.groups, labels), goal.beta)
        wanted = goal.alpha * error + (1 - goal.alpha) * semantic_scale * surprise
        loss = loss + goal.weight * _readiness(goal, images, before) * wanted
    return loss


def _readiness(goal: HeadGoal, images: Tensor, before: HeadOutput | None) -> float:
    """In (0, 1]: how near the layer before is to the quality that this head waits for."""
    if goal.after_db is None or before is None:
        return 1.0
    error = float(reconstruction_error(images, before.pictures.detach(), None))
    return min(1.0, 10 ** (-goal.after_db / 10) / max(error, 1e-12))
