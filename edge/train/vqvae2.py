"""Pre-training of VQ-VAE-2 (FTSC, eq. (3)-(4)): reconstruction MSE plus beta times the commitment of each map.

The codebooks are learned by EMA (ema_codebook.py), which minimises the codebook terms of eq. (4) in closed form.
Training is resumable: a checkpoint holds networks, optimizer, averages and step.
"""

from __future__ import annotations

import json
import math
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.images import Named
from edge.train.crops import RandomCrops
from edge.train.ema_codebook import EMACodebook
from edge.train.impairment import Impairment

NO_IMPAIRMENT = Impairment()


@dataclass(frozen=True)
class Schedule:
    """steps: optimizer steps; batch: crops a step; crop: their side in pixels; learning_rate: peak, cosine to 1/50;
    beta: weight of the commitment terms; average: decay of the weight average that is kept."""

    steps: int = 4000
    batch: int = 16
    crop: int = 64
    learning_rate: float = 1e-3
    beta: float = 0.25
    average: float = 0.998
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")

    def rate_at(self, step: int) -> float:
        warm = min(1.0, (step + 1) / 100)
        return self.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


class Trainer:
    """One run: `Trainer(shape, schedule, pictures).run(checkpoint_path, on_progress)`."""

    def __init__(
        self,
        shape: VQVAE2Shape,
        schedule: Schedule,
        groups: Sequence[Sequence[Named]],
        resize: int | None = None,
        impairment: Impairment = NO_IMPAIRMENT,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        """groups, resize: see RandomCrops. impairment: denoising training. start: tensors to begin from, by name."""
        torch.manual_seed(schedule.seed)
        self.shape, self.schedule, self.impairment = shape, schedule, impairment
        self.generator = torch.Generator().manual_seed(schedule.seed)
        self.crops = RandomCrops(groups, schedule.crop, schedule.seed, resize)
        self.tx, self.rx = TransmitterHalf(shape), ReceiverHalf(shape)
        self.rx.codebook_b, self.rx.codebook_t = self.tx.codebook_b, self.tx.codebook_t  # one knowledge base
        if start is not None:
            for half in (self.tx, self.rx):
                half.load_state_dict({name: start[name].float() for name in half.state_dict()})
        learned = start is not None
        self.averages = {
            "b": EMACodebook(self.tx.codebook_b, learned=learned),
            "t": EMACodebook(self.tx.codebook_t, learned=learned),
        }
        self.parameters: list[Tensor] = [*self.tx.parameters(), *self.rx.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=schedule.learning_rate)
        self.kept = [p.detach().clone() for p in self.parameters]
        self.step = 0

    def _quantize(self, name: str, features: Tensor) -> tuple[Tensor, Tensor]:
        """Straight-through vectors and the commitment loss; moves the codebook."""
        codebook = self.averages[name].codebook
        with torch.no_grad():
            indices = codebook.nearest(features)
            vectors = codebook.lookup(indices)
            bits = (codebook.entries - 1).bit_length()
            received = codebook.lookup(self.impairment.on_indices(indices, bits, self.generator))
            received = self.impairment.on_features(received, self.generator)
        self.averages[name].update(features, indices, self.generator)
        return features + (received - features).detach(), nn.functional.mse_loss(features, vectors)

    def train_step(self) -> float:
        """One optimizer step; returns the reconstruction MSE."""
        images = self.crops.batch(self.schedule.batch)
        top, bottom = self.tx.features(self.impairment.on_images(images, self.generator))
        top_q, top_loss = self._quantize("t", top)
        bottom_q, bottom_loss = self._quantize("b", bottom)
        mse = nn.functional.mse_loss(self.rx.from_vectors(top_q, bottom_q), images)
        loss = mse + self.schedule.beta * (top_loss + bottom_loss)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"step {self.step}: the loss is {loss.item()}; lower --learning-rate")
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, 0.1)
        self.optimizer.step()
        self.step += 1
        decay = min(self.schedule.average, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.kept, self.parameters, 1 - decay)
        return mse.item()

    def run(self, checkpoint: Path | None, on_progress: Callable[[int, float], None], every: int = 100) -> None:
        """Trains to the last step. Saves `checkpoint` every minute and at the end; resumes from it when it exists."""
        if checkpoint is not None and checkpoint.exists():
            self.load(checkpoint)
        total, saved_at = 0.0, time.monotonic()
        while self.step < self.schedule.steps:
            total += self.train_step()
            if self.step % every == 0 or self.step == self.schedule.steps:
                on_progress(self.step, total / (self.step % every or every))
                total = 0.0
            if checkpoint is not None and (time.monotonic() - saved_at > 60 or self.step == self.schedule.steps):
                self.save(checkpoint)
                saved_at = time.monotonic()

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights of both halves, and the codebooks, by name."""
        with torch.no_grad():
            trained = [p.detach().clone() for p in self.parameters]
            for p, kept in zip(self.parameters, self.kept, strict=True):
                p.copy_(kept)
            state = {
                k: v.detach().clone().contiguous() for k, v in (self.tx.state_dict() | self.rx.state_dict()).items()
            }
            for p, value in zip(self.parameters, trained, strict=True):
                p.copy_(value)
        return state

    def save(self, path: Path) -> None:
        state = {
            "shape": asdict(self.shape),
            "schedule": asdict(self.schedule),
            "impairment": asdict(self.impairment),
            "step": self.step,
            "tx": self.tx.state_dict(),
            "rx": self.rx.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "averages": {k: v.state_dict() for k, v in self.averages.items()},
            "kept": self.kept,
            "crop_rng": json.dumps(self.crops.rng.bit_generator.state),
            "generator": self.generator.get_state(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)  # a killed run leaves the last whole checkpoint

    def load(self, path: Path) -> None:
        """Raises ValueError when the file is no whole checkpoint, or is one of a run with other settings."""
        if not zipfile.is_zipfile(path):  # torch.load would try older formats, and fail in many ways
            raise ValueError(f"{path}: not a whole checkpoint; remove it or choose another --checkpoint")
        state = torch.load(path, weights_only=True)
        settings = {
            "shape": asdict(self.shape),
            "schedule": asdict(self.schedule),
            "impairment": asdict(self.impairment),
        }
        if not isinstance(state, dict) or {key: state.get(key) for key in settings} != settings:
            raise ValueError(f"{path}: was written by a run with other settings; choose another --checkpoint")
        self.tx.load_state_dict(state["tx"])
        self.rx.load_state_dict(state["rx"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, average in state["averages"].items():
            self.averages[name].load_state_dict(average)
        for kept, value in zip(self.kept, state["kept"], strict=True):
            kept.copy_(value)
        self.crops.rng.bit_generator.state = json.loads(state["crop_rng"])
        self.generator.set_state(state["generator"])
        self.step = state["step"]
