"""Step (2) of SLF (section III-B): a transmitter fine-tunes its encoder with its receiver's decoder, on pictures of its
own, through the channel as it measured it. NumPy at the boundary; nothing here knows of links, sessions or files
other than its checkpoint. Not thread-safe: it runs in one thread.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from edge import images, sample
from edge.adapt.errors import AdaptError
from edge.adapt.slf_layers import CLASSIFIER, check_upload, uploaded_names
from edge.adapt.slf_loss import losses
from edge.adapt.slf_settings import SlfSettings
from edge.codecs.contract import Codec
from edge.codecs.network_codec import MEMORY_FORMAT
from edge.codecs.quantizer import lookup, nearest
from edge.codecs.slf import Slf
from edge.codecs.slf_network import SlfReceiver, SlfTransmitter
from edge.codecs.tensors import TensorError, Tensors, check_fit
from emulator.channels.torch_faces import TorchKaryDMC

__all__ = ["SlfProgress", "SlfResult", "VirtualTransceiver", "check_upload", "own_pictures", "uploaded_names"]

FEWEST_PICTURES = 4
JUDGED_SHARE, MOST_JUDGED = 0.1, 400  # of the pictures: kept back to judge
AT_ONCE = 200  # pictures judged in one pass


@dataclass(frozen=True)
class SlfProgress:
    """loss: eq. (4), mean over the steps of this call (NaN when there were none)."""

    step: int
    steps: int
    loss: float


@dataclass(frozen=True, eq=False)
class SlfResult:
    """encoder: theta' and the codebook it quantises with, all of a transmitter's tensors. changed: what was trained of
    phi, to be uploaded. flops: of all steps, forward and backward, two a multiply-add. mse_before, mse_after: of
    pixels in [0, 1] on pictures kept back, through the channel; before is own encoder and codebook with the other's
    decoder. pictures: trained with."""

    encoder: dict[str, NDArray[Any]]
    changed: dict[str, NDArray[Any]]
    flops: float
    mse_before: float
    mse_after: float
    pictures: int


class VirtualTransceiver:
    """TRX_ij = [theta_i, Freeze_l(phi_j)]: `advance` until `finished`, then `result`.

    With freeze = 0 all of phi begins at random values, its codebook too, and theta as the transmitter has it. Measured
    with TX1, RX2, crossover 1e-5, 400 steps of 16: MSE 0.0096, and 0.0097 with theta at random values as well. (With
    the transmitter's own codebook in place of a random one it is 0.0064; the paper re-initialises, and so do we.)
    """

    def __init__(
        self, codec: Codec, decoder: Tensors, pictures: NDArray[np.uint8], crossover: float, settings: SlfSettings
    ) -> None:
        """codec: slf with its encoder half; only read. decoder: phi_j with its codebook; a classifier among it is left
        alone, since no term of the loss is its (section III-B). pictures: uint8 [N, s, s, 3]. crossover: as measured.

        Raises AdaptError for a codec, tensors or pictures that cannot be used.
        """
        if not isinstance(codec, Slf) or codec.transmitter is None:
            raise AdaptError(f"codec {codec.name}: only the encoder half of slf can be aligned; choose slf")
        self._settings = settings
        self._channel = TorchKaryDMC(codec.shape.entries, _probability(crossover))
        self._teaching, self._judging = _split(_checked(pictures, codec.shape.side), settings.seed)
        phi = {name: value for name, value in decoder.items() if not name.startswith(CLASSIFIER)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)  # decides re-initialised layers
            self._transmitter, self._receiver = SlfTransmitter(codec.shape), SlfReceiver(codec.shape)
        _put(self._transmitter, codec.parameters(), "codec")
        theirs = SlfReceiver(codec.shape) if settings.freeze == 0 else self._receiver
        _put(theirs, phi, "decoder")
        self.mse_before = self._judged(self._transmitter, theirs)
        self._transmitter.codebook = self._receiver.codebook
        self._trained = self._trainable(uploaded_names(settings.freeze, phi))
        self._optimizer = torch.optim.Adam(self._trained.values(), lr=settings.rate)
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._identity = self._identified(codec.parameters(), phi, pictures, crossover)
        self._flops_a_step = 0
        self.step = 0
        self.steps = settings.steps

    @property
    def finished(self) -> bool:
        return self.step >= self.steps

    def advance(self, count: int) -> SlfProgress:
        """At most `count` more steps. Raises AdaptError when the loss is no longer finite."""
        total, done = 0.0, 0
        while done < count and not self.finished:
            total, done = total + self._one_step(), done + 1
        return SlfProgress(self.step, self.steps, total / done if done else math.nan)

    def result(self) -> SlfResult:
        """As it stands; final once `finished`. Copies."""
        encoder = _arrays(self._transmitter.state_dict())
        phi = _arrays(self._receiver.state_dict())
        names = uploaded_names(self._settings.freeze, phi)
        after = self._judged(self._transmitter, self._receiver)
        flops = float(self._flops_a_step * self.step)
        changed = {name: phi[name] for name in names}
        return SlfResult(encoder, changed, flops, self.mse_before, after, len(self._teaching))

    def save(self, path: Path) -> None:
        """Writes a checkpoint, whole or not at all."""
        state = {
            "identity": self._identity,
            "step": self.step,
            "trained": {name: tensor.detach() for name, tensor in self._trained.items()},
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "flops_a_step": self._flops_a_step,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on where `save` was called, exactly. Raises AdaptError, and changes nothing, when the file is no whole
        checkpoint or belongs to another alignment."""
        try:
            whole = zipfile.is_zipfile(path)  # torch.load would try older formats, and fail in many ways
            state = torch.load(path, weights_only=True) if whole else None
        except (RuntimeError, ValueError, KeyError, EOFError, OSError) as error:
            raise AdaptError(f"{path.name}: not a readable checkpoint ({error}); remove it and start again") from error
        if state is None:
            raise AdaptError(f"{path.name}: not a whole checkpoint; remove it and start again")
        if not isinstance(state, dict) or state.get("identity") != self._identity:
            raise AdaptError(f"{path.name}: belongs to an alignment with other settings; remove it and start again")
        with torch.no_grad():
            for name, tensor in self._trained.items():
                tensor.copy_(state["trained"][name])
        self._optimizer.load_state_dict(state["optimizer"])
        self._generator.set_state(state["generator"])
        self.step, self._flops_a_step = state["step"], state["flops_a_step"]

    def _one_step(self) -> float:
        """One optimizer step; eq. (4) of its batch. The first one counts its operations."""
        if self._flops_a_step:
            return self._trained_on(self._batch())
        with FlopCounterMode(display=False) as counter:
            loss = self._trained_on(self._batch())
        self._flops_a_step = counter.get_total_flops()
        return loss

    def _trained_on(self, batch: Tensor) -> float:
        total, _ = losses(
            self._transmitter, self._receiver, self._channel, batch, self._settings.commitment, self._generator
        )
        value = total.item()
        if not math.isfinite(value):
            raise AdaptError(f"align: the loss is {value} at step {self.step + 1}; lower align.learning_rate")
        self._optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.step += 1
        return value

    def _batch(self) -> Tensor:
        """The pictures of this step: a function of seed and step, all once before any a second time."""
        size = min(self._settings.batch, len(self._teaching))
        epoch, place = divmod(self.step, len(self._teaching) // size)
        order = np.random.default_rng((self._settings.seed, epoch)).permutation(len(self._teaching))
        return _as_tensor(self._teaching[order[place * size : (place + 1) * size]])

    def _trainable(self, names: list[str]) -> dict[str, Tensor]:
        """Every tensor that is trained, by name; nothing else has a gradient."""
        halves: dict[str, Tensor] = {
            name: p for half in (self._transmitter, self._receiver) for name, p in half.named_parameters()
        }
        trained = {name: p for name, p in halves.items() if name in names or name.startswith("encoder.")}
        for name, parameter in halves.items():
            parameter.requires_grad_(name in trained)
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=MEMORY_FORMAT)
        return trained

    @torch.no_grad()
    def _judged(self, transmitter: SlfTransmitter, receiver: SlfReceiver) -> float:
        """MSE on the pictures kept back, always through the same noise. Each half uses its own codebook."""
        generator = torch.Generator().manual_seed(self._settings.seed)
        total = 0.0
        for at in range(0, len(self._judging), AT_ONCE):
            sent = _as_tensor(self._judging[at : at + AT_ONCE])
            indices = self._channel(nearest(transmitter.encoder(sent), transmitter.codebook), generator)
            received = receiver.decoder(lookup(indices, receiver.codebook)).clamp(0, 1)
            total += float((received - sent).pow(2).mean()) * len(sent)
        return total / len(self._judging)

    def _identified(self, theta: Tensors, phi: Tensors, pictures: NDArray[np.uint8], crossover: float) -> str:
        """What a checkpoint must share with the run that resumes it."""
        digest = hashlib.sha256(f"{self._settings.to_json()} {crossover!r} {pictures.shape}".encode())
        digest.update(np.ascontiguousarray(pictures).tobytes())
        for side in (theta, phi):
            for name, tensor in sorted(side.items()):
                digest.update(name.encode() + np.ascontiguousarray(tensor).tobytes())
        return digest.hexdigest()


def own_pictures(source: str, limit: int, side: int) -> NDArray[np.uint8]:
    """A node's own pictures as uint8 [N, side, side, 3], smaller ones framed in black. Raises ImageError.

    source: a packaged sample's name, or a path as edge.images reads it (split train). limit: at most so many from the
    start, 0 for all.
    """
    packaged = sample.DIGITS.get(source)
    found = iter(packaged()) if packaged is not None else images.read(Path(source), split="train")
    return np.stack([images.padded(one.pixels, side, one.name) for one in islice(found, limit or None)])


def _probability(crossover: float) -> float:
    if not 0 <= crossover <= 1:
        raise AdaptError(f"crossover: must be a probability in [0, 1], got {crossover:g}")
    return crossover


def _checked(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    shape = pictures.shape
    if pictures.dtype != np.uint8 or len(shape) != 4 or shape[1:] != (side, side, 3) or shape[0] < FEWEST_PICTURES:
        raise AdaptError(
            f"align.data: must be at least {FEWEST_PICTURES} pictures, uint8 [N, {side}, {side}, 3], got "
            f"{pictures.dtype} {list(shape)}"
        )
    return pictures


def _split(pictures: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Those that teach, and those kept back to judge; drawn by the seed."""
    judging = min(max(1, round(JUDGED_SHARE * len(pictures))), MOST_JUDGED)
    order = np.random.default_rng(seed).permutation(len(pictures))
    return pictures[order[judging:]], pictures[order[:judging]]


def _as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """uint8 [N, s, s, 3] -> [N, 3, s, s] in [0, 1]; the pictures' own layout is the one that networks like."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255.0)


def _put(half: SlfTransmitter | SlfReceiver, tensors: Tensors, what: str) -> None:
    """All tensors of a half. Raises AdaptError when one is missing or does not fit."""
    state = half.state_dict()
    missing = sorted(set(state) - set(tensors))
    if missing:
        raise AdaptError(f"{what}: lacks the tensor {missing[0]}; both ends must be slf")
    try:
        check_fit(tensors, _arrays(state))
    except TensorError as error:
        raise AdaptError(f"{what}: {error}") from error
    with torch.no_grad():
        for name, tensor in state.items():
            tensor.copy_(torch.from_numpy(np.ascontiguousarray(tensors[name])))


def _arrays(state: dict[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().contiguous().numpy().copy() for name, tensor in state.items()}
