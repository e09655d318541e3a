"""A few real pictures that come with the package, so that nothing is downloaded. Terms of use: NOTICE."""

from edge.sample.sample import DIGITS, fashion_mnist, kodak, mnist, mnist_train

__all__ = ["DIGITS", "fashion_mnist", "kodak", "mnist", "mnist_train"]
