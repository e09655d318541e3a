"""What only the Torch faces have: gradients, batches, and their own refusals. Their laws: test_faces.py."""

from __future__ import annotations

import math

import pytest
import torch

from emulator.channels.torch_faces import TorchAWGN, TorchKaryDMC, TorchMultiLevelBSC, TorchRayleigh, TorchRician


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_gradient_passes_awgn_unchanged(generator: torch.Generator) -> None:
    sent = torch.ones(3, 8, requires_grad=True)
    TorchAWGN(3.0)(sent, generator).sum().backward()
    assert torch.equal(sent.grad, torch.ones(3, 8))


def test_gradient_through_fading_is_scaled_by_the_conjugate_gain(generator: torch.Generator) -> None:
    sent = torch.ones(2, 6, dtype=torch.complex64, requires_grad=True)
    received, gain = TorchRician(3.0, 10.0)(sent, generator)
    received.real.sum().backward()
    assert torch.allclose(sent.grad, gain.conj())


def test_gradient_through_flips_has_their_sign(generator: torch.Generator) -> None:
    bits = torch.randint(0, 2, (4, 100), generator=generator).float().requires_grad_()
    received = TorchMultiLevelBSC([0.4, 0.1])(bits, generator)
    received.sum().backward()
    flipped = received.detach() != bits.detach()
    assert 0 < flipped.float().mean() < 1
    assert torch.equal(bits.grad, torch.where(flipped, -1.0, 1.0))


def test_every_message_of_a_batch_has_its_own_gain(generator: torch.Generator) -> None:
    gain = TorchRayleigh(10.0)(torch.ones(5, 7, dtype=torch.complex64), generator).gain
    assert (gain == gain[:, :1]).all()
    assert len(set(gain[:, 0].tolist())) == 5


def test_packets_of_a_message_have_their_own_gains_and_the_last_may_be_short(generator: torch.Generator) -> None:
    gain = TorchRayleigh(10.0, "packet", 4)(torch.ones(2, 10, dtype=torch.complex64), generator).gain
    assert gain.shape == (2, 10)
    assert len(set(gain[0].tolist())) == 3


def test_same_seed_same_noise() -> None:
    sent = torch.zeros(100, dtype=torch.complex64)
    one, two = (TorchAWGN(0.0)(sent, torch.Generator().manual_seed(9)) for _ in range(2))
    assert torch.equal(one, two)


def test_infinite_snr_is_no_noise(generator: torch.Generator) -> None:
    sent = torch.ones(10)
    assert torch.equal(TorchAWGN(math.inf)(sent, generator), sent)


def test_bad_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^bers\[1\]: must be in \[0, 0.5\], got 0.6"):
        TorchMultiLevelBSC([0.1, 0.6])
    with pytest.raises(ValueError, match=r"^bers: must name at least one level"):
        TorchMultiLevelBSC([])
    with pytest.raises(ValueError, match=r"^k: must be an integer in"):
        TorchKaryDMC(1, 0.1)
    with pytest.raises(ValueError, match=r"^k_factor: must be finite"):
        TorchRician(-1.0, 10.0)
    with pytest.raises(ValueError, match=r"^coherence: must be"):
        TorchRayleigh(10.0, "packet")


def test_wrong_tensors_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(TypeError, match=r"^symbols: must be complex or real"):
        TorchAWGN(0.0)(torch.ones(3, dtype=torch.int64), generator)
    with pytest.raises(TypeError, match=r"^symbols: must be complex \[B, n\]"):
        TorchRayleigh(0.0)(torch.ones(3, dtype=torch.complex64), generator)
    with pytest.raises(TypeError, match=r"^indices: must be int64"):
        TorchKaryDMC(4, 0.1)(torch.ones(3), generator)
    with pytest.raises(TypeError, match=r"^bits: must be floating point"):
        TorchMultiLevelBSC([0.1])(torch.ones(3, dtype=torch.int64), generator)
    with pytest.raises(ValueError, match=r"^bits: last dimension 9 must be a multiple of 2 levels"):
        TorchMultiLevelBSC([0.1, 0.2])(torch.ones(9), generator)
