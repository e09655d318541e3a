"""Pre-training of the latent denoisers (edge.adapt.dncnn): feature noise, soft requantisation, then
DnCNN; the clean quantised map is the label.

The noise is that of `carry=features` over AWGN: Gaussian on every real number of a quantised map, at an SNR drawn
uniformly in dB for each picture, so that one network serves a range of SNRs without being told (blind).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from edge.adapt import dncnn as dncnn_network
from edge.adapt.dncnn import Denoisers, DnCNNShape, root_power
from edge.codecs import weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import CodecDescription
from edge.codecs.requantize import soft_requantized
from edge.images import Named
from edge.train import crops
from edge.train.crops import RandomCrops
from edge.train.export import code_version
from edge.train.impairment import noisy

ARCHITECTURE = "dncnn"


@dataclass(frozen=True)
class DnCNNSchedule:
    """steps, batch (crops a step), crop (pixels), learning_rate (peak, cosine to 1/50); SNRs of the noise in dB."""

    steps: int = 1500
    batch: int = 8
    crop: int = 128
    learning_rate: float = 1e-3
    lowest_snr_db: float = 0.0
    highest_snr_db: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "crop"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, got {getattr(self, name)}")
        if not self.lowest_snr_db <= self.highest_snr_db:
            raise ValueError(
                f"lowest_snr_db: must be at most highest_snr_db ({self.highest_snr_db:g}), got {self.lowest_snr_db:g}"
            )


class DnCNNTrainer:
    """`DnCNNTrainer(codec, schedule, groups).run(on_progress)`, then `denoisers`."""

    def __init__(
        self,
        codec: Adaptable,
        schedule: DnCNNSchedule,
        groups: Sequence[Sequence[Named]],
        resize: int | None = None,
        *,
        requantized: bool = True,
    ) -> None:
        """codec: with its encoder half. groups, resize: see RandomCrops. requantized: what comes in was softly
        requantised, as in service; False, for comparison, takes maps as the channel leaves them."""
        self.codec, self.schedule = codec, schedule
        self.crops = RandomCrops(groups, schedule.crop, schedule.seed, resize)
        self._requantized = requantized
        self.generator = torch.Generator().manual_seed(schedule.seed)
        books = list(codec.codebook_tensors().values())
        if not books:
            raise ValueError("codec: the denoisers are for maps of codebook vectors; take a codec with codebooks")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            self.denoisers = Denoisers(DnCNNShape(maps=len(books), dimension=int(books[0].shape[1])))
        self.optimizer = torch.optim.Adam(self.denoisers.parameters(), lr=schedule.learning_rate)
        self.step = 0

    def train_step(self) -> float:
        """One optimizer step; returns the mean square error over all maps, of maps of unit mean square."""
        with torch.no_grad():
            clean = self.codec.quantize(self.codec.features(self.crops.batch(self.schedule.batch)))
            received = [
                self._through_noise(one, book)
                for one, book in zip(clean, self.codec.codebook_tensors().values(), strict=True)
            ]
        errors = [
            nn.functional.mse_loss(after / root_power(before), before / root_power(before))
            for after, before in zip(self.denoisers(received), clean, strict=True)
        ]
        loss = torch.stack(errors).sum()
        if not torch.isfinite(loss):
            raise FloatingPointError(f"step {self.step}: the loss is {loss.item()}; lower --learning-rate")
        cosine = 0.5 * (1 + math.cos(math.pi * self.step / self.schedule.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.learning_rate * (0.02 + 0.98 * cosine)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.step += 1
        return loss.item() / len(errors)

    def run(self, on_progress: Callable[[int, float], None], every: int = 100) -> None:
        """Trains to the last step. `on_progress(step, mean loss)` every so many steps and at the end."""
        self.denoisers.train()
        total = 0.0
        while self.step < self.schedule.steps:
            total += self.train_step()
            if self.step % every == 0 or self.step == self.schedule.steps:
                on_progress(self.step, total / (self.step % every or every))
                total = 0.0
        self.denoisers.eval()

    def _through_noise(self, clean: Tensor, vectors: Tensor) -> Tensor:
        """[B, D, h, w] through noise, each picture at an SNR of its own, and (see the constructor) cleaned with the
        codebook [K, D]."""
        low, high = self.schedule.lowest_snr_db, self.schedule.highest_snr_db
        snrs_db = (low + (high - low) * torch.rand(len(clean), generator=self.generator)).tolist()
        parts = []
        for one, snr_db in zip(torch.split(clean, 1), snrs_db, strict=True):
            received = noisy(one, snr_db, self.generator)
            deviation = float(root_power(one)) * 10 ** (-snr_db / 20)
            parts.append(soft_requantized(received, vectors, deviation) if self._requantized else received)
        return torch.cat(parts)


def export_dncnn(
    trainer: DnCNNTrainer,
    out: Path,
    codec: CodecDescription,
    command: str,
    learned_from: Sequence[dict[str, object]],
    metrics: Mapping[str, object] | None,
) -> dict[str, str]:
    """Writes the denoisers with what they belong to and come from; returns the metadata. learned_from: from
    `edge.train.export.data_set`. metrics: on held-out pictures (`edge.train.dncnn_score`), None where there were none.
    """
    metadata = {
        "architecture": ARCHITECTURE,
        "shape": json.dumps(asdict(trainer.denoisers.shape)),
        "codec": json.dumps({"name": codec.name, "options": dict(codec.options), "knowledge": codec.knowledge}),
        "schedule": json.dumps(asdict(trainer.schedule)),
        "seed": str(trainer.schedule.seed),
        "steps_done": str(trainer.step),
        "data_sets": json.dumps(list(learned_from)),
        "command": command,
        "code_version": json.dumps(code_version(sys.modules[__name__], dncnn_network, crops)),
    }
    if metrics is not None:
        metadata["metrics"] = json.dumps(dict(metrics))
    tensors = {name: tensor.detach().contiguous() for name, tensor in trainer.denoisers.state_dict().items()}
    weights.write(out, tensors, metadata)
    return metadata
