"""Makes processes.py importable from the tests beside it, and gives each test a yard that must be empty at its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from processes import Yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Where a test starts its processes. Afterwards all of them, and all of theirs, are gone: stopped by their own
    parents, or else killed here, in which case the test fails."""
    yard = Yard(tmp_path)
    try:
        yield yard
        yard.stop()
        assert yard.alive() == [], "processes were left behind"
    finally:
        yard.kill()
