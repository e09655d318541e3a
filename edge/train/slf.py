"""Pre-training of SLF's transceivers TRX_i (section IV): reconstruction and commitment of eq. (4) over a K-ary channel.

The codebook term of eq. (4) is minimised in closed form, by averages (ema_codebook.py), and not by gradients: 300 steps
with averages against 300 with gradients end at an MSE of 0.0169 and 0.0207 on CIFAR-10 (crossover 1e-5; 9 and 6 of 16
codewords in use, by perplexity), 0.0202 and 0.0218 on MNIST at 1e-1, 0.0124 and 0.0128 on MNIST at 1e-5. A vector's
average is over the features that *arrive* as it, as in eq. (4).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import ModuleType

import torch
from torch import Tensor, nn

from edge.codecs import quantizer, slf_network
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.quantizer import Codebook, lookup, nearest
from edge.codecs.slf import ARCHITECTURE
from edge.codecs.slf_network import Decoder, SlfShape, SlfTransmitter
from edge.train import ema_codebook, whole_pictures
from edge.train.ema_codebook import EMACodebook
from edge.train.loop import Learner, Losses
from emulator.channels import torch_faces
from emulator.channels.torch_faces import TorchKaryDMC

COMMITMENT = 0.25  # lambda_c
REVIVE_BELOW = 2.0  # features a step, of thousands


class SlfLearner(Learner):
    """crossover: of the channel that the transceiver is trained for."""

    architecture = ARCHITECTURE

    def __init__(self, shape: SlfShape, seed: int, crossover: float) -> None:
        super().__init__(seed)
        self.shape, self.crossover = shape, crossover
        self.tx = SlfTransmitter(shape)
        self.rx = nn.ModuleDict({"decoder": Decoder(shape)})  # without the codebook, which the other half has
        for half in self.halves:
            half.to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
        self.channel = TorchKaryDMC(shape.entries, crossover)
        self.tx.codebook.requires_grad_(False)
        averaged = Codebook(shape.entries, shape.dimension)
        averaged.vectors = self.tx.codebook.data  # the same memory: what averages learn is the codebook
        self.average = EMACodebook(averaged, revive_below=REVIVE_BELOW)

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, self.rx)

    @property
    def averages(self) -> Mapping[str, EMACodebook]:
        return {"codebook": self.average}

    @property
    def settings(self) -> dict[str, object]:
        return {"shape": asdict(self.shape), "crossover": self.crossover, "commitment": COMMITMENT}

    @property
    def codec_options(self) -> dict[str, str]:
        return {}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (slf_network, quantizer, ema_codebook, whole_pictures, torch_faces, sys.modules[__name__])

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        features = self.tx.encoder(images)
        with torch.no_grad():
            indices = self.channel(nearest(features, self.tx.codebook), generator)
            received = lookup(indices, self.tx.codebook)
        self.average.update(features, indices, generator)
        mse = nn.functional.mse_loss(self.rx["decoder"](features + (received - features).detach()), images)
        return Losses(mse + COMMITMENT * nn.functional.mse_loss(features, received), mse.item())
