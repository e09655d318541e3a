"""Pre-training of VQ-VAE-2 (FTSC, eq. (3)-(4)): reconstruction MSE plus beta times the commitment of each map."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import ModuleType

import torch
from torch import Tensor, nn

from edge.codecs import conv_stages, quantizer, vqvae2_network, vqvae_network
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.train import ema_codebook, straight_through
from edge.train.ema_codebook import EMACodebook
from edge.train.impairment import NO_IMPAIRMENT, Impairment
from edge.train.loop import Learner, Losses
from edge.train.straight_through import BETA, quantize


class VQVAE2Learner(Learner):
    """impairment: denoising training; the clean pictures stay the labels."""

    architecture = "vqvae2"

    def __init__(self, shape: VQVAE2Shape, seed: int, impairment: Impairment = NO_IMPAIRMENT) -> None:
        super().__init__(seed)
        self.shape, self.impairment = shape, impairment
        self.tx, self.rx = TransmitterHalf(shape), ReceiverHalf(shape)
        self.rx.share(self.tx)
        self.top, self.bottom = EMACodebook(self.tx.codebook_t), EMACodebook(self.tx.codebook_b)

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, self.rx)

    @property
    def averages(self) -> Mapping[str, EMACodebook]:
        return {"t": self.top, "b": self.bottom}

    @property
    def settings(self) -> dict[str, object]:
        return {"shape": asdict(self.shape), "impairment": asdict(self.impairment), "beta": BETA}

    @property
    def codec_options(self) -> dict[str, str]:
        return {"scale": str(self.shape.scale), "top_scale": str(self.shape.top_scale)}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (
            conv_stages,
            vqvae_network,
            vqvae2_network,
            quantizer,
            ema_codebook,
            straight_through,
            sys.modules[__name__],
        )

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        top, bottom = self.tx.features(self.impairment.on_images(images, generator))
        top_q = quantize(top, self.top, self.impairment, generator)
        bottom_q = quantize(bottom, self.bottom, self.impairment, generator)
        mse = nn.functional.mse_loss(self.rx.from_vectors(top_q.received, bottom_q.received), images)
        return Losses(mse + BETA * (top_q.commitment + bottom_q.commitment), mse.item())
