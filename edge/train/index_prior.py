"""Training the prior over VQ-VAE-2's index maps (edge.codecs.index_prior): cross entropy, in bits an index.

The codec is finished and frozen: pictures are turned into index maps once, then positions are drawn from the maps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.codecs import weights
from edge.codecs.contract import CodecError
from edge.codecs.exact_prior import as_fixed_point
from edge.codecs.index_prior import REACH, WINDOW, IndexPrior, PriorShape, earlier_positions, padded, shape_metadata
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.vqvae2 import VQVAE2
from edge.codecs.vqvae2_network import TransmitterHalf, VQVAE2Shape
from edge.train.crops import RandomCrops

ENCODE_BATCH = 8


@dataclass(frozen=True)
class PriorSchedule:
    """steps: optimizer steps; batch: positions of the bottom map a step, a third as many of the top map;
    learning_rate: peak, cosine to 1/50; average: decay of the weight average that is kept."""

    steps: int = 2000
    batch: int = 1536
    learning_rate: float = 2e-3
    average: float = 0.99
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")

    def rate_at(self, step: int) -> float:
        warm = min(1.0, (step + 1) / 50)
        return self.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


class IndexMaps:
    """The index maps of training pictures, and positions drawn from them."""

    def __init__(self, top: NDArray[np.uint16], bottom: NDArray[np.uint16], shape: PriorShape, seed: int) -> None:
        """top [P, h, w], bottom [P, th, tw] of P pictures."""
        self.top, self.bottom = padded(top, shape.entries), padded(bottom, shape.entries)
        self.shape = shape
        self.offsets = earlier_positions()[: shape.neighbours]
        self.rng = np.random.default_rng(seed)

    def top_batch(self, count: int) -> tuple[Tensor, Tensor]:
        """near [count, neighbours] and what comes next [count]."""
        p, y, x = self._positions(self.top, count)
        return _gathered(self.top, p, y, x, self.offsets), _next(self.top, p, y, x)

    def bottom_batch(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """near [count, neighbours], above [count, 9], phase [count, 2] and what comes next [count]."""
        p, y, x = self._positions(self.bottom, count)
        t = self.shape.top_scale
        phase = torch.from_numpy(np.stack([y % t, x % t], axis=1))
        above = _gathered(self.top, p, y // t, x // t, WINDOW)
        return _gathered(self.bottom, p, y, x, self.offsets), above, phase, _next(self.bottom, p, y, x)

    def _positions(self, maps: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], ...]:
        pictures, height, width = maps.shape
        sides = (pictures, height - 2 * REACH, width - 2 * REACH)
        return tuple(self.rng.integers(side, size=count) for side in sides)


def _gathered(
    maps: NDArray[np.int64],
    p: NDArray[np.int64],
    y: NDArray[np.int64],
    x: NDArray[np.int64],
    offsets: list[tuple[int, int]] | tuple[tuple[int, int], ...],
) -> Tensor:
    dy, dx = np.array(offsets).T
    return torch.from_numpy(maps[p[:, None], y[:, None] + (REACH + dy), x[:, None] + (REACH + dx)])


def _next(maps: NDArray[np.int64], p: NDArray[np.int64], y: NDArray[np.int64], x: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(maps[p, y + REACH, x + REACH])


def index_maps(codec: VQVAE2, crops: RandomCrops, pictures: int, seed: int) -> IndexMaps:
    """Draws that many crops and encodes them. Raises CodecError when the codec has no encoder."""
    transmitter = _transmitter(codec)
    tops, bottoms = [], []
    with torch.inference_mode():
        for done in range(0, pictures, ENCODE_BATCH):
            images = crops.batch(min(ENCODE_BATCH, pictures - done))
            top, bottom = transmitter(images.contiguous(memory_format=MEMORY_FORMAT))
            tops.append(top.numpy().astype(np.uint16))
            bottoms.append(bottom.numpy().astype(np.uint16))
    return IndexMaps(np.concatenate(tops), np.concatenate(bottoms), prior_shape(codec), seed)


def prior_shape(codec: VQVAE2) -> PriorShape:
    """The prior's size for a codec."""
    assert isinstance(codec.shape, VQVAE2Shape)
    return PriorShape(codec.shape.entries, codec.shape.dimension, codec.shape.top_scale)


def _transmitter(codec: VQVAE2) -> TransmitterHalf:
    if not isinstance(codec.transmitter, TransmitterHalf):
        raise CodecError("vqvae2: a prior is learned from what the encoder sends; open it with Half.ENCODER")
    return codec.transmitter


class PriorTrainer:
    """One run: `PriorTrainer(prior, maps, schedule).run(on_progress)`, then `weights()`."""

    def __init__(self, codec: VQVAE2, maps: IndexMaps, schedule: PriorSchedule) -> None:
        books = _transmitter(codec)
        torch.manual_seed(schedule.seed)
        self.prior = IndexPrior(prior_shape(codec), books.codebook_t.vectors, books.codebook_b.vectors)
        self.maps, self.schedule = maps, schedule
        self.parameters: list[Tensor] = list(self.prior.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=schedule.learning_rate)
        self.kept = [p.detach().clone() for p in self.parameters]
        self.step = 0

    def train_step(self) -> float:
        """One optimizer step; returns bits an index, the mean over both maps' positions."""
        times = self.prior.shape.top_scale**2
        near, top_next = self.maps.top_batch(max(1, self.schedule.batch // 3))
        top = nn.functional.cross_entropy(self.prior.top_logits(near), top_next)
        near, above, phase, bottom_next = self.maps.bottom_batch(self.schedule.batch)
        bottom = nn.functional.cross_entropy(self.prior.bottom_logits(near, above, phase), bottom_next)
        loss = (top + times * bottom) / (1 + times)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"step {self.step}: the loss is {loss.item()}; lower --learning-rate")
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(self.schedule.average, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.kept, self.parameters, 1 - decay)
        return loss.item() / math.log(2)

    def run(self, on_progress: Callable[[int, float], None]) -> None:
        """Trains to the last step, telling each step and its bits an index."""
        while self.step < self.schedule.steps:
            bits = self.train_step()
            on_progress(self.step, bits)

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights as the file holds them: fixed point, so that what is shipped is what codes."""
        names = [name for name, _ in self.prior.named_parameters()]
        fixed = {
            name: torch.from_numpy(as_fixed_point(kept.numpy())) for name, kept in zip(names, self.kept, strict=True)
        }
        return fixed | {name: buffer.clone() for name, buffer in self.prior.named_buffers()}


def export_prior(trainer: PriorTrainer, out: Path, metadata: dict[str, str]) -> dict[str, str]:
    """Writes the prior's weight file; returns its whole metadata."""
    whole = shape_metadata(trainer.prior.shape) | metadata
    weights.write(out, trainer.weights(), whole)
    return whole
