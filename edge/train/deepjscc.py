"""Training of deepjscc (symbol_code.py has the loss)."""

from __future__ import annotations

import sys
from dataclasses import asdict
from types import ModuleType

from edge.codecs import deepjscc_network, symbol_code
from edge.codecs.deepjscc_network import DeepJSCCShape
from edge.train import symbol_code as training
from edge.train.impairment import NO_IMPAIRMENT, Impairment
from edge.train.symbol_code import SymbolLearner


class DeepJSCCLearner(SymbolLearner):
    """For one size and one channel SNR (see SymbolLearner)."""

    architecture = "deepjscc"

    def __init__(
        self, shape: DeepJSCCShape, seed: int, snr_db: float | None = None, impairment: Impairment = NO_IMPAIRMENT
    ) -> None:
        super().__init__(asdict(shape), seed, snr_db, impairment)
        self.tx, self.rx = deepjscc_network.transmitter(shape), deepjscc_network.receiver(shape)

    @property
    def codec_options(self) -> dict[str, str]:
        return {"channels": str(self.fields["channels"]), "snr_db": self.trained_for}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (deepjscc_network, symbol_code, training, sys.modules[__name__])
