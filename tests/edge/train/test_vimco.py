"""The gradient estimators against exact gradients, by enumeration of every outcome of a problem of three bits."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from edge.train import vimco

BITS, SAMPLES, DRAWS = 3, 3, 40_000
LOG_ODDS = torch.tensor([0.4, -0.7, 0.2], dtype=torch.float64)
BERS = torch.tensor([0.3, 0.1, 0.01], dtype=torch.float64)
WEIGHTS = torch.tensor([1.0, -0.8, 0.5], dtype=torch.float64)  # of a linear g
TARGET, SCALE = 0.9, 4.0


def log_likelihoods(bits: Tensor, weights: Tensor) -> Tensor:
    """bits [..., 3], weights [3] or [B, 3] -> [...]"""
    return -SCALE * ((bits * weights).sum(dim=-1) - TARGET).square()


def exact_gradients() -> tuple[Tensor, Tensor]:
    """Of eq. (7) in the log-odds and in g's weights: a sum over all (2^3)^3 outcomes."""
    log_odds, weights = LOG_ODDS.clone().requires_grad_(), WEIGHTS.clone().requires_grad_()
    probability = vimco.received_probability(torch.sigmoid(log_odds), BERS)
    words = [torch.tensor(word, dtype=torch.float64) for word in itertools.product((0.0, 1.0), repeat=BITS)]
    total = torch.zeros((), dtype=torch.float64)
    for outcome in itertools.product(words, repeat=SAMPLES):
        bits = torch.stack(outcome)
        chance = torch.where(bits > 0.5, probability, 1 - probability).prod()
        total = total + chance * (torch.logsumexp(log_likelihoods(bits, weights), 0) - math.log(SAMPLES))
    total.backward()
    assert log_odds.grad is not None
    assert weights.grad is not None
    return log_odds.grad, weights.grad


def drawn_gradients(*, baseline: bool) -> tuple[Tensor, Tensor]:
    """Of independent draws, one a row: [DRAWS, 3] each. Without the baseline: the plain score function of eq. (8)."""
    log_odds = LOG_ODDS.expand(DRAWS, BITS).clone().requires_grad_()
    weights = WEIGHTS.expand(DRAWS, BITS).clone().requires_grad_()
    probability = vimco.received_probability(torch.sigmoid(log_odds), BERS)
    bits = vimco.draw(probability.expand(SAMPLES, DRAWS, BITS), torch.Generator().manual_seed(3))
    likelihoods, chances = log_likelihoods(bits, weights), vimco.log_probability(bits, probability)
    if baseline:
        objective = vimco.objective(likelihoods, chances)
    else:
        bound = vimco.bound(likelihoods)
        objective = (bound.detach() * chances.sum(dim=0) + bound).mean()
    (DRAWS * objective).backward()
    assert log_odds.grad is not None
    assert weights.grad is not None
    return log_odds.grad, weights.grad


def test_vimco_is_unbiased_and_varies_less_than_the_plain_score_function() -> None:
    # 6 numbers, each within 3 standard errors of 40 000 draws (chance of a false alarm 1.6 % over seeds; this is fixed)
    exact, ours, plain = exact_gradients(), drawn_gradients(baseline=True), drawn_gradients(baseline=False)
    for truth, drawn in zip(exact, ours, strict=True):
        error = (drawn.mean(dim=0) - truth).abs()
        assert (error < 3 * drawn.std(dim=0) / math.sqrt(DRAWS)).all(), (drawn.mean(dim=0), truth)
    assert (ours[0].var(dim=0) < 0.6 * plain[0].var(dim=0)).all()


def test_the_plain_score_function_agrees_too_so_the_enumeration_is_right() -> None:
    for truth, drawn in zip(exact_gradients(), drawn_gradients(baseline=False), strict=True):
        assert ((drawn.mean(dim=0) - truth).abs() < 3 * drawn.std(dim=0) / math.sqrt(DRAWS)).all()


def test_the_left_out_samples_likelihood_is_replaced_inside_the_logarithm() -> None:
    likelihoods = torch.tensor([[-1.0, -2.0], [-3.0, -2.0], [-0.5, -2.0]], dtype=torch.float64)
    signals = vimco.learning_signals(likelihoods)
    for column in range(2):
        one = likelihoods[:, column].tolist()
        for left_out in range(3):
            others = [x for i, x in enumerate(one) if i != left_out]
            guess = math.exp(sum(others) / 2)
            expected = math.log(sum(map(math.exp, one)) / 3) - math.log((sum(map(math.exp, others)) + guess) / 3)
            assert signals[left_out, column] == pytest.approx(expected, abs=1e-12)
    assert signals[:, 1].abs().max() < 1e-12  # samples that are alike are neither praised nor blamed


def test_likelihoods_far_below_what_a_float_holds_are_no_trouble() -> None:
    likelihoods = torch.tensor([[-4000.0], [-4001.0]])
    assert torch.isfinite(vimco.learning_signals(likelihoods)).all()
    assert vimco.bound(likelihoods).item() == pytest.approx(-4000 + math.log((1 + math.exp(-1)) / 2), abs=1e-3)


def test_a_single_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="samples: must be at least 2, got 1"):
        vimco.learning_signals(torch.zeros(1, 4))


def test_the_law_of_received_bits_is_that_of_lemma_1() -> None:
    # binomial 4-sigma band over 200 000 bits: drawn bits that a BSC flips are 1 as often as the lemma says
    generator = torch.Generator().manual_seed(0)
    probability, ber = torch.full((200_000,), 0.3, dtype=torch.float64), 0.2
    flips = vimco.draw(torch.full_like(probability, ber), generator)
    received = (vimco.draw(probability, generator) - flips).abs()
    expected = vimco.received_probability(probability, torch.tensor(ber, dtype=torch.float64))[0].item()
    assert expected == pytest.approx(0.3 * 0.8 + 0.7 * 0.2)
    assert abs(received.mean().item() - expected) < 4 * math.sqrt(expected * (1 - expected) / 200_000)


def test_probabilities_of_all_words_add_up_to_1_and_certain_bits_have_finite_logarithms() -> None:
    words = torch.tensor(list(itertools.product((0.0, 1.0), repeat=BITS)), dtype=torch.float64)
    probability = torch.tensor([[0.2, 0.5, 0.9]], dtype=torch.float64)
    assert vimco.log_probability(words[:, None], probability).exp().sum().item() == pytest.approx(1)
    impossible = vimco.log_probability(torch.ones(1, 1, 1), torch.zeros(1, 1))
    assert torch.isfinite(impossible).all()


def test_straight_through_gives_hard_bits_and_the_slope_of_their_probability() -> None:
    log_odds = torch.tensor([-2.0, -0.1, 0.1, 3.0], requires_grad=True)
    bits = vimco.straight_through(log_odds)
    assert torch.allclose(bits, torch.tensor([0.0, 0.0, 1.0, 1.0]))
    bits.sum().backward()
    probability = torch.sigmoid(log_odds.detach())
    assert log_odds.grad is not None
    assert torch.allclose(log_odds.grad, probability * (1 - probability))


def test_bits_harden_from_probabilities_to_what_a_receiver_decides() -> None:
    log_odds = torch.tensor([-2.0, -0.3, 0.2, 3.0])
    assert torch.equal(vimco.hardening(log_odds, 0.0), torch.sigmoid(log_odds))
    assert torch.equal(vimco.hardening(log_odds, 1.0), (log_odds > 0).float())
    assert torch.equal(vimco.hardening(log_odds, 7.0), (log_odds > 0).float())
    distances = [(vimco.hardening(log_odds, done) - (log_odds > 0).float()).abs() for done in (0.0, 0.25, 0.5, 0.75)]
    assert all(bool((later < earlier).all()) for earlier, later in itertools.pairwise(distances))


def test_the_gradient_of_hard_bits_is_that_of_the_steepest_probabilities() -> None:
    hard = torch.tensor([-0.5, 0.1], requires_grad=True)
    vimco.hardening(hard, 1.0).sum().backward()
    soft = torch.tensor([-0.5, 0.1], requires_grad=True)
    torch.sigmoid(soft * vimco.STEEPEST).sum().backward()
    assert hard.grad is not None
    torch.testing.assert_close(hard.grad, soft.grad)
