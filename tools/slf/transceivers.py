"""Halves of transceivers in any state, and pictures sent from one to the other over the emulator's K-ary channel.

Many pictures at once, for speed; a test holds this to what `encode` and `decode` make of each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge.codecs.contract import Half
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.slf import Slf
from edge.codecs.tensors import Tensors
from emulator.channels.dmc import KaryDMC
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.slf.data import Labelled

BATCH = 250  # pictures at once


def sender_tensors(path: Path) -> Tensors:
    """theta and the codebook of a weight file."""
    return Slf.open({"weights": str(path)}, Half.ENCODER).parameters()


def receiver_tensors(path: Path) -> Tensors:
    """phi of a weight file, its codebook included."""
    return Slf.open({"weights": str(path)}, Half.DECODER).parameters()


def encoder_of(path: Path, tensors: Tensors) -> Slf:
    """The transmitting half with these tensors in force; path gives the network's size."""
    codec = Slf.open({"weights": str(path)}, Half.ENCODER)
    codec.replace(tensors)
    return codec


@dataclass(frozen=True)
class Judge:
    """Opens receivers that classify what they decode. weights: any with the receiver's network."""

    classifier: Path
    weights: Path

    @property
    def digest(self) -> str:
        """Of the classifier's file."""
        return hashlib.sha256(self.classifier.read_bytes()).hexdigest()[:16]

    def receiver(self, decoder: Tensors) -> Slf:
        """The receiving half with these tensors in force."""
        codec = Slf.open({"weights": str(self.weights), "classifier": str(self.classifier)}, Half.DECODER)
        codec.replace(decoder)
        return codec


def delivered(sender: Slf, receiver: Slf, pixels: NDArray[np.uint8], crossover: float, seed: int) -> NDArray[np.uint8]:
    """uint8 [N, 32, 32, 3] as sent -> as the receiver delivers them. Picture i is message i of the channel's noise."""
    assert sender.transmitter is not None
    assert receiver.receiver is not None
    channel = KaryDMC(sender.shape.entries, crossover)
    found = []
    with torch.inference_mode():
        for first in range(0, len(pixels), BATCH):
            indices = sender.transmitter(as_batch(pixels[first : first + BATCH])).numpy().astype(np.uint16)
            carried = [_carried(channel, one, seed, first + i) for i, one in enumerate(indices)]
            images = receiver.receiver(torch.from_numpy(np.stack(carried).astype(np.int64)))
            found.append(images.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(found)


def _carried(channel: KaryDMC, indices: NDArray[np.uint16], seed: int, message: int) -> NDArray[np.uint16]:
    key = NoiseKey(seed=seed, link="up", receiver="rx", session="slf", purpose="payload")
    return channel(indices.reshape(-1), 0, SegmentNoise(key, message, 0)).reshape(indices.shape)


def as_batch(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, H, W, 3] -> [N, 3, H, W] in [0, 1], as the networks want it."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=MEMORY_FORMAT)


def scored(sender: Slf, receiver: Slf, sent: Labelled, crossover: float, seed: int) -> dict[str, Any]:
    """{"mse": mean over pictures, pixels and channels in [0, 1]; "accuracy": top-1, None without a classifier}."""
    received = delivered(sender, receiver, sent.pixels, crossover, seed)
    error = (sent.pixels.astype(np.float32) - received.astype(np.float32)) / 255
    return {"mse": float(np.mean(error**2)), "accuracy": _accuracy(receiver, received, sent.labels)}


def _accuracy(receiver: Slf, received: NDArray[np.uint8], labels: NDArray[np.int64]) -> float | None:
    assert receiver.receiver is not None
    classifier = receiver.receiver.classifier
    if classifier is None:
        return None
    with torch.inference_mode():
        parts = [classifier(as_batch(received[i : i + BATCH])).argmax(1) for i in range(0, len(received), BATCH)]
    return float(np.mean(torch.cat(parts).numpy() == labels))
