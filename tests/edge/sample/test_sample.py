from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge import images, sample
from edge.images import Named
from tools import build_sample


def test_photographs_are_the_kodak_crops_pixel_for_pixel() -> None:
    pictures = sample.kodak()
    assert [Path(p.name).stem for p in pictures] == list(build_sample.KODAK)
    assert {p.pixels.shape for p in pictures} == {(256, 256, 3)}
    # digest of kodim03.png[128:384, 256:512] as the suite has it
    assert hashlib.sha256(pictures[0].pixels.tobytes()).hexdigest()[:16] == "a0c3dcbc0240c45b"


@pytest.mark.parametrize(
    ("digits", "each"), [(sample.mnist, 40), (sample.fashion_mnist, 40), (sample.mnist_train, 400)]
)
def test_digits_are_labelled_grey_and_balanced(digits: Callable[[], list[Named]], each: int) -> None:
    pictures = digits()
    assert Counter(p.label for p in pictures) == dict.fromkeys(range(10), each)
    assert all(p.pixels.shape == (28, 28, 3) and np.ptp(p.pixels, axis=2).max() == 0 for p in pictures)
    assert len({p.pixels.tobytes() for p in pictures}) > 390 * each // 40  # different pictures


def test_what_teaches_is_not_what_is_sent() -> None:
    sent = {p.pixels.tobytes() for p in sample.mnist()}
    assert not any(p.pixels.tobytes() in sent for p in sample.mnist_train())


def test_samples_of_digits_have_names() -> None:
    assert {name: len(read()) for name, read in sample.DIGITS.items()} == {
        "mnist": 400,
        "mnist_train": 4000,
        "fashion_mnist": 400,
    }


def test_the_first_mnist_test_digit_is_a_seven() -> None:
    seven = sample.mnist()[0]
    assert seven.label == 7
    assert int(seven.pixels[:, :, 0].sum()) == 18454  # the published first test image


def test_the_whole_sample_stays_small() -> None:
    folder = Path(sample.__file__).parent
    assert sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) < 2_500_000


def test_building_keeps_pixels_and_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(build_sample, "KODAK", build_sample.KODAK[:2])
    source = tmp_path / "kodak"
    source.mkdir()
    for i, name in enumerate(build_sample.KODAK):
        ramp = (np.arange(260)[:, None] + np.arange(300) * i)[:, :, None] * np.array([1, 2, 3])
        Image.fromarray(ramp.astype(np.uint8)).save(source / f"{name}.png")
    build_sample.write_photographs(source, tmp_path / "out")
    for made, original in zip(images.read(tmp_path / "out"), images.read(source), strict=True):
        assert np.array_equal(made.pixels, original.pixels[2:258, 22:278])

    labels = np.tile(np.arange(10, dtype=np.uint8), 3)
    stack = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "digits.npz", test_x=stack, test_y=labels, train_x=stack[:1], train_y=labels[:1])
    np.savez(tmp_path / "own.npz", test_x=stack[:1], test_y=labels[:1], train_x=stack, train_y=labels)
    build_sample.write_digits(tmp_path / "digits.npz", tmp_path / "few.npz", each=2)
    build_sample.write_digits(tmp_path / "own.npz", tmp_path / "fewer.npz", 1, "train")
    with np.load(tmp_path / "fewer.npz") as fewer:
        assert np.array_equal(fewer["x"], stack[:10])
    with np.load(tmp_path / "few.npz") as few:
        assert np.array_equal(few["x"], stack[:20])
        assert np.array_equal(few["y"], labels[:20])
    with pytest.raises(images.ImageError, match="fewer than 4 pictures of class 0; lower --each"):
        build_sample.write_digits(tmp_path / "digits.npz", tmp_path / "few.npz", each=4)
