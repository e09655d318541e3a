"""How the process treats memory that it has freed."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEEP_BYTES = 64 * 1024 * 1024


def keep_freed_memory() -> None:
    """Has glibc keep what is freed. By default it gives every batch-sized buffer back to the kernel, and takes page
    faults for the next one: they cost more than the copies themselves (docs/performance.md)."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent from other C libraries
        if mallopt is not None:
            mallopt(M_TRIM_THRESHOLD, KEEP_BYTES)
            mallopt(M_MMAP_THRESHOLD, KEEP_BYTES)
