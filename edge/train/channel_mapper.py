"""Training of the channel mapper h and demapper q of Split DeepJSCC (section III-B) behind a frozen f and g.

What h and q learn comes only from the distortion of the pictures that g makes of their bits (eq. (14) to (16)): f and g
are asked, never changed, and the weight file says which they were. The networks themselves are the network operator's
(emulator.bearers.mapper_network).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.split import DEMAPPER, LEVEL_BERS, PAIRING, Split
from edge.codecs.split_network import to_maps, to_vectors
from edge.train import level_order, vimco
from edge.train.loop import Learner, Losses
from edge.train.split import GradientSettings
from emulator.bearers import mapper_network
from emulator.bearers.mapper_network import MapperPair, MapperShape
from emulator.channels.torch_faces import TorchAWGN


class ChannelMapperLearner(Learner):
    """For one number of symbols and one channel SNR."""

    architecture = mapper_network.ARCHITECTURE

    def __init__(
        self,
        source: Path,
        shape: MapperShape,
        snr_db: float,
        seed: int,
        gradient: GradientSettings | None = None,
        harden: float = 0.0,
        order: Sequence[int] = (),
    ) -> None:
        """source: the weights of `split`, whose f makes the bits and whose g tells what errors in them cost. snr_db:
        Es/N0. harden: share of the training in which g is given probabilities that harden (vimco.hardening), with the
        straight-through estimator. order: of the levels of the mapper that the training begins from
        (level_order.py). Raises CodecError when the shape does not take that codec's messages."""
        super().__init__(seed)
        if not 0 <= harden < 1:
            raise ValueError(f"harden: must be in [0, 1), got {harden}; leave a share of the training for hard bits")
        self.harden, self.order = harden, level_order.checked(order, shape.levels)
        codec = Split.open({"weights": str(source)}, Half.BOTH)
        if (shape.levels, shape.bits) != (codec.shape.levels, codec.shape.bits):
            raise CodecError(
                f"--codec: {source.name} makes {codec.shape.bits} bits a position in {codec.shape.levels} levels, the "
                f"mapper takes {shape.bits} in {shape.levels}; give both the same"
            )
        assert codec.transmitter is not None  # Half.BOTH
        assert codec.receiver is not None
        self.f, self.g = codec.transmitter, codec.receiver
        self.shape, self.snr_db, self.gradient = shape, float(snr_db), gradient or GradientSettings()
        self.channel = TorchAWGN(self.snr_db)
        self.pair: MapperPair = MapperPair(shape).to(memory_format=MEMORY_FORMAT)  # type: ignore[call-overload]
        known = weights.read_metadata(source)
        self.trained_for = {key: known[key] for key in (LEVEL_BERS, PAIRING, DEMAPPER) if key in known}

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.pair,)

    @property
    def settings(self) -> dict[str, object]:
        return {
            "shape": asdict(self.shape),
            "snr_db": self.snr_db,
            "gradient": asdict(self.gradient),
            "harden": self.harden,
            "demapper": self.trained_for.get(DEMAPPER, ""),
            **level_order.setting(self.order),
        }

    @property
    def codec_options(self) -> dict[str, str]:
        return {}  # no codec opens h and q

    @property
    def code(self) -> tuple[ModuleType, ...]:
        return (mapper_network, vimco, level_order, sys.modules[__name__])

    def begin_from(self, tensors: Mapping[str, Tensor], name: str) -> None:
        super().begin_from(level_order.reordered(tensors, self.order, self.shape.bits), name)

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        own = {
            "snr_db": f"{self.snr_db:g}",
            "symbols": str(self.shape.symbols),
            "message_bits": str(self.shape.message_bits),
        }
        return super().metadata(tensors) | own | self.trained_for

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        images = images.contiguous(memory_format=MEMORY_FORMAT)
        with torch.no_grad():
            maps = (self.f(images) > 0).float()
        if self.gradient.estimator == "vimco":
            return self._vimco(images, maps, generator)
        log_odds = self.carried(maps, generator)
        bits = (
            vimco.hardening(log_odds, self.progress / self.harden) if self.harden else vimco.straight_through(log_odds)
        )
        pictures = self.decoded(bits, maps)
        mse = nn.functional.mse_loss(pictures, images)
        return Losses(mse, mse.item())

    def _vimco(self, images: Tensor, maps: Tensor, generator: torch.Generator) -> Losses:
        """eq. (15): every sample has noise of its own, whose law depends on nothing that is learned, so given the noise
        Lemma 2's product is the probability that the score function needs. No gradient passes g."""
        count = self.gradient.samples
        probability = torch.sigmoid(self.carried(maps.repeat(count, 1, 1, 1), generator))
        received = vimco.draw(probability, generator)
        with torch.no_grad():
            pictures = self.decoded(received, maps).reshape(count, *images.shape)
        log_likelihoods = self.gradient.log_likelihoods(images, pictures)
        each = (count, len(images), -1)
        given_noise = vimco.log_probability(received.reshape(each), probability.reshape(each))
        total = -vimco.objective(log_likelihoods, given_noise)
        return Losses(total, nn.functional.mse_loss(pictures, images.expand_as(pictures)).item())

    def carried(self, maps: Tensor, generator: torch.Generator) -> Tensor:
        """bits [B, bits, h, w] through h, the channel and q -> log-odds [B, M]."""
        height, width = maps.shape[2:]
        symbols = self.pair.symbols(to_vectors(maps, self.shape.levels), height, width)
        return self.pair.log_odds(self.channel(symbols, generator), height, width)

    def decoded(self, vectors: Tensor, like: Tensor) -> Tensor:
        """bits [B, M] through g -> images [B, 3, H, W]. like: bits on their map, for its size."""
        maps = to_maps(vectors, self.shape.levels, like.shape[2], like.shape[3])
        images: Tensor = self.g(maps.contiguous(memory_format=MEMORY_FORMAT))
        return images


class Carriage(NamedTuple):
    """What a channel mapper does to pictures at one SNR."""

    snr_db: float
    psnr_db: float
    """Mean over pictures."""
    level_bers: list[float]
    """Share of each level's bits that q gives differently from what h took (fig. 9)."""


@torch.no_grad()
def score(learner: ChannelMapperLearner, images: Tensor, snr_db: float, seed: int, batch: int = 100) -> Carriage:
    """images [n, 3, H, W] in [0, 1], each sent once over AWGN at `snr_db` (Es/N0) through f, h, q and g."""
    generator = torch.Generator().manual_seed(seed)
    channel, levels = TorchAWGN(snr_db), learner.shape.levels
    errors, wrong = [], []
    for some in torch.split(images, batch):
        maps = (learner.f(some.contiguous(memory_format=MEMORY_FORMAT)) > 0).float()
        sent, (height, width) = to_vectors(maps, levels), maps.shape[2:]
        symbols = channel(learner.pair.symbols(sent, height, width), generator)
        received = (learner.pair.log_odds(symbols, height, width) > 0).float()
        pixels = learner.decoded(received, maps).clamp(0, 1).mul(255).round().div(255)
        errors.append((pixels - some).square().flatten(1).mean(dim=1))
        wrong.append((received != sent).float().reshape(len(some), levels, -1).mean(dim=2))
    quality = -10 * torch.cat(errors).clamp_min(1e-10).log10()
    return Carriage(float(snr_db), float(quality.mean()), [round(x, 5) for x in torch.cat(wrong).mean(dim=0).tolist()])


def metrics(carriages: Sequence[Carriage], on: Mapping[str, object], ratio: float) -> str:
    """The `metrics` of a weight file. ratio: complex symbols over source values."""
    curve = [carriage._asdict() | {"psnr_db": round(carriage.psnr_db, 3)} for carriage in carriages]
    return json.dumps({"on": dict(on), "rho": ratio, "psnr_db": curve[0]["psnr_db"], "curve": curve})
