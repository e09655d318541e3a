"""Makes processes.py importable from the tests beside it, and gives each test a yard that must be empty at its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from processes import Yard

SLOW_MACHINE_S = 600  # a limit for what hangs, not for what is slow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the tests of this folder more time than unit tests get."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(SLOW_MACHINE_S))


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
