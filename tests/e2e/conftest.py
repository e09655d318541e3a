"""Makes processes.py importable from the tests beside it, and gives each test a yard that must be empty at its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def emptied(folder: Path) -> Iterator[Yard]:
    """A yard of which all processes, and all of theirs, are gone at the end: stopped by their own parents, or else
    killed here, which is then an error."""
    yard = Yard(folder)
    try:
        yield yard
        yard.stop()
        assert yard.alive() == [], "processes were left behind"
    finally:
        yard.kill()


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Where a test starts its processes."""
    with emptied(tmp_path) as yard:
        yield yard


@pytest.fixture(scope="module")
def shared_yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """The same for launches that serve several tests of a module: starting processes is most of what these cost."""
    with emptied(tmp_path_factory.mktemp("shared")) as yard:
        yield yard
