"""What a codec may offer beside the contract: its tensors by name, to be copied out and replaced while it runs.

This is all that parameter transfer (`edge.node.parameters`) knows of a codec. It is NumPy, so that a codec without
torch can offer it too; nothing here opens files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[Any]]


@runtime_checkable
class TensorHolder(Protocol):
    """A codec whose parameters can be read and replaced."""

    def parameters(self) -> dict[str, NDArray[Any]]:
        """Every tensor of the half that is open, by its name in the codec's state. Copies: later changes of the codec
        do not reach them."""
        ...

    def replace(self, tensors: Tensors) -> None:
        """Puts these tensors (some or all of `parameters()`, same shapes and dtypes) in force. Raises CodecError, and
        changes nothing, when they cannot be used."""
        ...


class TensorError(ValueError):
    """Tensors that do not fit; the message names the tensor and what was expected."""


def digest(tensors: Tensors) -> str:
    """SHA-256 over names, shapes and values, in hex.

    Values that half precision holds exactly are hashed so: a weight file in half precision and a network that was
    loaded from it have the same digest, and any change of a value another one.
    """
    hashed = hashlib.sha256()
    for name in sorted(tensors):
        values = _compact(np.ascontiguousarray(tensors[name]))
        hashed.update(f"{name} {values.dtype} {values.shape}".encode() + values.tobytes())
    return hashed.hexdigest()


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype != np.float32:
        return values
    with np.errstate(over="ignore"):
        halves = values.astype(np.float16)
    return halves if np.array_equal(halves, values) else values


def check_fit(offered: Tensors, held: Tensors) -> None:
    """Raises TensorError unless every offered tensor is held under that name with the same shape and dtype, and finite.

    Any subset of the held names will do, but not an empty one.
    """
    if not offered:
        raise TensorError("tensors: the file holds none; send at least one")
    for name, tensor in offered.items():
        if name not in held:
            known = ", ".join(sorted(held)[:8])
            raise TensorError(f"tensors.{name}: the codec has no such tensor (it has: {known}, ...); leave it out")
        expected = held[name]
        if tensor.shape != expected.shape:
            raise TensorError(f"tensors.{name}: shape must be {list(expected.shape)}, got {list(tensor.shape)}")
        if tensor.dtype != expected.dtype:
            raise TensorError(f"tensors.{name}: dtype must be {expected.dtype}, got {tensor.dtype}")
        if tensor.dtype.kind in "fc" and not np.isfinite(tensor).all():
            raise TensorError(f"tensors.{name}: holds values that are not finite; send finite ones")
