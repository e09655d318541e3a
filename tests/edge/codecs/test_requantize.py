from __future__ import annotations

import pytest
import torch

from edge.adapt.noise import as_codebook
from edge.codecs.requantize import cleaned, estimated_deviation, soft_requantized


def test_soft_requantisation_is_the_nearest_vector_without_noise_and_the_mean_in_much() -> None:
    book = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))
    received = as_codebook(book).lookup(torch.arange(16).view(1, 4, 4)) + 0.01
    nearest = as_codebook(book).lookup(as_codebook(book).nearest(received))
    torch.testing.assert_close(soft_requantized(received, book, 1e-3), nearest)
    torch.testing.assert_close(
        soft_requantized(received, book, 1e3), book.mean(0).view(1, 4, 1, 1).expand(1, 4, 4, 4), atol=1e-4, rtol=0
    )


def test_soft_requantisation_beats_both_extremes_at_moderate_noise() -> None:
    # 4 * 64 * 64 * 4 reals; the differences are tens of percent, their standard errors under one
    generator = torch.Generator().manual_seed(2)
    book = torch.randn(64, 4, generator=generator)
    codebook = as_codebook(book)
    sent = codebook.lookup(torch.randint(64, (4, 64, 64), generator=generator))
    got = sent + 0.5 * torch.randn(sent.shape, generator=generator)
    soft, hard = soft_requantized(got, book, 0.5), codebook.lookup(codebook.nearest(got))
    error = [float((one - sent).pow(2).mean()) for one in (soft, hard, got)]
    assert error[0] < 0.8 * min(error[1:])


@pytest.mark.parametrize("deviation", [0.05, 0.3, 1.0])
def test_the_strength_of_the_noise_is_found(deviation: float) -> None:
    # 64 * 64 * 4 = 16384 reals; the choice among vectors costs information at strong noise, hence 10 %
    generator = torch.Generator().manual_seed(3)
    book = torch.randn(32, 4, generator=generator)
    sent = as_codebook(book).lookup(torch.randint(32, (1, 64, 64), generator=generator))
    got = sent + deviation * torch.randn(sent.shape, generator=generator)
    assert estimated_deviation(got, book) == pytest.approx(deviation, rel=0.1)


def test_vectors_that_met_no_noise_stay_to_the_bit() -> None:
    book = torch.randn(32, 4, generator=torch.Generator().manual_seed(3))
    sent = as_codebook(book).lookup(torch.arange(32).view(1, 4, 8))
    assert estimated_deviation(sent, book) == 0.0
    assert torch.equal(cleaned(sent, book), sent)


def test_each_picture_is_cleaned_by_its_own_noise() -> None:
    generator = torch.Generator().manual_seed(4)
    book = torch.randn(32, 4, generator=generator)
    sent = as_codebook(book).lookup(torch.randint(32, (2, 32, 32), generator=generator))
    got = sent.clone()
    got[1] += 0.5 * torch.randn(sent.shape[1:], generator=generator)
    found = cleaned(got, book)
    assert torch.equal(found[0], sent[0])
    assert (found[1] - sent[1]).pow(2).mean() < 0.5 * 0.25
