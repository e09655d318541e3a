"""Training of codecs whose code goes on the air as it is: reconstruction MSE through a noisy channel that the gradients
pass (emulator.channels), or through none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edge.codecs.symbol_code import SymbolReceiver, SymbolTransmitter
from edge.codecs.symbol_codec import PAIRING, PERFECT, pairing
from edge.train.impairment import Impairment
from edge.train.loop import Learner, Losses
from emulator.channels.torch_faces import TorchAWGN


class SymbolLearner(Learner):
    """snr_db: Es/N0 of the channel trained for, None for a perfect one. impairment: only its noise on the picture is
    used; what happens to the code is the channel's. A subclass makes the halves, and says `tx` and `rx`."""

    tx: SymbolTransmitter
    rx: SymbolReceiver

    def __init__(self, shape: Mapping[str, int], seed: int, snr_db: float | None, impairment: Impairment) -> None:
        super().__init__(seed)
        self.fields, self.snr_db, self.impairment = dict(shape), snr_db, impairment
        self.channel = TorchAWGN(math.inf if snr_db is None else snr_db)

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, self.rx)

    @property
    def settings(self) -> dict[str, object]:
        noise = {"image_snr_db": self.impairment.image_snr_db}
        return {"shape": self.fields, "snr_db": self.snr_db, "impairment": noise}

    @property
    def trained_for(self) -> str:
        """The channel, as the codec's option and the weight file name it."""
        return PERFECT if self.snr_db is None else f"{self.snr_db:g}"

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        return super().metadata(tensors) | {"snr_db": self.trained_for, PAIRING: pairing(tensors)}

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        code = self.tx(self.impairment.on_images(images, generator))
        received = code if self.snr_db is None else self.channel(code, generator)  # pairs have average power 1
        mse = nn.functional.mse_loss(self.rx(received), images)
        return Losses(mse, mse.item())
