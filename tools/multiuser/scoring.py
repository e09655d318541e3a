"""PSNR of trained encoders and decoders over AWGN, in process, each picture sent once; kept by the weights' digests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from edge.codecs import network_codec, swin_files, weights
from edge.codecs.swin import ARCHITECTURE
from edge.codecs.swin_network import SwinReceiver, SwinShape, SwinTransmitter
from tools.figures.cells import Cells
from tools.figures.results import Row, psnr_columns
from tools.multiuser.setting import Seen

TOGETHER = 100 * 32 * 32  # pixels in a batch


@dataclass(frozen=True)
class Trained:
    """A weight file of `swin` that holds its decoders itself."""

    path: Path
    _receivers: dict[str, SwinReceiver] = field(default_factory=dict, repr=False)

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        return {name: value.float() for name, value in weights.read_tensors(self.path, ("",)).items()}

    @cached_property
    def shape(self) -> SwinShape:
        return network_codec.read_shape(self.path, ARCHITECTURE, SwinShape)

    @cached_property
    def decoders(self) -> list[str]:
        """Strongest first."""
        return swin_files.decoders_in(weights.read_metadata(self.path))

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()[:16]

    @cached_property
    def transmitter(self) -> SwinTransmitter:
        with torch.device("meta"):  # what it would begin from costs more than what it is given
            tx = SwinTransmitter(self.shape)
        self._fill(tx)
        return tx

    def receiver(self, decoder: str) -> SwinReceiver:
        if decoder not in self.decoders:
            raise ValueError(f"{self.path.name}: holds {', '.join(self.decoders)}, not '{decoder}'; train that one too")
        if decoder not in self._receivers:
            with torch.device("meta"):
                self._receivers[decoder] = SwinReceiver(self.shape, decoder)
            self._fill(self._receivers[decoder])
        return self._receivers[decoder]

    def _fill(self, half: SwinTransmitter | SwinReceiver) -> None:
        half.load_state_dict({name: self.tensors[name] for name in half.state_dict()}, assign=True)
        half.eval().requires_grad_(False)

    def psnr_db(self, cells: Cells, decoder: str, seen: Seen, snr_db: float, seed: int) -> float:
        """Mean over pictures. seed: of the noise."""
        from edge.train.swin import psnr_over_awgn
        from edge.train.whole_pictures import as_tensor

        def scored() -> float:
            images = as_tensor(seen.pixels)
            together = max(1, TOGETHER // (images.shape[2] * images.shape[3]))
            own = self.transmitter, self.receiver(decoder)
            return psnr_over_awgn(*own, images, snr_db, seed, batch=together)

        key = {"what": "swin", "model": self.digest, "method": decoder, "set": seen.name, "pictures": seen.digest}
        return float(cells.get({**key, "snr_db": snr_db, "seed": seed}, scored))


def row(seen: Seen, scheme: str, decoder: str, snr_db: float, by_seed: Sequence[float]) -> Row:
    """by_seed: PSNR in dB of each training."""
    return {
        "set": seen.name,
        "scheme": scheme,
        "decoder": decoder,
        "snr_db": snr_db,
        **psnr_columns(by_seed),
        "seeds": len(by_seed),
        "pictures": len(seen.pixels),
    }
