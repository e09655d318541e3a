"""Training of a whole transceiver [theta, phi] from where it is: what a client of federated averaging does.

Pre-training from nothing is `edge-codec train slf`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge.adapt.slf_loss import losses
from edge.codecs.contract import Half
from edge.codecs.slf import Slf
from edge.codecs.tensors import Tensors
from emulator.channels.torch_faces import TorchKaryDMC
from tools.slf.transceivers import as_batch

COMMITMENT = 0.25  # lambda_c


class WholeTransceiver:
    """One client: both halves, which share a codebook, and pictures of its own."""

    def __init__(self, weights: Path, pictures: NDArray[np.uint8], crossover: float, seed: int) -> None:
        """pictures: uint8 [N, 32, 32, 3]. crossover: of the K-ary channel between the halves."""
        self._codec = Slf.open({"weights": str(weights)}, Half.BOTH)
        self._pictures = pictures
        self._channel = TorchKaryDMC(self._codec.shape.entries, crossover)
        self._generator = torch.Generator().manual_seed(seed)

    def tensors(self) -> Tensors:
        """Copies of all."""
        return self._codec.parameters()

    def replace(self, tensors: Tensors) -> None:
        self._codec.replace(tensors)

    def train(self, steps: int, batch: int, learning_rate: float) -> None:
        """Adam, begun anew: an average has no moments."""
        transmitter, receiver = self._codec.transmitter, self._codec.receiver
        assert transmitter is not None
        assert receiver is not None
        trained = list(dict.fromkeys([*transmitter.parameters(), *receiver.parameters()]))  # one codebook, not two
        for parameter in trained:
            parameter.requires_grad_(True)
        optimizer = torch.optim.Adam(trained, lr=learning_rate)
        for _ in range(steps):
            chosen = torch.randint(len(self._pictures), (batch,), generator=self._generator)
            images = as_batch(self._pictures[chosen.numpy()])
            loss, _ = losses(transmitter, receiver, self._channel, images, COMMITMENT, self._generator)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
