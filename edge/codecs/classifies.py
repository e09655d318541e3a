"""What a receiver's codec may offer beside the contract: naming the class of a picture that it has decoded."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from edge.images import Picture


@runtime_checkable
class Classifies(Protocol):
    """A codec with a place for a classifier: Task(.) of SLF, section II."""

    @property
    def can_classify(self) -> bool:
        """Whether this half holds a classifier; `classify` is for such a one only."""
        ...

    def classify(self, picture: Picture) -> int:
        """A decoded picture -> its class, from 0. Raises CodecError when there is no classifier, or for a picture of
        another size than the codec's."""
        ...
