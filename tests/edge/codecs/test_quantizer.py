from __future__ import annotations

import torch

from edge.codecs.quantizer import Codebook


def test_nearest_is_the_argmin_of_the_euclidean_distance() -> None:
    generator = torch.Generator().manual_seed(1)
    codebook = Codebook(17, 5)
    codebook.vectors.copy_(torch.randn(17, 5, generator=generator))
    features = torch.randn(2, 5, 3, 4, generator=generator)
    flat = features.permute(0, 2, 3, 1).reshape(-1, 5)
    expected = torch.cdist(flat, codebook.vectors).argmin(1).view(2, 3, 4)
    assert torch.equal(codebook.nearest(features), expected)


def test_lookup_undoes_nearest_for_the_codebooks_own_vectors() -> None:
    codebook = Codebook(12, 6)
    indices = torch.randperm(12, generator=torch.Generator().manual_seed(0)).view(1, 3, 4)
    vectors = codebook.lookup(indices)
    assert vectors.shape == (1, 6, 3, 4)
    assert torch.equal(codebook.nearest(vectors), indices)


def test_vectors_are_a_buffer_that_no_optimizer_moves() -> None:
    assert list(Codebook(4, 2).parameters()) == []
    assert list(Codebook(4, 2).state_dict()) == ["vectors"]
