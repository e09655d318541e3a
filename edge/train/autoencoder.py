"""Training of autoencoder (symbol_code.py has the loss)."""

from __future__ import annotations

import sys
from dataclasses import asdict
from types import ModuleType

from edge.codecs import autoencoder_network, conv_stages, symbol_code
from edge.codecs.autoencoder_network import AutoencoderShape
from edge.train import symbol_code as training
from edge.train.impairment import NO_IMPAIRMENT, Impairment
from edge.train.symbol_code import SymbolLearner


class AutoencoderLearner(SymbolLearner):
    """For one size and one channel SNR (see SymbolLearner)."""

    architecture = "autoencoder"

    def __init__(
        self, shape: AutoencoderShape, seed: int, snr_db: float | None = None, impairment: Impairment = NO_IMPAIRMENT
    ) -> None:
        super().__init__(asdict(shape), seed, snr_db, impairment)
        self.tx, self.rx = autoencoder_network.transmitter(shape), autoencoder_network.receiver(shape)

    @property
    def codec_options(self) -> dict[str, str]:
        return {"scale": str(self.fields["scale"])}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (conv_stages, autoencoder_network, symbol_code, training, sys.modules[__name__])
