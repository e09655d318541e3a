"""Results that were expensive, one JSON file each, so that a killed run loses one cell and the next run goes on.

A cell is named by everything that decides its value: give the digests of weight files, not their names alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.figures.results import put

Key = Mapping[str, object]  # JSON values


class Cells:
    """Cells in a folder, which is made when the first one is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reused = 0
        self.computed = 0

    def get(self, key: Key, compute: Callable[[], Any]) -> Any:
        """The value kept under this key, or that of compute(), which must be JSON."""
        path = self.path(key, ".json")
        if path.exists():
            self.reused += 1
            return json.loads(path.read_text())["value"]
        value = compute()
        self.keep(path, json.dumps({"key": dict(key), "value": value}).encode())
        self.computed += 1
        return json.loads(json.dumps(value))  # a fresh value looks exactly as a kept one

    def path(self, key: Key, suffix: str) -> Path:
        """Where a cell of this key lies: readable words, then a digest of the whole key."""
        canonical = json.dumps(dict(key), sort_keys=True)
        words = [str(key[name]) for name in ("what", "set", "model", "method", "condition", "seed") if key.get(name)]
        readable = "-".join(words).replace("/", "_")[:80]
        return self.folder / f"{readable}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}{suffix}"

    def keep(self, path: Path, content: bytes) -> None:
        """Writes a whole file or none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content)
