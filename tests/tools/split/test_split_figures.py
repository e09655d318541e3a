"""The figures' commands from end to end, on untrained weights: what they write, not what it means."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tools.split.fig6 import fig6
from tools.split.fig8 import fig8
from tools.split.fig9 import fig9
from tools.split.setting import Setting


@pytest.mark.parametrize(("figure", "rows"), [(fig6, 10), (fig8, 5), (fig9, 5)])
def test_a_figure_writes_its_values_and_its_picture(
    figure: Callable[[Setting], None], rows: int, setting: Setting
) -> None:
    setting.out.mkdir()
    figure(setting)
    document = json.loads((setting.out / f"{figure.__name__}.json").read_text())
    assert len(document["rows"]) == rows
    assert document["settings"] == {"pictures": 4, "seeds": [0, 1], "quick": False}
    assert (setting.out / f"{figure.__name__}.csv").read_text().count("\n") == rows + 1
    assert (setting.out / f"{figure.__name__}.png").read_bytes().startswith(b"\x89PNG")
    missing = [why for why in document["skipped"] if "deepjscc" not in why]
    assert missing == [] if figure is fig6 else "mapper-k128-snr20.safetensors: no such file" in missing
