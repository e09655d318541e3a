from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from factory import Shape, make
from PIL import Image

from emulator.report import pictures
from emulator.report.scoring import score


def _draw(shape: Shape, out: Path) -> dict[str, np.ndarray]:
    run = make(shape)
    score(run.report, run.originals, run.received)
    pictures.draw(run.report, run.originals, run.received, out)
    return {name: np.asarray(Image.open(out / name).convert("RGB")) for name in ("pictures.png", "quality.png")}


def test_each_received_picture_has_its_cell_in_full_size(tmp_path: Path) -> None:
    run = make(Shape(receivers=2, images=1, side=64))
    colours = {"original": (200, 30, 40), "rx1": (30, 160, 90), "rx2": (20, 60, 220)}
    run.originals["kodim01.png"][:] = colours["original"]
    for name in ("rx1", "rx2"):
        run.received[f"s0-{name}", 0, name][:] = colours[name]
    score(run.report, run.originals, run.received)
    pictures.draw(run.report, run.originals, run.received, tmp_path)
    pixels = np.asarray(Image.open(tmp_path / "pictures.png").convert("RGB"))
    lefts = []
    for colour in colours.values():
        rows, columns = np.nonzero((pixels == colour).all(axis=2))
        assert np.ptp(rows) + 1 == pytest.approx(256, abs=2)
        assert np.ptp(columns) + 1 == pytest.approx(256, abs=2)
        assert len(rows) == pytest.approx(256 * 256, rel=0.02)
        lefts.append(columns.min())
    assert lefts == sorted(lefts)


def _size(receivers: int, images: int) -> tuple[float, float]:
    run = make(Shape(receivers=receivers, images=images, side=16))
    score(run.report, run.originals, run.received)
    width, height = pictures.before_and_after(run.report, run.originals, run.received).get_size_inches()
    return width, height


def test_the_grid_grows_with_images_and_receivers_up_to_its_limits() -> None:
    few, more = _size(receivers=2, images=2), _size(receivers=5, images=4)
    assert few[0] < more[0]
    assert few[1] < more[1]
    assert _size(receivers=10, images=4) == _size(receivers=14, images=7)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(receivers=5),
        Shape(receivers=5, plan=False),
        Shape(receivers=1, images=1, plan=False),
        Shape(receivers=12, images=1),
        Shape(receivers=2, interrupted="Ctrl-C", images=1),
    ],
)
def test_every_kind_of_run_makes_plots_with_ink_on_them(tmp_path: Path, shape: Shape) -> None:
    for name, pixels in _draw(shape, tmp_path).items():
        assert (pixels.min(axis=2) < 128).mean() > 0.001, name
    assert (tmp_path / "timeline.png").stat().st_size > 1000
