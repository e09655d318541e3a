"""Pre-training of SLF's classifiers gamma (section IV) on pictures and labels, apart from any transceiver."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge.codecs import slf_network, weights
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.slf import CLASSIFIER_ARCHITECTURE
from edge.codecs.slf_network import ClassifierPart, ClassifierShape
from edge.images import ImageError, Named, padded
from edge.train import whole_pictures
from edge.train.export import code_version, compact
from edge.train.whole_pictures import WholePictures, as_tensor

AT_ONCE = 500


@dataclass(frozen=True)
class ClassifierSchedule:
    """steps; batch: pictures a step; learning_rate: of Adam, constant until the last fifth, then a tenth."""

    steps: int = 1500
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0

    def rate_at(self, step: int) -> float:
        return self.learning_rate * (0.1 if step >= 0.8 * self.steps else 1.0)


class ClassifierTrainer:
    """`ClassifierTrainer(schedule, sources, side).run(on_progress)`, then `part`."""

    def __init__(self, schedule: ClassifierSchedule, sources: Sequence[Sequence[Named]], side: int) -> None:
        """sources: labelled pictures; the classes of the second come after those of the first, and so on. They are
        drawn from equally often. Raises ImageError when a picture has no label."""
        self.schedule = schedule
        self.labels = labelled(sources)
        self.pictures = WholePictures(sources, side, schedule.seed)
        shape = ClassifierShape(side, 1 + max(int(labels.max()) for labels in self.labels))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            self.part = ClassifierPart(shape)
        self.shape = shape
        self.part.to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.part.parameters(), lr=schedule.learning_rate)
        self.step = 0

    def train_step(self) -> float:
        """One optimizer step; returns the cross-entropy."""
        pictures, places = self.pictures.draw(self.schedule.batch)
        labels = torch.tensor([int(self.labels[group][place]) for group, place in places])
        loss = nn.functional.cross_entropy(self.part.classifier(as_tensor(pictures)), labels)
        if not torch.isfinite(loss):
            raise FloatingPointError(f"step {self.step}: the loss is {loss.item()}; lower --learning-rate")
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return loss.item()

    def run(self, on_progress: Callable[[int, float], None], every: int = 100) -> None:
        """Trains to the last step. `on_progress(step, mean loss)` every so many steps and at the end."""
        total = 0.0
        while self.step < self.schedule.steps:
            total += self.train_step()
            if self.step % every == 0 or self.step == self.schedule.steps:
                on_progress(self.step, total / (self.step % every or every))
                total = 0.0

    @torch.inference_mode()
    def accuracies(self, sources: Sequence[Sequence[Named]]) -> list[float]:
        """Top-1 of each source, as labelled in training."""
        scores = []
        for group, truth in zip(sources, labelled(sources), strict=True):
            stack = np.stack([padded(one.pixels, self.shape.side, one.name) for one in group])
            parts = [as_tensor(stack[at : at + AT_ONCE]) for at in range(0, len(stack), AT_ONCE)]
            seen = torch.cat([self.part.classifier(part).argmax(1) for part in parts]).numpy()
            scores.append(float((seen == truth).mean()))
        return scores


def labelled(sources: Sequence[Sequence[Named]]) -> list[NDArray[np.int64]]:
    """Classes [N] of each source, counted on from one source to the next. Raises ImageError."""
    found, first = [], 0
    for source in sources:
        missing = [one.name for one in source if one.label is None]
        if missing or not source:
            raise ImageError(
                f"training data: {(missing or ['an empty source'])[0]} has no label; give labelled pictures"
            )
        labels = np.array([one.label for one in source], np.int64) + first
        first = int(labels.max()) + 1
        found.append(labels)
    return found


def export_classifier(
    trainer: ClassifierTrainer,
    out: Path,
    command: str,
    learned_from: Sequence[Mapping[str, object]],
    tested_on: Sequence[Sequence[Named]],
) -> dict[str, str]:
    """Writes the classifier and where it comes from; returns the metadata. learned_from: one a source, from
    `edge.train.cli_slf`; tested_on: the pictures of each that were kept out of training."""
    metadata = {
        "architecture": CLASSIFIER_ARCHITECTURE,
        "shape": json.dumps(asdict(trainer.shape)),
        "schedule": json.dumps(asdict(trainer.schedule)),
        "seed": str(trainer.schedule.seed),
        "steps_done": str(trainer.step),
        "data_sets": json.dumps(list(learned_from)),
        "command": command,
        "code_version": json.dumps(code_version(sys.modules[__name__], slf_network, whole_pictures)),
    }
    tensors = {name: tensor.detach().contiguous() for name, tensor in trainer.part.state_dict().items()}
    metadata["metrics"] = json.dumps(
        {"accuracy": trainer.accuracies(tested_on), "on": "the test part of each data set"}
    )
    weights.write(out, compact(tensors), metadata)
    return metadata
