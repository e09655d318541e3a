"""Calls back at absolute times, more exactly than an event loop's timers can.

One thread keeps a heap of deadlines, sleeps until shortly before the next, and spins the rest: about 2 us of error
against the 0.5 ms of asyncio (figures in docs/performance.md).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Self

SPIN_S = 200e-6


class Pacer:
    """Runs callables in an event loop at monotonic deadlines; those of one deadline in the order they were given."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._handed = 0  # taken off the heap, not yet run by the loop
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def at(self, deadline_s: float, call: Callable[[], None]) -> None:
        """call() in the event loop, at deadline_s of time.monotonic() or as soon after as possible."""
        with self._changed:
            heapq.heappush(self._heap, (deadline_s, next(self._order), call))
            if self._heap[0][0] == deadline_s:
                self._changed.notify()

    @property
    def waiting(self) -> int:
        """Calls that have not run yet."""
        with self._changed:
            return len(self._heap) + self._handed

    def close(self) -> None:
        """Stops the thread; what still waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._heap and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                ahead = self._heap[0][0] - time.monotonic()
                if ahead > SPIN_S:
                    self._changed.wait(ahead - SPIN_S)
                    continue
                deadline, _, call = heapq.heappop(self._heap)
                self._handed += 1
            while time.monotonic() < deadline:
                pass
            self._loop.call_soon_threadsafe(self._call, call)

    def _call(self, call: Callable[[], None]) -> None:
        with self._changed:
            self._handed -= 1
        call()
