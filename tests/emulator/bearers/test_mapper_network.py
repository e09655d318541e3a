from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from emulator.bearers import mapper_network
from emulator.bearers.mapper_network import LearnedMapper, MapperError, MapperPair, MapperShape

SHAPE = MapperShape(bits=20, symbols=64, channels=8, blocks=1)


def written(path: Path, **more: str) -> Path:
    torch.manual_seed(0)
    metadata = {"architecture": "channel-mapper", "shape": json.dumps(asdict(SHAPE)), "snr_db": "10", "demapper": "ab"}
    save_file(MapperPair(SHAPE).half().state_dict(), path, metadata | more)
    return path


@pytest.fixture(scope="module")
def mapper(tmp_path_factory: pytest.TempPathFactory) -> LearnedMapper:
    return LearnedMapper.load(written(tmp_path_factory.mktemp("weights") / "mapper.safetensors"))


def words(count: int, bits: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 2, (count, bits), dtype=np.uint8)


def test_m_bits_become_k_symbols_of_average_power_1_and_m_bits_again(mapper: LearnedMapper) -> None:
    assert mapper.metadata["snr_db"] == "10"
    symbols = mapper.map(words(5, 1280))
    assert (symbols.shape, symbols.dtype) == ((5, 64), np.complex64)
    assert np.mean(np.abs(symbols) ** 2, axis=1) == pytest.approx(np.ones(5), rel=1e-5)
    bits = mapper.demap(symbols)
    assert (bits.shape, bits.dtype) == ((5, 1280), np.uint8)
    assert set(np.unique(bits)) == {0, 1}


def test_a_message_does_not_depend_on_those_beside_it(mapper: LearnedMapper) -> None:
    bits = words(3, 1280)
    together, alone = mapper.map(bits), np.concatenate([mapper.map(bits[i : i + 1]) for i in range(3)])
    assert np.allclose(together, alone, atol=1e-6)
    assert not np.allclose(together[0], together[1], atol=1e-2)


def test_a_larger_message_takes_proportionally_more_symbols(mapper: LearnedMapper) -> None:
    symbols = mapper.map(words(1, 20 * 16 * 12), grid=(16, 12))
    assert symbols.shape == (1, 64 * 3) == (1, mapper.symbols_for(16, 12))
    assert mapper.demap(symbols, grid=(16, 12)).shape == (1, 20 * 16 * 12)


def test_what_a_missing_bit_was_does_not_matter(mapper: LearnedMapper) -> None:
    bits, present = words(1, 1280), np.ones((1, 1280), np.bool_)
    present[0, 128:256] = False  # level 1
    other = np.where(present, bits, 1 - bits)
    assert np.array_equal(mapper.map(bits, present=present), mapper.map(other, present=present))
    assert not np.array_equal(mapper.map(bits), mapper.map(other))


def test_bits_are_taken_level_by_level_and_within_one_position_by_position() -> None:
    vectors = torch.arange(2 * 3 * 2 * 4 * 2).reshape(2, -1)  # 3 levels of 2 bits at 2x4 positions
    maps = mapper_network._to_maps(vectors, 3, 2, 4)
    assert maps[1, 2 * 2 + 1, 1, 3] == vectors[1].reshape(3, 2, 4, 2)[2, 1, 3, 1]
    assert torch.equal(mapper_network._to_vectors(maps, 3), vectors)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bits": 25}, "bits: must be a multiple of the 10 levels, got 25"),
        ({"symbols": 8}, "symbols: must be a multiple of 16, .* got 8; use 16"),
        ({"symbols": 0}, r"symbols: must be an integer in \[1, 4096\], got 0"),
        ({"side": 7}, "side: must be a multiple of 2 positions, got 7"),
    ],
)
def test_bad_sizes_are_named(fields: dict[str, int], message: str) -> None:
    with pytest.raises(MapperError, match=message):
        MapperShape(**fields)


def test_bits_and_symbols_of_another_size_are_refused(mapper: LearnedMapper) -> None:
    with pytest.raises(
        MapperError, match=r"bits: expected \[B, 1280\] uint8, 10 levels of 128 bits over 8x8 positions, got"
    ):
        mapper.map(words(2, 1270))
    with pytest.raises(MapperError, match=r"symbols: expected \[B, 64\] complex64 for 8x8 positions, got \[1, 63\]"):
        mapper.demap(np.zeros((1, 63), np.complex64))
    with pytest.raises(MapperError, match="got \\[1, 1280\\] bool"):
        mapper.map(words(1, 1280).astype(np.bool_))  # type: ignore[arg-type]
    with pytest.raises(MapperError, match=r"present: must have the shape of bits \[1, 1280\], got \[1, 10\]"):
        mapper.map(words(1, 1280), present=np.ones((1, 10), np.bool_))
    with pytest.raises(MapperError, match="grid: 7x8 positions are not a positive multiple of 2"):
        mapper.map(words(1, 7 * 8 * 20), grid=(7, 8))


def test_files_that_are_no_channel_mapper_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MapperError, match=r"gone\.safetensors: no such file"):
        LearnedMapper.load(tmp_path / "gone.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(MapperError, match="not a readable safetensors file"):
        LearnedMapper.load(tmp_path / "text.safetensors")
    with pytest.raises(MapperError, match="holds a split, not a channel-mapper"):
        LearnedMapper.load(written(tmp_path / "split.safetensors", architecture="split"))
    for shape in ("{}", '{"wings": 2}', "[", json.dumps(asdict(SHAPE) | {"channels": 16})):
        with pytest.raises(MapperError, match="does not hold the network it describes"):
            LearnedMapper.load(written(tmp_path / "odd.safetensors", shape=shape))


def test_it_loads_nothing_of_the_application() -> None:
    code = (
        "import sys, emulator.bearers.mapper_network; "
        "sys.exit(any(name == 'edge' or name.startswith('edge.') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
