"""Reading the packaged sample. The files are made by tools/build_sample.py from the original data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from types import MappingProxyType

from edge import images
from edge.images import Named


def _read(name: str) -> list[Named]:
    with as_file(files("edge.sample") / name) as path:
        return list(images.read(path))


def kodak() -> list[Named]:
    """Eight photographs, the middle [256, 256, 3] of Kodak images 3, 5, 7, 8, 9, 14, 15 and 16. None was trained on."""
    return _read("kodak")


def mnist() -> list[Named]:
    """400 handwritten digits [28, 28, 3] (grey) with labels 0 to 9, 40 of each, from the MNIST test set."""
    return _read("mnist.npz")


def mnist_train() -> list[Named]:
    """4,000 handwritten digits [28, 28, 3] (grey) with labels 0 to 9, 400 of each, from the MNIST train set: pictures
    that a transmitter has of its own."""
    return _read("mnist_train.npz")


def fashion_mnist() -> list[Named]:
    """400 pieces of clothing [28, 28, 3] (grey) with labels 0 to 9, 40 of each, from Fashion-MNIST."""
    return _read("fashion_mnist.npz")


DIGITS: Mapping[str, Callable[[], list[Named]]] = MappingProxyType(
    {"mnist": mnist, "mnist_train": mnist_train, "fashion_mnist": fashion_mnist}
)
"""The samples of small labelled pictures, by name."""
