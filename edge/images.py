"""Reading pictures from whatever a user has, as uint8 arrays of shape [H, W, 3].

Accepted: one image file, a folder of images, a .tar of images, a .npz of arrays (plain uint8 stacks, or strips of
lossless WebP), MNIST-style idx files and CIFAR-10 binary batches. Nothing here knows about neural networks.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".tif", ".tiff"})
MAX_PIXELS = 64 * 1024 * 1024  # one picture; anything larger is a mistake or an attack

# what Pillow raises for damaged files, found by trying: UnidentifiedImageError is an OSError; PNG chunks, PPM headers
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)

Picture = NDArray[np.uint8]


class ImageError(ValueError):
    """A source of pictures that cannot be used; the message names the file and the fix."""


@dataclass(frozen=True)
class Named:
    """One picture: its name, its pixels [H, W, 3] (uint8), and its class where the source has labels."""

    name: str
    pixels: Picture
    label: int | None = None


def as_rgb(array: NDArray[np.uint8], name: str) -> Picture:
    """Greyscale [H, W] or colour [H, W, 3|4] to [H, W, 3]. Raises ImageError for any other shape."""
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim == 3 and array.shape[2] in (3, 4):
        return np.ascontiguousarray(array[:, :, :3])
    raise ImageError(f"{name}: expected a picture of shape [H, W] or [H, W, 3], got {list(array.shape)}")


def decode(data: bytes, name: str) -> Picture:
    """An encoded image file's bytes to [H, W, 3]. Raises ImageError when it cannot be read or is too large."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            opened = Image.open(io.BytesIO(data))
        with opened as image:
            if image.width * image.height <= MAX_PIXELS:
                return np.asarray(image.convert("RGB"))
            size = f"{image.width}x{image.height}"
    except DAMAGE as error:
        raise ImageError(f"{name}: not a readable image ({error}); give a PNG, JPEG or WebP file") from error
    raise ImageError(f"{name}: {size} pixels is more than {MAX_PIXELS}; shrink the picture")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


@contextmanager
def _container(path: Path, what: str) -> Iterator[None]:
    """Turns what the standard readers raise for a damaged container into one sentence."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{path.name}: not a readable {what} ({error}); make or download it again") from error


def _from_tar(path: Path) -> Iterator[Named]:
    with _container(path, "tar archive"), tarfile.open(path) as archive:
        members = [m for m in archive.getmembers() if m.isfile() and Path(m.name).suffix.lower() in SUFFIXES]
        if not members:
            raise ImageError(f"{path.name}: the archive holds no images ({', '.join(sorted(SUFFIXES))})")
        for member in sorted(members, key=lambda m: m.name):
            handle = archive.extractfile(member)
            assert handle is not None  # isfile() was checked
            yield Named(member.name, decode(handle.read(), f"{path.name}:{member.name}"))


def _npz_stacks(path: Path) -> dict[str, NDArray[np.generic]]:
    """All arrays of a .npz; keys `x_00, x_01, ...` that hold WebP strips of square images become one stack `x`."""
    with _container(path, ".npz archive"), np.load(path, allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in sorted(archive.files)}
    stacks: dict[str, NDArray[np.generic]] = {}
    strips: dict[str, list[Picture]] = {}
    for key, value in arrays.items():
        match = re.fullmatch(r"(.+)_(\d+)", key)
        if match and value.ndim == 1 and value.dtype == np.uint8:
            strip = decode(value.tobytes(), f"{path.name}:{key}")
            edge = strip.shape[1]
            strips.setdefault(match[1], []).append(strip.reshape(-1, edge, edge, 3))
        else:
            stacks[key] = value
    return stacks | {key: np.concatenate(value) for key, value in strips.items()}


def _from_npz(path: Path, split: str) -> Iterator[Named]:
    stacks = _npz_stacks(path)
    keys = [k for k, v in stacks.items() if v.dtype == np.uint8 and v.ndim in (3, 4) and k.endswith("x")]
    chosen = [k for k in keys if k.startswith(split)] or [k for k in keys if k in ("x", "images_x")]
    if not chosen:
        raise ImageError(
            f"{path.name}: no uint8 image stack for split '{split}' (arrays: {', '.join(sorted(stacks)) or 'none'}); "
            f"store pictures as 'x' or '{split}_x' with shape [N, H, W] or [N, H, W, 3]"
        )
    key = chosen[0]
    labels = stacks.get(key[:-1] + "y")
    for i, array in enumerate(stacks[key]):
        yield Named(
            f"{path.stem}-{key}-{i:05d}",
            as_rgb(array.astype(np.uint8, copy=False), f"{path.name}:{key}[{i}]"),
            None if labels is None else int(labels[i]),
        )


def _from_idx(path: Path) -> Iterator[Named]:
    opener = gzip.open if path.suffix == ".gz" else open
    with _container(path, "idx file"), opener(path, "rb") as handle:
        data = handle.read()
    magic, count, height, width = struct.unpack(">IIII", data[:16].ljust(16, b"\0"))
    if magic != 2051 or len(data) != 16 + count * height * width:
        raise ImageError(f"{path.name}: not an idx3 image file of the announced size; download it again")
    for i, array in enumerate(np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width)):
        yield Named(f"{path.stem}-{i:05d}", as_rgb(array, path.name))


def _from_cifar_binary(path: Path) -> Iterator[Named]:
    data = np.frombuffer(_bytes(path), np.uint8)
    if data.size == 0 or data.size % 3073:
        raise ImageError(f"{path.name}: not a CIFAR-10 binary batch (size must be a multiple of 3073 bytes)")
    for i, row in enumerate(data.reshape(-1, 3073)):
        pixels = np.ascontiguousarray(row[1:].reshape(3, 32, 32).transpose(1, 2, 0))
        yield Named(f"{path.stem}-{i:05d}", pixels, int(row[0]))


def read(path: Path, split: str = "test") -> Iterator[Named]:
    """Every picture at `path`, in a stable order (by name). `split` picks train or test in a .npz that has both.

    Raises ImageError, naming the file and the fix, when there is nothing readable.
    """
    if not path.exists():
        raise ImageError(f"{path}: no such file or folder; give an image, a folder, a .tar or a .npz")
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if not files:
            raise ImageError(f"{path}: the folder holds no images ({', '.join(sorted(SUFFIXES))})")
        for file in files:
            yield Named(str(file.relative_to(path)), decode(_bytes(file), str(file)))
    elif path.suffix == ".tar":
        yield from _from_tar(path)
    elif path.suffix == ".npz":
        yield from _from_npz(path, split)
    elif "idx3" in path.name:
        yield from _from_idx(path)
    elif path.suffix == ".bin":
        yield from _from_cifar_binary(path)
    else:
        yield Named(path.name, decode(_bytes(path), str(path)))


def centre_crop(pixels: Picture, height: int, width: int, name: str) -> Picture:
    """The middle [height, width, 3] of a picture. Raises ImageError when the picture is smaller."""
    h, w = pixels.shape[:2]
    if h < height or w < width:
        raise ImageError(f"{name}: {w}x{h} is smaller than the {width}x{height} crop; use a larger picture or crop")
    top, left = (h - height) // 2, (w - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def padded(pixels: Picture, side: int, name: str = "picture") -> Picture:
    """A picture in the middle of a black [side, side, 3], as SLF does with digits. Raises ImageError when it is
    larger than that; of an odd border the larger part is below and to the right."""
    height, width = pixels.shape[:2]
    if max(height, width) > side:
        raise ImageError(f"{name}: {width}x{height} is larger than the {side}x{side} to pad it to; use a larger side")
    framed = np.zeros((side, side, 3), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    framed[top : top + height, left : left + width] = pixels
    return framed


def resized(pixels: Picture, side: int) -> Picture:
    """The largest square from the middle of a picture, scaled (bicubic) to [side, side, 3], as FTSC does to 256."""
    square = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - square) // 2, (pixels.shape[1] - square) // 2
    if square == side:
        return np.ascontiguousarray(pixels[top : top + side, left : left + side])
    box = (left, top, left + square, top + square)
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC, box=box))


def png_bytes(pixels: Picture) -> bytes:
    """[H, W, 3] as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()
