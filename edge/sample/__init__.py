"""A few real pictures that come with the package, so that nothing is downloaded. Terms of use: NOTICE."""

from edge.sample.sample import fashion_mnist, kodak, mnist

__all__ = ["fashion_mnist", "kodak", "mnist"]
