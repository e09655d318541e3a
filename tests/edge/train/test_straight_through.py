from __future__ import annotations

import pytest
import torch

from edge.codecs.quantizer import Codebook
from edge.train.ema_codebook import EMACodebook
from edge.train.impairment import NO_IMPAIRMENT, Impairment
from edge.train.straight_through import quantize


def adopted() -> EMACodebook:
    codebook = Codebook(4, 2)
    codebook.vectors.copy_(torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]]))
    average = EMACodebook(codebook)
    average.adopt()
    return average


def near_the_codewords() -> torch.Tensor:
    features = torch.tensor([[1.0, 9.0, 1.0, 9.0], [1.0, 1.0, 9.0, 9.0]])[None, :, None, :]
    return features.requires_grad_()


def test_the_decoder_gets_codewords_and_the_encoder_their_gradients() -> None:
    features = near_the_codewords()
    quantized = quantize(features, adopted(), NO_IMPAIRMENT, torch.Generator())
    expected = torch.tensor([[0.0, 10.0, 0.0, 10.0], [0.0, 0.0, 10.0, 10.0]])
    assert torch.equal(quantized.received[0, :, 0], expected)
    assert quantized.commitment.item() == pytest.approx(1.0)  # every number is 1 away from its codeword's
    weights = torch.arange(8.0).view(1, 2, 1, 4)
    (quantized.received * weights).sum().backward()
    assert torch.equal(features.grad, weights)


def test_the_commitment_pulls_features_to_their_codewords() -> None:
    features = near_the_codewords()
    quantize(features, adopted(), NO_IMPAIRMENT, torch.Generator()).commitment.backward()
    assert torch.equal(features.grad.sign()[0, :, 0], torch.tensor([[1.0, -1, 1, -1], [1, 1, -1, -1]]))


def test_noise_reaches_the_decoder_but_not_the_codebook_nor_the_commitment() -> None:
    noisy, clean = adopted(), adopted()
    generator = torch.Generator().manual_seed(0)
    one = quantize(near_the_codewords(), noisy, Impairment(feature_snr_db=0.0, index_ber=0.5), generator)
    other = quantize(near_the_codewords(), clean, NO_IMPAIRMENT, generator)
    assert not torch.allclose(one.received, other.received)
    assert torch.equal(one.commitment, other.commitment)
    assert torch.equal(noisy.codebook.vectors, clean.codebook.vectors)
