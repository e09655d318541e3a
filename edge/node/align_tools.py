"""Where a node gets the tools of an alignment: the one place of edge.node that knows edge.adapt's SLF.

They are imported when an alignment begins: a node that only serves never loads an optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.codecs.contract import Codec
from edge.codecs.tensors import TensorHolder, Tensors
from edge.node.codec_thread import keep_torch_to_one_thread
from edge.node.transfer import CODEBOOK, DECODER, ENCODER

if TYPE_CHECKING:
    from edge.adapt.pilots import Crossover
    from edge.adapt.slf_settings import SlfSettings


class Progress(Protocol):
    """As edge.adapt.slf.SlfProgress."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def loss(self) -> float: ...


class Result(Protocol):
    """As edge.adapt.slf.SlfResult."""

    @property
    def encoder(self) -> Tensors: ...
    @property
    def changed(self) -> Tensors: ...
    @property
    def flops(self) -> float: ...
    @property
    def mse_before(self) -> float: ...
    @property
    def mse_after(self) -> float: ...
    @property
    def pictures(self) -> int: ...


class Tuning(Protocol):
    """As edge.adapt.slf.VirtualTransceiver: one fine-tuning, in one thread."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def finished(self) -> bool: ...
    def advance(self, count: int, /) -> Progress: ...
    def save(self, path: Path, /) -> None: ...
    def resume(self, path: Path, /) -> None: ...
    def result(self) -> Result: ...


class AlignTools:
    """Everything here but `check_codec` and `settings` is slow: call it in the thread that will do the work."""

    def check_codec(self, codec: Codec, live: Tensors) -> None:
        """live: the codec's parameters. Raises AdaptError when the codec cannot be aligned."""
        halves = [name for name in live if name.startswith((ENCODER, DECODER))]
        if not isinstance(codec, TensorHolder) or CODEBOOK not in live or not halves:
            raise AdaptError(
                f"codec {codec.name}: cannot be aligned; choose one whose tensors are an encoder, a codebook and a "
                "decoder, such as slf"
            )

    def settings(self, given: Mapping[str, Any]) -> SlfSettings:
        """Settings with their defaults. Raises AdaptError, naming the field."""
        from edge.adapt.slf_settings import SlfSettings

        return SlfSettings(**given)

    def settings_of(self, text: str) -> SlfSettings:
        """Settings from the other end's JSON. Raises AdaptError."""
        from edge.adapt.slf_settings import SlfSettings

        return SlfSettings.from_json(text)

    def pilots(self, alphabet: int, count: int, key: str) -> NDArray[np.uint8]:
        """Indices that both ends know. Raises AdaptError."""
        from edge.adapt.pilots import pilot_indices

        return pilot_indices(alphabet, count, key)

    def crossover(
        self, sent: NDArray[np.uint8], received: NDArray[Any], present: NDArray[np.bool_] | None
    ) -> Crossover:
        """What they tell of the channel. Raises AdaptError when none arrived."""
        from edge.adapt.pilots import estimate_crossover

        return estimate_crossover(sent, received, present)

    def own_pictures(self, source: str, limit: int, side: int) -> NDArray[np.uint8]:
        """Pictures [N, side, side, 3] of this node's own. Raises ImageError."""
        from edge.adapt.slf import own_pictures

        return own_pictures(source, limit, side)

    def tuning(
        self, codec: Codec, decoder: Tensors, pictures: NDArray[np.uint8], crossover: float, settings: SlfSettings
    ) -> Tuning:
        """The virtual transceiver. Raises AdaptError when codec and decoder do not fit."""
        from edge.adapt.slf import VirtualTransceiver

        keep_torch_to_one_thread()
        return VirtualTransceiver(codec, decoder, pictures, crossover, settings)

    def check_upload(self, offered: Tensors, held: Tensors, freeze: int) -> None:
        """Raises TensorError: missing, extra, misshapen, not finite."""
        from edge.adapt.slf_layers import check_upload

        check_upload(offered, held, freeze)
