"""Training of `split`'s f and g over the multi-level medium (Split DeepJSCC, section III-A), and scoring over it.

Two gradients can be chosen (vimco.py): the paper's, VIMCO with J samples, and straight-through, which is the default
because it comes further in the time that a CPU has (`edge-codec train split-estimators` shows it).
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from edge.codecs import conv_stages, split_network
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.split import DEMAPPER, LEVEL_BERS, PAIRING, UNKNOWN, digest
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
from edge.train import level_order, vimco
from edge.train.loop import Learner, Losses, Trainer
from emulator.channels.levels import geometric_bers
from emulator.channels.torch_faces import TorchMultiLevelBSC

Estimator = Literal["straight-through", "vimco"]
ESTIMATORS: tuple[Estimator, ...] = ("straight-through", "vimco")
WORST_BER, BEST_BER = 0.4, 0.001  # eq. (17)


@dataclass(frozen=True)
class GradientSettings:
    """samples: J of VIMCO. likelihood_scale: what the squared error of a picture, values in [0, 1], is multiplied with
    to make a log-likelihood (the paper's eq. (19) leaves the variance of the Gaussian open)."""

    estimator: Estimator = "straight-through"
    samples: int = 8
    likelihood_scale: float = 0.1

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"estimator: must be one of {', '.join(ESTIMATORS)}, got {self.estimator!r}")
        if self.estimator == "vimco" and self.samples < 2:
            raise ValueError(f"samples: VIMCO needs at least 2, got {self.samples}")
        if not 0 < self.likelihood_scale < math.inf:
            raise ValueError(f"likelihood_scale: must be above 0, got {self.likelihood_scale}")

    def log_likelihoods(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Lemma 1: images [B, ...], reconstructions [J, B, ...] -> [J, B]."""
        return -self.likelihood_scale * (reconstructions - images).square().flatten(2).sum(dim=2)


class SplitLearner(Learner):
    """For one size and one medium.

    worst, best: bit error rates of the first and the last level. lost: probability that a level of a message does not
    arrive at all, so that g learns what UNKNOWN means. order: of the levels of the weights that a training begins from
    (level_order.py); as they stand when empty.
    """

    architecture = "split"

    def __init__(
        self,
        shape: SplitShape,
        seed: int,
        gradient: GradientSettings | None = None,
        worst: float = WORST_BER,
        best: float = BEST_BER,
        lost: float = 0.0,
        order: Sequence[int] = (),
    ) -> None:
        super().__init__(seed)
        self.order = level_order.checked(order, shape.levels)
        if not 0 <= lost < 1:
            raise ValueError(f"lost: must be in [0, 1), got {lost}; give the share of levels that do not arrive")
        self.shape, self.gradient, self.lost = shape, gradient or GradientSettings(), lost
        self.level_bers = geometric_bers(shape.levels, worst, best)
        self.medium = TorchMultiLevelBSC(self.level_bers)
        self.tx: SplitTransmitter = SplitTransmitter(shape).to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
        self.rx: SplitReceiver = SplitReceiver(shape).to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, self.rx)

    @property
    def settings(self) -> dict[str, object]:
        return {
            "shape": asdict(self.shape),
            "gradient": asdict(self.gradient),
            "level_bers": list(self.level_bers),
            "lost": self.lost,
            **level_order.setting(self.order),
        }

    @property
    def codec_options(self) -> dict[str, str]:
        return {}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (split_network, conv_stages, vimco, level_order, sys.modules[__name__])

    def begin_from(self, tensors: Mapping[str, Tensor], name: str) -> None:
        super().begin_from(level_order.reordered(tensors, self.order, self.shape.bits), name)

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        return super().metadata(tensors) | {
            LEVEL_BERS: json.dumps(list(self.level_bers)),
            PAIRING: digest(tensors, "encoder"),
            DEMAPPER: digest(tensors, "decoder"),
        }

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        images = images.contiguous(memory_format=MEMORY_FORMAT)
        if self.gradient.estimator == "vimco":
            return self._vimco(images, generator)
        bits = over_medium(self.medium, vimco.straight_through(self.tx(images)), generator)
        mse = nn.functional.mse_loss(self.rx(self._with_losses(bits, generator)), images)
        return Losses(mse, mse.item())

    def _vimco(self, images: Tensor, generator: torch.Generator) -> Losses:
        """eq. (11), with the medium's flips inside the bits' law (Lemma 1)."""
        count = self.gradient.samples
        bers = torch.tensor(self.level_bers).repeat_interleave(self.shape.bits_per_level)[:, None, None]
        probability = vimco.received_probability(torch.sigmoid(self.tx(images)), bers)
        received = vimco.draw(probability.expand(count, *probability.shape), generator)
        given = self._with_losses(received.flatten(0, 1), generator)
        pictures = self.rx(given.contiguous(memory_format=MEMORY_FORMAT)).reshape(count, *images.shape)
        log_likelihoods = self.gradient.log_likelihoods(images, pictures)
        total = -vimco.objective(log_likelihoods, vimco.log_probability(received, probability))
        return Losses(total, nn.functional.mse_loss(pictures.detach(), images.expand_as(pictures)).item())

    def _with_losses(self, bits: Tensor, generator: torch.Generator) -> Tensor:
        """bits [B, N * b, h, w] -> the same, whole levels of some messages UNKNOWN."""
        if not self.lost:
            return bits
        missing = torch.rand((bits.shape[0], self.shape.levels), generator=generator) < self.lost
        per_channel = missing.repeat_interleave(self.shape.bits_per_level, dim=1)[..., None, None]
        return torch.where(per_channel, torch.tensor(UNKNOWN), bits)


def over_medium(medium: TorchMultiLevelBSC, bits: Tensor, generator: torch.Generator) -> Tensor:
    """bits [B, N * b, h, w], level by level -> as received, the same shape; gradients pass."""
    return medium(bits.permute(0, 2, 3, 1), generator).permute(0, 3, 1, 2)


class Point(NamedTuple):
    """How far a training has come."""

    cpu_s: float
    step: int
    psnr_db: float
    """Over the medium, with the averaged weights."""


def rise(trainer: Trainer, learner: SplitLearner, images: Tensor, seconds: float, every: float) -> Iterator[Point]:
    """Trains for so much CPU time and scores `images` [n, 3, H, W] whenever `every` seconds of it have passed; the
    scoring is not counted."""
    spent, due = 0.0, every
    while spent < seconds:
        begun = time.process_time()
        trainer.train_step()
        spent += time.process_time() - begun
        if spent >= due or spent >= seconds:
            due += every
            yield Point(round(spent, 2), trainer.step, round(_averaged_psnr(trainer, learner, images), 3))


def _averaged_psnr(trainer: Trainer, learner: SplitLearner, images: Tensor) -> float:
    averaged = trainer.weights()
    tx, rx = SplitTransmitter(learner.shape), SplitReceiver(learner.shape)
    for half in (tx, rx):
        half.load_state_dict({name: averaged[name] for name in half.state_dict()})
    return psnr_over_medium(tx, rx, learner.medium, images, trainer.schedule.seed)


@torch.no_grad()
def psnr_over_medium(
    tx: SplitTransmitter, rx: SplitReceiver, medium: TorchMultiLevelBSC, images: Tensor, seed: int, batch: int = 100
) -> float:
    """Mean over pictures [n, 3, H, W] (values in [0, 1]) of the PSNR in dB, each sent once through the medium, with
    pixels rounded to 8 bits as a receiver would."""
    generator = torch.Generator().manual_seed(seed)
    errors = []
    for some in torch.split(images, batch):
        bits = (tx(some.contiguous(memory_format=MEMORY_FORMAT)) > 0).float()
        pixels = rx(over_medium(medium, bits, generator)).clamp(0, 1).mul(255).round().div(255)
        errors.append((pixels - some).square().flatten(1).mean(dim=1))
    quality: Tensor = -10 * torch.cat(errors).clamp_min(1e-10).log10()
    return float(quality.mean())
