from __future__ import annotations

import torch

from edge.codecs.quantizer import Codebook
from edge.train.ema_codebook import EMACodebook


def maps(flat: torch.Tensor) -> torch.Tensor:
    """[n, D] -> features [1, D, 1, n]."""
    return flat.t()[None, :, None, :]


def test_the_first_batch_places_every_vector_on_a_feature() -> None:
    codebook = Codebook(4, 2)
    features = maps(torch.arange(20.0).view(10, 2))
    EMACodebook(codebook).update(features, codebook.nearest(features), torch.Generator().manual_seed(0))
    found = {tuple(v) for v in features[0, :, 0].t().tolist()}
    assert {tuple(v) for v in codebook.vectors.tolist()} <= found


def test_vectors_converge_to_the_means_of_their_clusters() -> None:
    generator = torch.Generator().manual_seed(3)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    codebook = Codebook(3, 2)
    average = EMACodebook(codebook, decay=0.9, revive_below=0.0)
    for step in range(300):
        features = maps((centres[:, None] + 0.1 * torch.randn(3, 20, 2, generator=generator)).reshape(-1, 2))
        average.update(features, codebook.nearest(features), generator)
        if step == 0:
            codebook.vectors.copy_(centres + 1.0)  # a start where no cluster is without a vector
            average.sums.copy_(centres + 1.0)
    # effective sample of the average: about 19 batches of 20 features, so a standard error of 0.005
    assert torch.allclose(codebook.vectors, centres, atol=0.03)


def test_a_vector_that_nobody_uses_is_revived() -> None:
    codebook = Codebook(2, 1)
    average = EMACodebook(codebook, decay=0.5)
    average.started = True
    codebook.vectors.copy_(torch.tensor([[1.0], [1000.0]]))
    average.sums.copy_(codebook.vectors)
    features = maps(torch.linspace(0.9, 1.1, 16)[:, None])
    for _ in range(10):
        average.update(features, codebook.nearest(features), torch.Generator().manual_seed(0))
    assert codebook.vectors.max() < 2


def test_state_round_trip() -> None:
    codebook = Codebook(5, 3)
    average = EMACodebook(codebook)
    features = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    average.update(features, codebook.nearest(features), torch.Generator().manual_seed(0))
    other = EMACodebook(Codebook(5, 3))
    other.load_state_dict(average.state_dict())
    assert other.started
    assert torch.equal(other.sums, average.sums)
    assert torch.equal(other.counts, average.counts)


def test_adopted_vectors_are_moved_and_not_replaced() -> None:
    codebook = Codebook(3, 1)
    codebook.vectors.copy_(torch.tensor([[0.0], [10.0], [20.0]]))
    average = EMACodebook(codebook)
    average.adopt()
    features = maps(torch.tensor([[1.0], [11.0], [21.0]]))
    average.update(features, codebook.nearest(features), torch.Generator().manual_seed(0))
    # counts and sums start at one feature each: 0.99 of the vector and 0.01 of the new feature
    assert torch.allclose(codebook.vectors, torch.tensor([[0.01], [10.01], [20.01]]))
