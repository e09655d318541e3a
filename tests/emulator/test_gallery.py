"""Pictures to learn from and pictures to send: parted by the seed before anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.images import ImageError, png_bytes
from emulator import pictures_to_send
from emulator.errors import RunError
from emulator.gallery import Gallery
from emulator.topology import Adapt, Scenario, Transmit, loads
from emulator.topology.pictures import Pictures

WHOLE = Pictures()


def scenario(*steps: str, seed: int = 1, pictures: str = "{}") -> Scenario:
    listed = "".join(f"  - {step}\n" for step in steps)
    return loads(
        f"version: 1\nname: s\nseed: {seed}\nnodes:\n  tx: {{role: tx}}\n  rx: {{role: rx, codec: {{name: raw}}}}\n"
        f"links:\n  - {{name: l, from: tx, to: rx, rate_bps: 1e6}}\npictures: {pictures}\nworkload:\n{listed}"
    )


def loaded(scenario: Scenario, folder: Path, limit: int | None = None) -> Gallery:
    gallery = Gallery(scenario, folder, limit)
    gallery.load()
    return gallery


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 grey pictures of 16 x 16, the i-th of value i."""
    where = tmp_path_factory.mktemp("grey")
    for i in range(60):
        (where / f"{i:02d}.png").write_bytes(png_bytes(np.full((16, 16, 3), i, np.uint8)))
    return where


def names(gallery: Gallery, step: object) -> list[str]:
    assert isinstance(step, Adapt | Transmit)
    return [shot.name for shot in (gallery.to_learn(step) if isinstance(step, Adapt) else gallery.to_send(step))]


SEND, LEARN = "transmit: {images: 20, crop: null}", "adapt: {method: dft, images: 12, cut: null, serve: 3}"


def test_no_picture_is_both_learnt_from_and_sent(folder: Path) -> None:
    told = scenario(SEND, LEARN, "transmit: {crop: 8}")
    gallery = loaded(told, folder)
    first, learn, last = (names(gallery, step) for step in told.workload)
    assert (len(first), len(learn), len(last)) == (20, 12, 48)
    assert set(learn).isdisjoint(last)
    assert set(learn) | set(last) == {f"{i:02d}.png" for i in range(60)}
    assert first == last[:20]
    adapt = told.workload[1]
    assert isinstance(adapt, Adapt)
    assert [shot.name for shot in gallery.to_serve(adapt)] == last[:3]
    assert gallery.total == 60
    for shot in gallery.to_learn(adapt):
        assert shot.pixels[0, 0, 0] == int(shot.name[:2])  # names and pixels stay together


def test_the_seed_alone_draws_the_parts_whatever_is_sent(folder: Path) -> None:
    learned = [
        names(loaded(told, folder, limit), told.workload[-1])
        for told, limit in (
            (scenario(SEND, LEARN), None),
            (scenario("transmit: {crop: null}", LEARN), None),
            (scenario("transmit: {crop: null}", LEARN), 2),
            (scenario(LEARN), None),
        )
    ]
    assert learned[1:] == learned[:-1]
    other = scenario(SEND, LEARN, seed=2)
    assert set(names(loaded(other, folder), other.workload[-1])) != set(learned[0])


def test_a_smaller_adapt_step_learns_from_the_first_of_a_larger_ones(folder: Path) -> None:
    told = scenario(LEARN, "adapt: {method: lsdft, images: 5, cut: null}")
    gallery = loaded(told, folder)
    assert names(gallery, told.workload[1]) == names(gallery, told.workload[0])[:5]


def test_every_picture_is_as_likely_to_be_learnt_from(folder: Path) -> None:
    # 300 seeds draw 12 of 60: each picture 60 times on average, deviation sqrt(300 * 0.2 * 0.8) = 6.9; 4.5 sigma
    drawn = np.zeros(60)
    pictures = list(pictures_to_send.read(folder))
    for seed in range(300):
        kept, total = pictures_to_send._lowest(pictures, 12, seed)
        assert total == 60
        drawn[[int(named.name[:2]) for named in kept]] += 1
    assert np.abs(drawn - 60).max() < 4.5 * 6.9


def test_without_an_adapt_step_the_first_pictures_are_sent_in_order(folder: Path) -> None:
    told = scenario("transmit: {images: 3, crop: null}")
    assert names(loaded(told, folder), told.workload[0]) == ["00.png", "01.png", "02.png"]
    assert names(loaded(told, folder, 2), told.workload[0]) == ["00.png", "01.png"]


def test_a_limit_bounds_what_is_sent_but_not_what_is_learnt_from(folder: Path) -> None:
    told = scenario(SEND, LEARN)
    gallery = loaded(told, folder, 2)
    adapt = told.workload[1]
    assert isinstance(adapt, Adapt)
    counts = len(names(gallery, told.workload[0])), len(names(gallery, adapt)), len(gallery.to_serve(adapt))
    assert counts == (2, 12, 2)


def test_pictures_are_scaled_before_they_are_cut(folder: Path) -> None:
    told = scenario("transmit: {images: 1, crop: 32}", pictures="{resize: 64}")
    (shot,) = loaded(told, folder).to_send(told.workload[0])  # type: ignore[arg-type]
    assert shot.pixels.shape == (32, 32, 3)


def test_pictures_are_extended_with_black_after_they_are_scaled(folder: Path) -> None:
    told = scenario("transmit: {crop: null}", pictures="{resize: 8, pad: 12}")
    shot = loaded(told, folder).to_send(told.workload[0])[5]  # type: ignore[arg-type]
    expected = np.zeros((12, 12, 3), np.uint8)
    expected[2:10, 2:10] = 5
    assert np.array_equal(shot.pixels, expected)


def test_a_picture_too_large_to_be_extended_is_refused(folder: Path) -> None:
    with pytest.raises(ImageError, match=r"^00.png: 16x16 is larger than the 12x12 to pad it to; use a larger side$"):
        loaded(scenario("transmit: {crop: null}", pictures="{pad: 12}"), folder)


def test_the_labels_of_a_source_stay_with_its_pictures() -> None:
    told = scenario("transmit: {images: 200, crop: null}", "transmit: {images: 3, crop: 8}", pictures="{sample: mnist}")
    gallery = Gallery(told, None, None)
    gallery.load()
    many, few = (gallery.to_send(step) for step in told.workload)  # type: ignore[arg-type]
    assert [shot.label for shot in few] == [shot.label for shot in many[:3]]
    assert {shot.label for shot in many} == set(range(10))


def test_the_packaged_sample_that_the_scenario_names_is_sent() -> None:
    told = scenario("transmit: {images: 2, crop: null}", pictures="{sample: fashion_mnist}")
    gallery = Gallery(told, None, None)
    gallery.load()
    assert [shot.pixels.shape for shot in gallery.to_send(told.workload[0])] == [(28, 28, 3)] * 2  # type: ignore[arg-type]


def test_pictures_of_one_name_are_told_apart(tmp_path: Path) -> None:
    pictures = [pictures_to_send.Named("a", np.full((4, 4, 3), i, np.uint8)) for i in range(2)]
    assert [named.name for named in pictures_to_send._told_apart(pictures)] == ["0000-a", "0001-a"]


@pytest.mark.parametrize(("images", "share", "most"), [(40, 0.05, 32), (55, 0.9, 54)])
def test_too_large_a_share_is_refused(folder: Path, images: int, share: float, most: int) -> None:
    step = f"adapt: {{method: dft, images: {images}, share: {share}}}"
    with pytest.raises(RunError) as caught:
        loaded(scenario(step), folder)
    assert str(caught.value) == (
        f"workload[0].adapt.images: {images} of 60 pictures are more than the share of {share}; give at most {most}, "
        "or raise share"
    )


def test_a_share_that_is_raised_allows_more(folder: Path) -> None:
    told = scenario("adapt: {method: dft, images: 40, share: 0.7, cut: null}")
    assert len(names(loaded(told, folder), told.workload[0])) == 40


def test_a_set_too_small_to_learn_from_and_to_send_is_refused(folder: Path) -> None:
    with pytest.raises(ImageError, match="holds 60 pictures, too few to learn from 60 and send others"):
        pictures_to_send.album(folder, WHOLE, 60, None, 1)
    with pytest.raises(ImageError, match="holds 60 pictures, too few to learn from 61 and send others"):
        pictures_to_send.album(folder, WHOLE, 61, 0, 1)


def test_more_than_one_request_holds_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.gallery.MAX_LESSON_BYTES", 100)
    with pytest.raises(RunError, match=r"workload\[0\]\.adapt\.images: 4 pictures are .* MB as PNG, more than 0.0001;"):
        loaded(scenario("adapt: {method: dft, images: 4, cut: null}"), folder)
