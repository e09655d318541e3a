"""What fine-tuning may refuse."""

from __future__ import annotations


class AdaptError(ValueError):
    """A fine-tuning that cannot be done as asked, or a file of one that cannot be used; one sentence, with the fix."""
