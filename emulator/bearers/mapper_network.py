"""The learned channel mapper h and demapper q of Split DeepJSCC (Tung et al., fig. 5), at CPU size: M bits of a message
become K complex symbols of average power 1, and what is received of them M bits again.

They are the network's: made by its operator from the distortion behind a frozen source demapper
(edge.train.channel_mapper), and nothing of the application's codec is needed to run them. They never see a picture.
The figure gives the blocks but not their sizes; here are residual dense blocks (each layer's output is concatenated to
the earlier ones, "two arrows that merge") of 2-D convolutions over the message's positions, so that one network serves
messages of any size at one number of symbols a bit. The radio itself is not here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

ARCHITECTURE = "channel-mapper"
CELL = 2  # side, in positions, of the square of positions whose bits share symbols
_MAX_SIZE = 4096


class MapperError(ValueError):
    """A mapper that cannot be loaded, or bits and symbols that it cannot take; the message names the field and the
    fix."""


@dataclass(frozen=True)
class MapperShape:
    """Size of the two networks.

    levels: N; bits: of a position, the same number for each level; side: positions a side of the message that K is
    stated for; symbols: K, complex; channels, blocks: of each network's body.
    """

    levels: int = 10
    bits: int = 40
    side: int = 8
    symbols: int = 128
    channels: int = 128
    blocks: int = 2

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (isinstance(value, int) and 1 <= value <= _MAX_SIZE):
                raise MapperError(f"{name}: must be an integer in [1, {_MAX_SIZE}], got {value!r}")
        if self.bits % self.levels:
            raise MapperError(
                f"bits: must be a multiple of the {self.levels} levels, got {self.bits}; every level has as many bits"
            )
        if self.side % CELL:
            raise MapperError(f"side: must be a multiple of {CELL} positions, got {self.side}; use a larger message")
        if self.symbols % self.cells:
            raise MapperError(
                f"symbols: must be a multiple of {self.cells}, so that every {CELL}x{CELL} positions have as many, got "
                f"{self.symbols}; use {max(1, self.symbols // self.cells) * self.cells}"
            )

    @property
    def cells(self) -> int:
        """Of the message that K is stated for."""
        return (self.side // CELL) ** 2

    @property
    def symbols_per_cell(self) -> int:
        return self.symbols // self.cells

    @property
    def message_bits(self) -> int:
        """M."""
        return self.bits * self.side**2


class DenseBlock(nn.Module):
    """x + conv1x1([a, b]), a = relu(conv3x3(x)), b = relu(conv3x3([x, a])). [B, C, h, w] both ways."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = max(1, channels // 2)
        self.first = nn.Conv2d(channels, half, 3, padding=1)
        self.second = nn.Conv2d(channels + half, half, 3, padding=1)
        self.merge = nn.Conv2d(2 * half, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.first(x))
        b = torch.relu(self.second(torch.cat((x, a), dim=1)))
        out: Tensor = x + self.merge(torch.cat((a, b), dim=1))
        return out


class Mapper(nn.Module):
    """h: bits [B, bits, h, w], 0, 1 or 0.5 for one that is missing -> [B, 2K/cells, h/2, w/2], of any power."""

    def __init__(self, shape: MapperShape) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.PixelUnshuffle(CELL),
            nn.Conv2d(CELL * CELL * shape.bits, shape.channels, 3, padding=1),
            *(DenseBlock(shape.channels) for _ in range(shape.blocks)),
            nn.Conv2d(shape.channels, 2 * shape.symbols_per_cell, 3, padding=1),
        )

    def forward(self, bits: Tensor) -> Tensor:
        numbers: Tensor = self.body(2 * bits - 1)
        return numbers


class Demapper(nn.Module):
    """q: numbers as received [B, 2K/cells, h/2, w/2] -> log-odds of the bits [B, bits, h, w]."""

    def __init__(self, shape: MapperShape) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2 * shape.symbols_per_cell, shape.channels, 3, padding=1),
            *(DenseBlock(shape.channels) for _ in range(shape.blocks)),
            nn.Conv2d(shape.channels, CELL * CELL * shape.bits, 3, padding=1),
            nn.PixelShuffle(CELL),
        )

    def forward(self, numbers: Tensor) -> Tensor:
        log_odds: Tensor = self.body(numbers)
        return log_odds


class MapperPair(nn.Module):
    """h and q on vectors, as the link has them."""

    def __init__(self, shape: MapperShape) -> None:
        super().__init__()
        self.shape = shape
        self.mapper, self.demapper = Mapper(shape), Demapper(shape)

    def symbols(self, bits: Tensor, height: int, width: int) -> Tensor:
        """bits [B, M] (0, 1 or 0.5), level by level and then position by position -> complex [B, K], eq. (13): average
        power 1 for each message."""
        numbers = self.mapper(_to_maps(bits, self.shape.levels, height, width))
        pairs = numbers.permute(0, 2, 3, 1).reshape(len(bits), -1, 2)
        power = pairs.square().sum(dim=2).mean(dim=1)[:, None, None]
        return torch.view_as_complex((pairs * power.clamp_min(1e-12).rsqrt()).contiguous())

    def log_odds(self, symbols: Tensor, height: int, width: int) -> Tensor:
        """symbols as received, complex [B, K] -> log-odds of the bits [B, M]."""
        numbers = torch.view_as_real(symbols).reshape(len(symbols), height // CELL, width // CELL, -1)
        return _to_vectors(self.demapper(numbers.permute(0, 3, 1, 2)), self.shape.levels)


class LearnedMapper:
    """h and q ready to run, from a weight file.

    What one message becomes may depend in its last digits on how many are given at once: give them one at a time where
    two runs must agree.

    metadata: what the file says of itself; `demapper` is the digest of the g that it was trained for, `snr_db` the SNR.
    """

    def __init__(self, pair: MapperPair, metadata: Mapping[str, str]) -> None:
        """Takes networks with their weights; `load` reads them."""
        self.pair = pair.eval().requires_grad_(False)
        self.shape = pair.shape
        self.metadata = dict(metadata)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises MapperError when the file is missing, damaged, or holds something else."""
        try:
            with safe_open(path, framework="pt") as archive:
                metadata = archive.metadata() or {}
                tensors = {name: archive.get_tensor(name).float() for name in archive.keys()}  # noqa: SIM118
        except FileNotFoundError as error:
            raise MapperError(f"{path.name}: no such file; give the weights of a channel mapper") from error
        except (SafetensorError, OSError) as error:
            raise MapperError(f"{path.name}: not a readable safetensors file ({error}); give a whole one") from error
        if metadata.get("architecture") != ARCHITECTURE:
            raise MapperError(
                f"{path.name}: holds a {metadata.get('architecture', 'file without architecture')}, not a "
                f"{ARCHITECTURE}; give weights written by `edge-codec train channel-mapper`"
            )
        try:
            with torch.random.fork_rng(devices=[]):  # initial values are thrown away
                pair = MapperPair(MapperShape(**json.loads(metadata["shape"])))
            pair.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise MapperError(
                f"{path.name}: does not hold the network it describes ({reason}); train it again"
            ) from error
        return cls(pair, metadata)

    def map(
        self,
        bits: NDArray[np.uint8],
        grid: tuple[int, int] | None = None,
        present: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.complex64]:
        """bits [B, M], each 0 or 1 -> symbols [B, K] of average power 1 a message.

        grid: positions (h, w) of the message, by default those that K is stated for; a larger message takes
        proportionally more symbols. present [B, M]: False where a bit did not reach the base station.
        """
        height, width = self._grid(bits, grid)
        given = torch.from_numpy(bits).float()
        if present is not None:
            if present.shape != bits.shape:
                raise MapperError(f"present: must have the shape of bits {list(bits.shape)}, got {list(present.shape)}")
            given = torch.where(torch.from_numpy(present), given, 0.5)
        with torch.inference_mode():
            symbols: NDArray[np.complex64] = self.pair.symbols(given, height, width).numpy()
        return symbols

    def demap(self, symbols: NDArray[np.complex64], grid: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """symbols as received [B, K] -> the likelier value of every bit [B, M]."""
        height, width = grid or (self.shape.side, self.shape.side)
        expected = self.symbols_for(height, width)
        if symbols.ndim != 2 or symbols.shape[1] != expected or symbols.dtype != np.complex64:
            raise MapperError(
                f"symbols: expected [B, {expected}] complex64 for {height}x{width} positions, got "
                f"{list(symbols.shape)} {symbols.dtype}"
            )
        with torch.inference_mode():
            bits: NDArray[np.uint8] = (self.pair.log_odds(torch.from_numpy(symbols), height, width) > 0).byte().numpy()
        return bits

    def symbols_for(self, height: int, width: int) -> int:
        """K of a message of so many positions. Raises MapperError when they do not make whole cells."""
        if height < 1 or width < 1 or height % CELL or width % CELL:
            raise MapperError(
                f"grid: {height}x{width} positions are not a positive multiple of {CELL} in both sides; "
                "send a larger picture"
            )
        return height * width // CELL**2 * self.shape.symbols_per_cell

    def _grid(self, bits: NDArray[np.uint8], grid: tuple[int, int] | None) -> tuple[int, int]:
        height, width = grid or (self.shape.side, self.shape.side)
        self.symbols_for(height, width)
        expected = height * width * self.shape.bits
        if bits.ndim != 2 or bits.shape[1] != expected or bits.dtype != np.uint8:
            raise MapperError(
                f"bits: expected [B, {expected}] uint8, {self.shape.levels} levels of "
                f"{expected // self.shape.levels} bits over {height}x{width} positions, got {list(bits.shape)} "
                f"{bits.dtype}; use the codec that this mapper is for"
            )
        return height, width


def _to_maps(vectors: Tensor, levels: int, height: int, width: int) -> Tensor:
    """[B, M] -> [B, bits, height, width]. A level is a contiguous group, and within it the bits of a position are."""
    groups = vectors.reshape(len(vectors), levels, height, width, -1)
    return groups.permute(0, 1, 4, 2, 3).reshape(len(vectors), -1, height, width)


def _to_vectors(maps: Tensor, levels: int) -> Tensor:
    """The inverse of `_to_maps`."""
    batch, channels, height, width = maps.shape
    groups = maps.reshape(batch, levels, channels // levels, height, width)
    return groups.permute(0, 1, 3, 4, 2).reshape(batch, -1)
