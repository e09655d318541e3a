"""The training loop that every codec's pre-training shares: schedule, weight average, checkpoints, progress.

What is learned, from which loss, is a Learner's business (vqvae2.py, vqvae.py, autoencoder.py, deepjscc.py). A run is
resumable: a checkpoint holds networks, optimizer, averages, random states and step.
"""

from __future__ import annotations

import json
import math
import time
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from edge.train.ema_codebook import EMACodebook


@dataclass(frozen=True)
class Schedule:
    """steps: optimizer steps; batch: crops a step; crop: their side in pixels; learning_rate: peak, cosine to 1/50;
    average: decay of the weight average that is kept."""

    steps: int = 4000
    batch: int = 16
    crop: int = 64
    learning_rate: float = 1e-3
    average: float = 0.998
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")

    def rate_at(self, step: int) -> float:
        warm = min(1.0, (step + 1) / 100)
        return self.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


class Losses(NamedTuple):
    """Of one batch."""

    total: Tensor
    """What is minimised, a scalar."""
    mse: float
    """Mean squared error of the pictures, values in [0, 1]."""


class Batches(Protocol):
    """Where a run's pictures come from: crops.py, or whole_pictures.py."""

    rng: np.random.Generator
    """What draws them; its state is in the checkpoint."""
    resize: int | None
    """To which side pictures were scaled first, for the record."""

    def batch(self, count: int) -> Tensor:
        """[count, 3, H, W] in [0, 1]."""
        ...


class Learner(ABC):
    """Networks in training. A subclass makes its networks after `super().__init__(seed)`, which seeds their start."""

    architecture: str
    """The codec's name, as weight files say it."""

    def __init__(self, seed: int) -> None:
        torch.manual_seed(seed)
        self.taken = ""  # what `begin_from` took over, for the weight file
        self.progress = 0.0  # share of the training that is done, in [0, 1); the trainer keeps it

    @property
    @abstractmethod
    def halves(self) -> Sequence[nn.Module]:
        """Transmitter and receiver; their state's names are those of the weight file."""

    @property
    def averages(self) -> Mapping[str, EMACodebook]:
        """Codebooks that are learned by averages, by a name for the checkpoint."""
        return {}

    @property
    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Everything but data and schedule that decides the run, as JSON values; `shape` is the network's size."""

    @property
    @abstractmethod
    def codec_options(self) -> dict[str, str]:
        """The options, but for `weights`, with which the codec opens what was learned."""

    @property
    @abstractmethod
    def code(self) -> tuple[ModuleType, ...]:
        """The modules that decide the weights, besides the loop's own."""

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        """What the weight file says about the network and its loss. tensors: as they are in the file."""
        del tensors  # for a codec that must tell which halves belong together
        settings = dict(self.settings)
        shape = json.dumps(settings.pop("shape"))
        return {"architecture": self.architecture, "shape": shape, "training": json.dumps(settings)}

    @abstractmethod
    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        """images [B, 3, H, W] in [0, 1], clean: they are the labels."""

    def state(self) -> dict[str, Tensor]:
        """Every tensor of both halves by its name, not copied."""
        return {name: tensor for half in self.halves for name, tensor in half.state_dict().items()}

    def begin_from(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Takes over every tensor that fits in name and shape; the rest stays random. name: of the file, for the
        record. Raises ValueError when none fits."""
        own = self.state()
        fitting = {key for key, value in own.items() if key in tensors and tensors[key].shape == value.shape}
        if not fitting:
            raise ValueError(f"--from: {name} holds no tensor that fits this network; give weights of the same codec")
        for half in self.halves:
            half.load_state_dict(
                {key: tensors[key].float() for key in half.state_dict() if key in fitting}, strict=False
            )
        for average in self.averages.values():
            average.adopt()
        self.taken = f"{name}: {len(fitting)} of {len(own)} tensors"


class Trainer:
    """One run: `Trainer(learner, schedule, crops).run(checkpoint_path, on_progress)`."""

    def __init__(self, learner: Learner, schedule: Schedule, crops: Batches) -> None:
        self.learner, self.schedule, self.crops = learner, schedule, crops
        self.generator = torch.Generator().manual_seed(schedule.seed)
        self.parameters: list[Tensor] = [p for half in learner.halves for p in half.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=schedule.learning_rate, fused=True)
        self.kept = [p.detach().clone() for p in self.parameters]
        self.step = 0

    def train_step(self) -> float:
        """One optimizer step; returns the reconstruction MSE."""
        self.learner.progress = self.step / self.schedule.steps
        losses = self.learner.losses(self.crops.batch(self.schedule.batch), self.generator)
        if not torch.isfinite(losses.total):
            raise FloatingPointError(f"step {self.step}: the loss is {losses.total.item()}; lower --learning-rate")
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, 0.1)
        self.optimizer.step()
        self.step += 1
        decay = min(self.schedule.average, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.kept, self.parameters, 1 - decay)
        return losses.mse

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
            state = {k: v.detach().clone().contiguous() for k, v in self.learner.state().items()}
            for p, value in zip(self.parameters, trained, strict=True):
                p.copy_(value)
        return state

    def settings(self) -> dict[str, object]:
        """What a checkpoint must have been written with to be resumed by this run."""
        return {
            "architecture": self.learner.architecture,
            "schedule": asdict(self.schedule),
            "learner": self.learner.settings,
            "resize": self.crops.resize,
        }

    def save(self, path: Path) -> None:
        state: dict[str, Any] = {
            "settings": self.settings(),
            "taken": self.learner.taken,
            "step": self.step,
            "halves": [half.state_dict() for half in self.learner.halves],
            "optimizer": self.optimizer.state_dict(),
            "averages": {k: v.state_dict() for k, v in self.learner.averages.items()},
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
        if not isinstance(state, dict) or state.get("settings") != self.settings():
            raise ValueError(f"{path}: was written by a run with other settings; choose another --checkpoint")
        for half, tensors in zip(self.learner.halves, state["halves"], strict=True):
            half.load_state_dict(tensors)
        self.optimizer.load_state_dict(state["optimizer"])
        for name, average in state["averages"].items():
            self.learner.averages[name].load_state_dict(average)
        for kept, value in zip(self.kept, state["kept"], strict=True):
            kept.copy_(value)
        self.crops.rng.bit_generator.state = json.loads(state["crop_rng"])
        self.generator.set_state(state["generator"])
        self.step, self.learner.taken = state["step"], state["taken"]
