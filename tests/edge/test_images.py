from __future__ import annotations

import gzip
import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge import images
from edge.images import ImageError, Picture


def picture(seed: int, height: int = 6, width: int = 8) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_png_bytes_and_decode_are_inverse() -> None:
    assert np.array_equal(images.decode(images.png_bytes(picture(1)), "p"), picture(1))


def test_one_file_a_folder_and_a_tar_give_the_same_pictures_in_name_order(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    for name, seed in (("b.png", 1), ("a.png", 2), ("deep/c.png", 3)):
        (folder / name).write_bytes(images.png_bytes(picture(seed)))
    (folder / "notes.txt").write_text("not a picture")
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.add(folder, arcname=".")
    from_folder = list(images.read(folder))
    assert [p.name for p in from_folder] == ["a.png", "b.png", "deep/c.png"]
    from_tar = list(images.read(tmp_path / "set.tar"))
    assert [Path(p.name).name for p in from_tar] == ["a.png", "b.png", "c.png"]
    for a, b, seed in zip(from_folder, from_tar, (2, 1, 3), strict=True):
        assert np.array_equal(a.pixels, picture(seed))
        assert np.array_equal(b.pixels, picture(seed))
    (one,) = images.read(folder / "a.png")
    assert np.array_equal(one.pixels, picture(2))


def test_npz_chooses_the_split_and_carries_labels(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (3, 5, 5), dtype=np.uint8)
    labels = np.array([4, 5, 6], np.uint8)
    np.savez(tmp_path / "set.npz", train_x=grey[:1], train_y=labels[:1], test_x=grey, test_y=labels)
    read = list(images.read(tmp_path / "set.npz"))
    assert [p.label for p in read] == [4, 5, 6]
    assert read[2].pixels.shape == (5, 5, 3)
    assert np.array_equal(read[2].pixels[:, :, 1], grey[2])
    assert [p.label for p in images.read(tmp_path / "set.npz", split="train")] == [4]


def test_npz_with_webp_strips(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    strips = {}
    for i, half in enumerate((stack[:3], stack[3:])):
        buffer = io.BytesIO()
        Image.fromarray(half.reshape(-1, 8, 3)).save(buffer, format="WEBP", lossless=True)
        strips[f"x_{i:02d}"] = np.frombuffer(buffer.getvalue(), np.uint8)
    np.savez(tmp_path / "strips.npz", **strips)
    read = list(images.read(tmp_path / "strips.npz"))
    assert np.array_equal(np.stack([p.pixels for p in read]), stack)


def test_npz_without_pictures_says_what_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "wrong.npz", weights=np.zeros(3))
    with pytest.raises(ImageError, match=r"no uint8 image stack for split 'test' \(arrays: weights\)"):
        list(images.read(tmp_path / "wrong.npz"))


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files(tmp_path: Path, packed: bool) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (2, 4, 3), dtype=np.uint8)
    data = struct.pack(">IIII", 2051, 2, 4, 3) + stack.tobytes()
    path = tmp_path / ("t10k-images-idx3-ubyte" + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(data) if packed else data)
    assert np.array_equal(np.stack([p.pixels[:, :, 0] for p in images.read(path)]), stack)


@pytest.mark.parametrize("data", [b"", b"\0" * 10, struct.pack(">IIII", 2051, 2, 4, 3) + b"\0" * 5])
def test_idx_files_cut_short_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="not an idx3 image file of the announced size"):
        list(images.read(path))


def test_cifar_binary(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    rows = [bytes([label]) + p.transpose(2, 0, 1).tobytes() for label, p in zip((3, 9), pixels, strict=True)]
    (tmp_path / "test_batch.bin").write_bytes(b"".join(rows))
    read = list(images.read(tmp_path / "test_batch.bin"))
    assert [p.label for p in read] == [3, 9]
    assert np.array_equal(np.stack([p.pixels for p in read]), pixels)
    (tmp_path / "short.bin").write_bytes(b"".join(rows)[:-1])
    with pytest.raises(ImageError, match=r"short\.bin: not a CIFAR-10 binary batch"):
        list(images.read(tmp_path / "short.bin"))


@pytest.mark.parametrize("name", ["set.tar", "set.npz", "photo.png", "images-idx3-ubyte.gz"])
def test_garbage_under_a_good_name_is_refused_with_the_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is not what the name says, at all" * 20)
    with pytest.raises(ImageError, match=name):
        list(images.read(tmp_path / name))


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    whole = images.png_bytes(picture(1, 64, 64))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"cut\.png: not a readable image"):
        list(images.read(tmp_path / "cut.png"))


def test_nothing_there_and_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file or folder; give an image, a folder"):
        list(images.read(tmp_path / "gone"))
    with pytest.raises(ImageError, match="the folder holds no images"):
        list(images.read(tmp_path))
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(ImageError, match=r"empty\.tar: the archive holds no images"):
        list(images.read(tmp_path / "empty.tar"))


def test_a_picture_too_large_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 40)
    with pytest.raises(ImageError, match="8x6 pixels is more than 40; shrink the picture"):
        images.decode(images.png_bytes(picture(1)), "big")


def test_as_rgb() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert np.array_equal(images.as_rgb(grey, "g"), np.stack([grey] * 3, axis=2))
    rgba = np.random.default_rng(0).integers(0, 256, (2, 3, 4), dtype=np.uint8)
    assert np.array_equal(images.as_rgb(rgba, "a"), rgba[:, :, :3])
    with pytest.raises(ImageError, match=r"odd: expected a picture .* got \[2, 3, 2\]"):
        images.as_rgb(rgba[:, :, :2], "odd")


def test_centre_crop_is_the_middle() -> None:
    whole = picture(1, 10, 20)
    assert np.array_equal(images.centre_crop(whole, 4, 6, "w"), whole[3:7, 7:13])
    with pytest.raises(ImageError, match="w: 20x10 is smaller than the 4x12 crop"):
        images.centre_crop(whole, 12, 4, "w")


def test_a_padded_picture_lies_in_the_middle_of_a_black_square() -> None:
    framed = images.padded(picture(1, 5, 8), 10)
    assert framed.shape == (10, 10, 3)
    assert np.array_equal(framed[2:7, 1:9], picture(1, 5, 8))
    assert int(framed.astype(int).sum()) == int(picture(1, 5, 8).astype(int).sum())
    assert np.array_equal(images.padded(picture(1, 8, 8), 8), picture(1, 8, 8))
    with pytest.raises(ImageError, match=r"^q: 9x4 is larger than the 8x8 to pad it to"):
        images.padded(picture(1, 4, 9), 8, "q")
