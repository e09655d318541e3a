"""Training of `swin` by any of the procedures in multiuser.py, and scoring over AWGN.

Every batch meets one SNR, drawn from those trained at, which encoder and decoder are told (algorithm 1).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edge.adapt import distill, layer_transfer
from edge.codecs import swin_blocks, swin_channel, swin_network, swin_windows, symbol_code
from edge.codecs.swin import SNRS_DB
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.train import multiuser
from edge.train.export import HISTORY
from edge.train.loop import Learner, Losses
from edge.train.multiuser import Procedure
from emulator.channels.torch_faces import TorchAWGN

SNRS = (1.0, 3.0, 5.0, 7.0)  # the paper's, in dB


class SwinLearner(Learner):
    """snrs_db: trained at. taught: tensors of a weight file with an encoder and one or more decoders, which a procedure
    may need; those that the procedure does not train stay in the file as they were. Raises ValueError."""

    architecture = "swin"

    def __init__(
        self,
        shape: SwinShape,
        seed: int,
        procedure: Procedure,
        snrs_db: Sequence[float] = SNRS,
        taught: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__(seed)
        if not snrs_db or not all(math.isfinite(snr) for snr in snrs_db):
            raise ValueError(f"snrs_db: must be finite numbers of dB, got {list(snrs_db)}")
        if procedure.taught != (taught is not None):
            needed = "needs trained weights to begin from" if procedure.taught else "begins from random weights"
            raise ValueError(f"taught: this procedure {needed}; {'give' if procedure.taught else 'leave out'} them")
        self.shape, self.procedure, self.snrs_db = shape, procedure, tuple(float(snr) for snr in snrs_db)
        self.tx = SwinTransmitter(shape)
        self.receivers = {variant: SwinReceiver(shape, variant) for variant in procedure.decoders}
        self.trained = self.receivers[procedure.decoders[0]]
        self.teacher: SwinReceiver | None = None
        self.taught_by = ""
        self.history: list[dict[str, object]] = []  # trainings behind what was taught
        if taught is not None:
            self._begin_taught({name: value.float() for name, value in taught.items()})

    def _begin_taught(self, taught: Mapping[str, Tensor]) -> None:
        """Encoder and decoders of `taught`, frozen; the strongest of these is the teacher."""
        self.taught_by = pairing(taught)
        _fill(self.tx, taught)
        held = [one for one in VARIANTS if any(name.startswith(f"decoder.{one}.") for name in taught)]
        if self.procedure.continued:
            self._continue(taught, held)
        kept = [one for one in held if one not in self.procedure.decoders]
        if not kept and not self.procedure.continued:
            own = ", ".join(sorted(self.procedure.decoders))
            raise ValueError(f"taught: holds no decoder but {own}, which is to be trained")
        for variant in kept:
            self.receivers[variant] = SwinReceiver(self.shape, variant)
            _fill(self.receivers[variant], taught)
        self.teacher = self.receivers[kept[0]] if kept else None
        if self.procedure.transfer:
            for student in self.procedure.decoders:
                self._transfer(kept[0], student)

    def _continue(self, taught: Mapping[str, Tensor], held: Sequence[str]) -> None:
        for decoder in self.procedure.decoders:
            if decoder not in held:
                kinds = ", ".join(held) or "none"
                raise ValueError(
                    f"decoder: there is no '{decoder}' in what was taught, which holds {kinds}; choose another"
                )
            _fill(self.receivers[decoder], taught)
            self.receivers[decoder].requires_grad_(True)

    def _transfer(self, source: str, target: str) -> None:
        parameters = {name: p for rx in self.receivers.values() for name, p in rx.named_parameters()}
        for name, value in layer_transfer.transferred(parameters, source, target).items():
            with torch.no_grad():
                parameters[name].copy_(value)
            parameters[name].requires_grad_(not self.procedure.freeze)

    def take_turn(self, epoch: int) -> None:
        """Whose epoch it is."""
        decoders = self.procedure.decoders
        self.trained = self.receivers[decoders[epoch % len(decoders)]]

    @property
    def halves(self) -> Sequence[nn.Module]:
        return (self.tx, *self.receivers.values())

    @property
    def settings(self) -> dict[str, object]:
        return {
            "shape": asdict(self.shape),
            "procedure": asdict(self.procedure),
            "snrs_db": list(self.snrs_db),
            "taught_by": self.taught_by,
        }

    @property
    def codec_options(self) -> dict[str, str]:
        return {"decoder": self.procedure.decoders[-1]}

    @property
    def code(self) -> tuple[ModuleType, ...]:
        networks = (swin_network, swin_blocks, swin_windows, swin_channel, symbol_code)
        return (*networks, distill, layer_transfer, multiuser, sys.modules[__name__])

    def metadata(self, tensors: Mapping[str, Tensor]) -> dict[str, str]:
        return super().metadata(tensors) | {
            HISTORY: json.dumps(self.history),
            "decoders": json.dumps(sorted(self.receivers)),
            SNRS_DB: json.dumps(list(self.snrs_db)),
            PAIRING: pairing(tensors),
        }

    def losses(self, images: Tensor, generator: torch.Generator) -> Losses:
        snr_db = self.snrs_db[int(torch.randint(len(self.snrs_db), (1,), generator=generator))]
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.procedure.encoder):
            code = self.tx(images, snr_db)
        received = TorchAWGN(snr_db)(code, generator)
        teacher, student, alpha = self.teacher, self.trained, self.procedure.alpha
        if teacher is None or not alpha:
            mse = nn.functional.mse_loss(student(received, snr_db), images)
            return Losses(mse, mse.item())
        parts = distill.losses(
            images, received, lambda code: student(code, snr_db), lambda code: teacher(code, snr_db), alpha
        )
        return Losses(parts.total, parts.mse.item())


def _fill(half: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Takes the half's tensors out of a file's, for good."""
    try:
        half.load_state_dict({name: tensors[name] for name in half.state_dict()})
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"taught: does not fit the network ({reason}); give weights of this shape") from error
    half.requires_grad_(False)


class Quality(NamedTuple):
    """Of one decoder."""

    decoder: str
    snr_db: float
    psnr_db: float


def qualities(
    shape: SwinShape,
    weights: Mapping[str, Tensor],
    decoders: Sequence[str],
    snrs_db: Sequence[float],
    images: Tensor,
    seed: int,
) -> list[Quality]:
    """Scores weights, by the names of a file, at each of the SNRs. images: as `psnr_over_awgn`."""
    tx = SwinTransmitter(shape)
    tx.load_state_dict({name: weights[name] for name in tx.state_dict()})
    found = []
    for decoder in decoders:
        rx = SwinReceiver(shape, decoder)
        rx.load_state_dict({name: weights[name] for name in rx.state_dict()})
        found += [Quality(decoder, snr, psnr_over_awgn(tx, rx, images, snr, seed)) for snr in snrs_db]
    return found


@torch.no_grad()
def psnr_over_awgn(
    tx: SwinTransmitter,
    rx: SwinReceiver,
    images: Tensor,
    snr_db: float,
    seed: int,
    sender_told_db: float | None = None,
    batch: int = 100,
) -> float:
    """Mean over pictures [n, 3, H, W] (values in [0, 1]) of the PSNR in dB, each sent once over AWGN, with pixels
    rounded to 8 bits as a receiver would. sender_told_db: where the sender is told another SNR than the receiver."""
    generator = torch.Generator().manual_seed(seed)
    channel, errors = TorchAWGN(snr_db), []
    for some in torch.split(images, batch):
        code = tx(some, snr_db if sender_told_db is None else sender_told_db)
        pixels = rx(channel(code, generator), snr_db).clamp(0, 1).mul(255).round().div(255)
        errors.append((pixels - some).square().flatten(1).mean(dim=1))
    quality: Tensor = -10 * torch.cat(errors).clamp_min(1e-10).log10()
    return float(quality.mean())
