"""Pre-training of the single-level VQ-VAE: reconstruction MSE plus beta times the commitment of its map."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import ModuleType

import torch
from torch import Tensor, nn

from edge.codecs import conv_stages, quantizer, vqvae_network
from edge.codecs.vqvae_network import ReceiverHalf, TransmitterHalf, VQVAEShape
from edge.train import ema_codebook, straight_through
from edge.train.ema_codebook import EMACodebook
from edge.train.impairment import NO_IMPAIRMENT, Impairment
from edge.train.loop import Learner, Losses
from edge.train.straight_through import BETA, quantize


class VQVAELearner(Learner):
    """impairment: denoising training; the clean pictures stay the labels."""

    architecture = "vqvae"

    def __init__(self, shape: VQVAEShape, seed: int, impairment: Impairment = NO_IMPAIRMENT) -> None:
        super().__init__(seed)
        self.shape, self.impairment = shape, impairment
        self.tx, self.rx = TransmitterHalf(shape), ReceiverHalf(shape)
        self.rx.share(self.tx)
        self.average = EMACodebook(self.tx.codebook)

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, self.rx)

    @property
    def averages(self) -> Mapping[str, EMACodebook]:
        return {"codebook": self.average}

    @property
    def settings(self) -> dict[str, object]:
        return {"shape": asdict(self.shape), "impairment": asdict(self.impairment), "beta": BETA}

    @property
    def codec_options(self) -> dict[str, str]:
        return {"scale": str(self.shape.scale)}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (conv_stages, vqvae_network, quantizer, ema_codebook, straight_through, sys.modules[__name__])

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        (features,) = self.tx.features(self.impairment.on_images(images, generator))
        quantized = quantize(features, self.average, self.impairment, generator)
        mse = nn.functional.mse_loss(self.rx.from_vectors(quantized.received), images)
        return Losses(mse + BETA * quantized.commitment, mse.item())
