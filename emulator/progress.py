"""What a run tells whoever waits for it."""

from __future__ import annotations

import sys
from typing import Protocol


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

    def close(self) -> None:
        """The run is over."""
        ...


class Silent:
    """Says nothing."""

    def phase(self, text: str) -> None: ...
    def transmitting(self, total: int) -> None: ...
    def receipt(self) -> None: ...
    def close(self) -> None: ...


class Bars:
    """A line a phase and a bar for receipts, on standard error."""

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

    def phase(self, text: str) -> None:
        self._bars.update(self._task, description=text)

    def transmitting(self, total: int) -> None:
        self._bars.reset(self._task, total=total, description="receipts")

    def receipt(self) -> None:
        self._bars.advance(self._task)

    def close(self) -> None:
        self._bars.stop()
