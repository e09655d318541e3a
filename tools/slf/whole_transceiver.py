"""Training of a whole transceiver [theta, phi] that goes on from where it is: what a client of federated averaging does.

The loss is SLF's eq. (4), its codebook term included. Pre-training is `edge-codec train slf`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edge.codecs.contract import Half
from edge.codecs.quantizer import lookup, nearest
from edge.codecs.slf import Slf
from edge.codecs.tensors import Tensors
from tools.slf.transceivers import as_batch

COMMITMENT = 0.25  # lambda_c


class WholeTransceiver:
    """One client: both halves, which share a codebook, and pictures of its own."""

    def __init__(self, weights: Path, pictures: NDArray[np.uint8], crossover: float, seed: int) -> None:
        """pictures: uint8 [N, 32, 32, 3]. crossover: of the K-ary channel between the halves."""
        self._codec = Slf.open({"weights": str(weights)}, Half.BOTH)
        self._pictures = pictures
        self._crossover = crossover
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
        trained = list({id(p): p for half in (transmitter, receiver) for p in half.parameters()}.values())
        optimizer = torch.optim.Adam(trained, lr=learning_rate)
        for _ in range(steps):
            chosen = torch.randint(len(self._pictures), (batch,), generator=self._generator)
            loss = self._loss(as_batch(self._pictures[chosen.numpy()]))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    def _loss(self, images: torch.Tensor) -> torch.Tensor:
        transmitter, receiver = self._codec.transmitter, self._codec.receiver
        assert transmitter is not None
        assert receiver is not None
        features = transmitter.encoder(images)
        with torch.no_grad():
            received = self._through_channel(nearest(features, transmitter.codebook))
        codewords = lookup(received, transmitter.codebook)
        delivered = receiver.decoder(features + (codewords - features).detach())
        mse = nn.functional.mse_loss
        codebook, commitment = mse(codewords, features.detach()), mse(features, codewords.detach())
        return mse(delivered, images) + codebook + COMMITMENT * commitment

    def _through_channel(self, indices: torch.Tensor) -> torch.Tensor:
        hit = torch.rand(indices.shape, generator=self._generator) < self._crossover
        shift = torch.randint(1, self._codec.shape.entries, indices.shape, generator=self._generator)
        return torch.where(hit, (indices + shift) % self._codec.shape.entries, indices)
