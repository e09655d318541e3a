from __future__ import annotations

import pytest
import torch

from edge.adapt.noise import MapNoise, as_codebook, measured

SEED = 5
BOOK = torch.randn(64, 6, generator=torch.Generator().manual_seed(1))


def sent(count: int = 4) -> torch.Tensor:
    indices = torch.randint(64, (count, 24, 24), generator=torch.Generator().manual_seed(2))
    return as_codebook(BOOK).lookup(indices)


@pytest.mark.parametrize("noise", [MapNoise(bit_error_rate=0.02), MapNoise(deviation=0.3)])
def test_noise_of_a_kind_is_measured_as_that_kind(noise: MapNoise) -> None:
    # 4*24*24*6 = 13824 bits or reals: 4 sigma of the rate is 24 %, of the deviation 2.4 %
    clean = sent()
    found = measured(noise.on(clean, BOOK, torch.Generator().manual_seed(SEED)), clean, BOOK)
    assert found.bit_error_rate == pytest.approx(noise.bit_error_rate, rel=0.24)
    assert found.deviation == pytest.approx(noise.deviation, rel=0.024)


def test_nothing_is_measured_and_added_where_there_is_none() -> None:
    clean = sent()
    assert measured(clean, clean, BOOK) == MapNoise()
    assert MapNoise().on(clean, BOOK, torch.Generator()) is clean


def test_a_continuous_map_has_only_additive_noise() -> None:
    clean = sent()
    assert measured(clean + 0.5, clean, None) == MapNoise(deviation=pytest.approx(0.5))


def test_errors_of_indices_give_codebook_vectors_also_when_the_book_is_no_power_of_two() -> None:
    book = BOOK[:50]
    clean = as_codebook(book).lookup(torch.zeros(1, 40, 40, dtype=torch.long))
    noisy = MapNoise(bit_error_rate=0.5).on(clean, book, torch.Generator().manual_seed(SEED))
    indices = as_codebook(book).nearest(noisy)
    assert torch.equal(as_codebook(book).lookup(indices), noisy)
    assert len(indices.unique()) == 50


def test_fresh_noise_is_the_generators() -> None:
    clean, noise = sent(), MapNoise(deviation=0.1)
    first, again, other = (noise.on(clean, BOOK, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
