"""The one thread in which all codec work of a node happens: opening, encoding, decoding, reading and swapping tensors.

One thread, so that a swap of parameters falls between two messages and never into one, and so that the event loop
keeps answering while a network runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class CodecThread:
    """Runs functions one after another, in the order they were asked for."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="codec")

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, or what it raised. Once started it ends even when the waiter is cancelled."""
        return await asyncio.wrap_future(self._pool.submit(function, *args, **kwargs))

    def close(self) -> None:
        """Waits for the function that runs, and drops those that wait."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def keep_torch_to_one_thread() -> None:
    """Many nodes share a machine: each gets one core. Does nothing, and imports nothing, where no codec brought torch.

    To be called in the codec thread: OpenMP keeps the number for each thread that starts work.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
