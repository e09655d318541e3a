"""Which tensors of a decoder an alignment trains and hence uploads: Freeze_l(phi) of SLF, section III-B. NumPy only.

Layers are counted from the last, as the paper does: l = 1 freezes the last convolution, 2 the last two, 3 all three,
4 the codebook as well. The codebook belongs to phi.
"""

from __future__ import annotations

from collections.abc import Collection

from edge.codecs.slf_network import CODEBOOK, DECODER_LAYERS
from edge.codecs.tensors import TensorError, Tensors, check_fit

CLASSIFIER = "classifier."


def uploaded_names(freeze: int, decoder: Collection[str]) -> list[str]:
    """The names of `decoder` (phi; a classifier among them is never trained) that stay trainable, sorted: what an
    upload must hold, exactly. Empty for freeze = 4."""
    trained = DECODER_LAYERS[: len(DECODER_LAYERS) - freeze]
    return sorted(name for name in decoder if _layer(name) in trained)


def check_upload(offered: Tensors, held: Tensors, freeze: int) -> None:
    """Raises TensorError unless `offered` is what a transmitter that froze so many layers of `held` must send: no
    tensor missing or extra, same shapes and dtypes, finite."""
    expected = uploaded_names(freeze, held)
    missing, extra = sorted(set(expected) - set(offered)), sorted(set(offered) - set(expected))
    if missing:
        raise TensorError(f"tensors.{missing[0]}: missing from an upload with freeze={freeze}; send all that changed")
    if extra:
        raise TensorError(f"tensors.{extra[0]}: does not belong into an upload with freeze={freeze}; leave it out")
    if expected:
        check_fit(offered, held)


def _layer(name: str) -> str:
    """decoder.layer1.weight -> decoder.layer1; codebook as it is."""
    return name if name == CODEBOOK else name.rpartition(".")[0]
