from __future__ import annotations

import pytest
import torch

from edge.train.impairment import NO_IMPAIRMENT, Impairment, noisy


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("snr_db", [20.0, 10.0, 0.0])
def test_noise_has_the_power_that_the_snr_says_for_each_picture(snr_db: float) -> None:
    # 10**5 numbers a picture: relative standard error of a mean square sqrt(2 / 10**5) = 0.45 %, 4 sigma 1.8 %
    scales = torch.tensor([0.1, 1.0, 30.0]).view(3, 1, 1, 1)
    signal = torch.randn(3, 10, 100, 100, generator=torch.Generator().manual_seed(5)) * scales
    error = noisy(signal, snr_db, generator()) - signal
    ratio = error.square().mean(dim=(1, 2, 3)) / signal.square().mean(dim=(1, 2, 3))
    assert ratio.tolist() == pytest.approx([10 ** (-snr_db / 10)] * 3, rel=0.018)
    assert error.mean().abs() < 4 * error.std() / (3e5) ** 0.5


def test_nothing_asked_is_nothing_done_and_nothing_drawn() -> None:
    drawing = generator()
    before = drawing.get_state()
    images = torch.rand(1, 3, 4, 4)
    indices = torch.arange(6)
    assert NO_IMPAIRMENT.on_images(images, drawing) is images
    assert NO_IMPAIRMENT.on_features(images, drawing) is images
    assert NO_IMPAIRMENT.on_indices(indices, 9, drawing) is indices
    assert torch.equal(drawing.get_state(), before)


def test_noisy_pictures_stay_pictures_and_the_clean_ones_are_untouched() -> None:
    images = torch.rand(2, 3, 32, 32, generator=generator())
    kept = images.clone()
    found = Impairment(image_snr_db=0.0).on_images(images, generator())
    assert torch.equal(images, kept)
    assert found.min() == 0
    assert found.max() == 1


def test_bits_flip_at_the_stated_rate_in_every_place() -> None:
    indices = torch.randint(0, 512, (40_000,), generator=generator())
    found = Impairment(index_ber=0.03).on_indices(indices, 9, generator())
    flips = ((indices ^ found)[:, None] >> torch.arange(9)) & 1
    # binomial: sigma of a rate of 0.03 over 40,000 draws is 0.00085
    assert flips.float().mean(0).tolist() == pytest.approx([0.03] * 9, abs=4 * 0.00085)
    assert int(found.max()) < 512


def test_gradients_pass_through_the_noise() -> None:
    vectors = torch.ones(1, 2, 3, 3, requires_grad=True)
    Impairment(feature_snr_db=3.0).on_features(vectors, generator()).sum().backward()
    assert vectors.grad is not None
    assert torch.equal(vectors.grad, torch.ones(1, 2, 3, 3))


@pytest.mark.parametrize("ber", [-0.1, 0.6])
def test_an_impossible_bit_error_rate_is_refused(ber: float) -> None:
    with pytest.raises(ValueError, match=r"index_ber: must be in \[0, 0\.5\]"):
        Impairment(index_ber=ber)
