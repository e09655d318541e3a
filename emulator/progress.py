"""What a run tells whoever waits for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress(Protocol):
    """Told what a run is doing."""

    def phase(self, text: str) -> None:
        """A new phase began."""
        ...

    def transmitting(self, total: int) -> None:
        """A step began that waits for `total` receipts."""
        ...

    def receipt(self) -> None:
        """One of them came."""
        ...

    def learning(self, receiver: str, doing: str, done: int, total: int) -> None:
        """A receiver that adapts has done so much of what it is doing."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


class Silent:
    """Says nothing."""

    def phase(self, text: str) -> None: ...
    def transmitting(self, total: int) -> None: ...
    def receipt(self) -> None: ...
    def learning(self, receiver: str, doing: str, done: int, total: int) -> None: ...
    def close(self) -> None: ...


class Bars:
    """A line a phase, a bar for receipts, and a bar a receiver that adapts, on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(file=sys.stderr),
            transient=False,
        )
        self._bars.start()
        self._task = self._bars.add_task("starting", total=None)
        self._learners: dict[str, TaskID] = {}

    def phase(self, text: str) -> None:
        self._bars.update(self._task, description=text)

    def transmitting(self, total: int) -> None:
        self._bars.reset(self._task, total=total, description="receipts")

    def receipt(self) -> None:
        self._bars.advance(self._task)

    def learning(self, receiver: str, doing: str, done: int, total: int) -> None:
        if receiver not in self._learners:
            self._learners[receiver] = self._bars.add_task(receiver)
        self._bars.update(self._learners[receiver], description=f"{receiver}: {doing}", completed=done, total=total)

    def close(self) -> None:
        self._bars.stop()
