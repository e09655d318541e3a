from __future__ import annotations

from pathlib import Path

import pytest

from tools.figures.cells import Cells


def test_a_cell_is_computed_once_and_outlives_the_process(tmp_path: Path) -> None:
    calls = []

    def compute() -> dict[str, float]:
        calls.append(1)
        return {"psnr_db": 30.5}

    key = {"what": "x", "set": "xray", "seed": 0}
    assert Cells(tmp_path).get(key, compute) == {"psnr_db": 30.5}
    assert Cells(tmp_path).get(dict(reversed(key.items())), compute) == {"psnr_db": 30.5}
    assert len(calls) == 1


@pytest.mark.parametrize("changed", [{"seed": 1}, {"set": "anime"}, {"weights": "b"}, {"more": True}])
def test_every_part_of_the_key_counts(tmp_path: Path, changed: dict[str, object]) -> None:
    cells = Cells(tmp_path)
    key: dict[str, object] = {"what": "x", "set": "xray", "seed": 0, "weights": "a"}
    cells.get(key, lambda: 1)
    assert cells.get(key | changed, lambda: 2) == 2


def test_a_killed_run_leaves_no_half_cell(tmp_path: Path) -> None:
    cells, key = Cells(tmp_path), {"what": "x"}

    def killed() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cells.get(key, killed)
    part = cells.path(key, ".json").with_name(cells.path(key, ".json").name + ".part")
    part.write_text('{"value": 1')  # what a kill in the middle of writing leaves
    assert cells.get(key, lambda: 2) == 2


def test_fresh_and_kept_values_look_alike(tmp_path: Path) -> None:
    cells = Cells(tmp_path)
    fresh = cells.get({"what": "x"}, lambda: {"pair": (1, 2)})
    assert fresh == cells.get({"what": "x"}, lambda: None) == {"pair": [1, 2]}
