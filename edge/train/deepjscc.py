"""Training of deepjscc (symbol_code.py has the loss)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from types import ModuleType

from torch import Tensor

from edge.codecs import conv_stages, deepjscc_attention, deepjscc_network, split_network, symbol_code
from edge.codecs.deepjscc import NETWORK, SHAPES, AnyShape, DeepJSCC
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.train import symbol_code as training
from edge.train.impairment import NO_IMPAIRMENT, Impairment
from edge.train.symbol_code import SymbolLearner


class DeepJSCCLearner(SymbolLearner):
    """For one size and one channel SNR (see SymbolLearner)."""

    architecture = "deepjscc"

    def __init__(
        self,
        shape: AnyShape,
        seed: int,
        snr_db: float | None = None,
        impairment: Impairment = NO_IMPAIRMENT,
    ) -> None:
        super().__init__(asdict(shape), seed, snr_db, impairment)
        self.network = next(name for name, kind in SHAPES.items() if type(shape) is kind)
        self.tx, self.rx = DeepJSCC.build_transmitter(shape), DeepJSCC.build_receiver(shape)
        for half in self.halves:
            half.to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]

    @property
    def settings(self) -> dict[str, object]:
        return super().settings | {"network": self.network}

    @property
    def codec_options(self) -> dict[str, str]:
        return {"channels": str(self.fields["channels"]), "snr_db": self.trained_for}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        own = (deepjscc_attention, split_network, conv_stages) if self.network == "attention" else (deepjscc_network,)
        return (*own, symbol_code, training, sys.modules[__name__])

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        return super().metadata(tensors) | {NETWORK: self.network}
