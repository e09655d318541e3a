from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge.codecs.entropy import IndexCoder
from edge.codecs.exact_prior import ExactPrior, as_fixed_point
from edge.codecs.index_prior import IndexPrior, PriorShape

SHAPE = PriorShape(entries=32, dimension=4, hidden=16, query=8)
OTHERWISE = (3, 5)


def coder(seed: int = 0, shape: PriorShape = SHAPE, bias: float = 1.0) -> IndexCoder:
    torch.manual_seed(seed)
    books = torch.randn(2, shape.entries, shape.dimension)
    prior = IndexPrior(shape, books[0], books[1])
    with torch.no_grad():
        prior.top.entry_bias.normal_(0, bias)
        prior.bottom.entry_bias.normal_(0, bias)
    weights = {n: as_fixed_point(p.detach().numpy()) for n, p in prior.named_parameters()}
    weights |= {n: b.numpy() for n, b in prior.named_buffers()}
    return IndexCoder(ExactPrior(shape, weights, books[0].numpy(), books[1].numpy()))


def maps(height: int, width: int, times: int = 2, seed: int = 0) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    rng = np.random.default_rng(seed)
    top = rng.integers(0, 32, (height, width), dtype=np.uint16)
    return top, rng.integers(0, 32, (times * height, times * width), dtype=np.uint16)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (6, 1), (8, 8), (5, 11)])
def test_what_is_packed_comes_back(size: tuple[int, int]) -> None:
    top, bottom = maps(*size)
    received = coder().unpack(coder().pack(top, bottom), None, OTHERWISE)
    for sent, got in zip((top, bottom), received, strict=True):
        assert got.present.all()
        assert np.array_equal(sent, got.indices)


def test_a_top_map_of_a_quarter_of_the_side_comes_back() -> None:
    shape = PriorShape(entries=32, dimension=4, hidden=16, query=8, top_scale=4)
    top, bottom = maps(3, 4, times=4)
    received = coder(shape=shape).unpack(coder(shape=shape).pack(top, bottom), None, OTHERWISE)
    assert np.array_equal(received[0].indices, top)
    assert np.array_equal(received[1].indices, bottom)


def test_size_is_the_information_plus_a_few_bytes() -> None:
    # a uniform prior: log2(32) = 5 bits an index; 6 bytes of head, at most two words of the coder's own
    top, bottom = maps(16, 16)
    uniform = coder(bias=0.0)
    for one in (uniform.prior.top, uniform.prior.bottom):
        one.keys[:] = 0
    bits = 5 * (top.size + bottom.size)
    assert bits <= 8 * len(uniform.pack(top, bottom)) <= bits + 8 * 6 + 64


def test_likely_indices_cost_less_than_unlikely_ones() -> None:
    peaked = coder(bias=0.0)
    for one in (peaked.prior.top, peaked.prior.bottom):
        one.keys[:] = 0
        one.bias[3] = 6 * 2.0**16  # 6 nats above the others: p = e^6 / (e^6 + 31)
    likely = np.full((16, 16), 3, np.uint16), np.full((32, 32), 3, np.uint16)
    bits = (256 + 1024) * math.log2(1 + 31 * math.exp(-6))
    assert 8 * len(peaked.pack(*likely)) == pytest.approx(bits + 8 * 6, abs=64)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_before_a_hole_all_is_right_and_after_it_all_is_marked_missing(share: float) -> None:
    top, bottom = maps(12, 12)
    data = coder().pack(top, bottom)
    cut = int(share * len(data))
    present = np.ones(len(data), np.bool_)
    present[cut : cut + 9] = False
    received = coder().unpack(np.where(present, data, 0).astype(np.uint8), present, OTHERWISE)
    for sent, got in zip((top, bottom), received, strict=True):
        assert got.indices.shape == sent.shape
        assert np.array_equal(got.indices, np.where(got.present, sent, 0))
    known = sum(int(got.present.sum()) for got in received)
    assert not received[1].present.all()
    # about 5 bits an index; the margin of 64 bits and one wavefront of at most 12 indices are given up
    assert known >= 0.9 * share * (top.size + bottom.size) - (64 + 48) / 5 - 12 - 12


def test_nothing_at_all_gives_missing_maps_of_the_size_asked_for() -> None:
    data = coder().pack(*maps(4, 4))
    for arrived in (0, 1, 5):
        present = np.arange(len(data)) < arrived
        top, bottom = coder().unpack(data, present, OTHERWISE)
        assert (top.indices.shape, bottom.indices.shape) == ((3, 5), (6, 10))
        assert not top.present.any()
        assert not bottom.present.any()


def test_another_prior_is_noticed() -> None:
    top, bottom = coder(seed=1).unpack(coder(seed=0).pack(*maps(8, 8)), None, OTHERWISE)
    assert not top.present.all()
    assert not bottom.present.any()


@pytest.mark.parametrize("seed", range(20))
def test_damaged_or_foreign_bytes_are_never_an_error_and_never_taken_for_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    top, bottom = maps(6, 7)
    data = coder().pack(top, bottom)
    damaged = data.copy()
    damaged[rng.integers(2, len(data))] ^= rng.integers(1, 256)
    received = coder().unpack(damaged, None, OTHERWISE)
    # the last bytes hold more than the last index needs: a change there may do nothing
    unharmed = np.array_equal(received[0].indices, top) and np.array_equal(received[1].indices, bottom)
    assert unharmed or not (received[0].present.all() and received[1].present.all())
    foreign = rng.integers(0, 256, rng.integers(0, 200), dtype=np.uint8)
    for got in coder().unpack(foreign, None, OTHERWISE):
        assert got.indices.max() < 32


def test_a_size_that_is_no_picture_s_is_not_believed() -> None:
    huge = np.array([0xFF, 0xFF, 0x7F] * 2 + [0] * 20, np.uint8)
    empty = np.zeros(20, np.uint8)
    endless = np.full(20, 0xFF, np.uint8)
    for data in (huge, empty, endless):
        assert coder().unpack(data, None, OTHERWISE)[0].indices.shape == OTHERWISE
