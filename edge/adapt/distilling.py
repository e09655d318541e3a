"""Distillation after deployment: a base station improves one receiver's decoder, over the noise that this receiver
meets, from a stronger decoder of the same symbols (Nguyen et al., section III-B and III-C; the losses: distill.py).

It has the pictures, the encoder and the decoders, so nothing crosses the network until the result does. Where the
pictures, decoders and SNR come from is the caller's business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.adapt import distill, layer_transfer, slices
from edge.adapt.crops import Grid
from edge.adapt.descent import Descent, TunerProgress, Verdict
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import adaptable, check_pictures
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec, CodecError
from edge.images import Picture
from emulator.channels.torch_faces import TorchAWGN

BOUNDS: dict[str, tuple[float, float]] = {
    "steps": (1, 100_000),
    "batch": (1, 256),
    "crop": (16, 4096),
    "learning_rate": (1e-8, 1.0),
    "alpha": (0.0, 1e6),
    "validation": (0.01, 0.9),
    "judge_steps": (1, 100_000),
    "seed": (0, 2**63 - 1),
}


@dataclass(frozen=True)
class DistillSettings:
    """steps, batch, crop (pixels), learning_rate (peak; warm-up, then cosine): the student's training. alpha: weight of
    eq. (5a) in (5b); 0 for none. transfer: whether the student begins with the teacher's last two stages. validation:
    share of the pictures that judge and do not teach. judge_steps: steps between two judgements.

    Raises AdaptError, one sentence, for a value out of range.
    """

    steps: int = 400
    batch: int = 8
    crop: int = 64
    learning_rate: float = 3e-4
    alpha: float = 1.0
    transfer: bool = False
    validation: float = 0.25
    judge_steps: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not low <= value <= high:
                raise AdaptError(f"distill.{name}: must be in [{low:g}, {high:g}], got {value:g}")


@dataclass(frozen=True)
class Decoders:
    """Codecs that this distillation has for itself: the sender's half as it is in service, and the two decoders, both
    told the receiver's SNR."""

    sender: Codec
    student: Codec
    teacher: Codec
    student_name: str
    teacher_name: str


class _Objective:
    """Eq. (5b) over AWGN (see Objective in descent.py)."""

    unit = "dB"

    def __init__(
        self, decoders: Decoders, pictures: Sequence[Picture], settings: DistillSettings, snr_db: float
    ) -> None:
        check_pictures(decoders.sender, pictures)
        self._sender, self._student, self._teacher = (
            adaptable(one) for one in (decoders.sender, decoders.student, decoders.teacher)
        )
        self._settings, self._channel = settings, TorchAWGN(snr_db)
        self._pictures = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        self._teaching, judging = slices.split(len(pictures), settings.validation, settings.seed)
        self._judged = slices.as_floats(self._pictures[judging])
        generator = torch.Generator().manual_seed(settings.seed)
        codes = slices.encoded(self._sender, self._judged)
        self._received = [self._channel(code, generator) for code in codes]
        height, width = pictures[0].shape[:2]
        self._grid = Grid.over(height, width, codes, settings.crop)
        self.before = self.judge()
        self.teacher_db = self._judgement(self._teacher)

    def loss(self, generator: torch.Generator) -> Tensor:
        """Of one batch of crops, each sent through the encoder and noise of its own."""
        crops = []
        for pick in torch.randint(len(self._teaching), (self._settings.batch,), generator=generator).tolist():
            corner = self._grid.draw(generator)
            crops.append(self._grid.of_picture(self._pictures[self._teaching[pick]], *corner))
        images = slices.as_floats(torch.stack(crops))
        with torch.no_grad():
            (code,) = self._sender.features(images)
        received = self._channel(code, generator)
        if not self._settings.alpha:
            return nn.functional.mse_loss(self._student.reconstruct([received]), images)
        return distill.losses(
            images,
            received,
            lambda code: self._student.reconstruct([code]),
            lambda code: self._teacher.reconstruct([code]),
            self._settings.alpha,
        ).total

    def judge(self) -> float:
        """Mean PSNR in dB of the student on the validation slice, whole pictures, always through the same noise."""
        return self._judgement(self._student)

    def _judgement(self, decoder: Adaptable) -> float:
        return slices.mean_psnr_db(slices.reconstructed(decoder, self._received), self._judged)


class Distilling:
    """`advance` until `finished`, then `verdict` and `tensors`. Runs in one thread, on the codecs that it is given.

    Raises AdaptError for pictures, decoders or an SNR that cannot be used.
    """

    def __init__(
        self, decoders: Decoders, pictures: Sequence[Picture], settings: DistillSettings, snr_db: float
    ) -> None:
        """snr_db: Es/N0 of the receiver's channel."""
        if not math.isfinite(snr_db):
            raise AdaptError(f"distill.snr_db: must be a number of dB, got {snr_db:g}")
        student = adaptable(decoders.student)
        try:
            self._objective = _Objective(decoders, pictures, settings, snr_db)
            self._tensors = student.decoder_tensors()
            if settings.transfer:
                both = adaptable(decoders.teacher).decoder_tensors() | self._tensors
                given = layer_transfer.transferred(both, decoders.teacher_name, decoders.student_name)
                for name, value in given.items():
                    self._tensors[name].copy_(value)
        except CodecError as error:
            raise AdaptError(str(error)) from error
        self._descent = Descent(
            self._tensors,
            self._objective,
            learning_rate=settings.learning_rate,
            steps=settings.steps,
            judge_steps=settings.judge_steps,
            seed=settings.seed,
        )

    @property
    def finished(self) -> bool:
        return self._descent.finished

    @property
    def teacher_db(self) -> float:
        """PSNR of the teacher on the validation slice."""
        return self._objective.teacher_db

    def advance(self, count: int) -> TunerProgress:
        """At most `count` more steps. A loss that is not finite ends the run; the best decoder so far is kept."""
        return self._descent.advance(count)

    def verdict(self) -> Verdict:
        """Of the best decoder so far; final once `finished`."""
        return self._descent.verdict()

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The best validated decoder, whole. Copies."""
        return {name: tensor.contiguous().numpy().copy() for name, tensor in self._descent.best.items()}
