"""Gradients through bits that were drawn: VIMCO, and straight-through ones, of bits that are hard at once or in time.

Split DeepJSCC (Tung et al., section III) trains both its stages by VIMCO (Mnih and Rezende, "Variational inference for
Monte Carlo objectives", 2016): f and g over the multi-level medium, h and q over AWGN. What the bits mean and what
carries them is not here.

The bound, eq. (7), for J samples with log-likelihoods l_j = log p(x | u_j), is the expectation of

    L = log (1/J) sum_j exp l_j .

Its gradient, eq. (8), has two terms. The second, sum_j c_j grad l_j with c_j = softmax(l)_j, is what differentiating L
itself gives. The first is a score function, E[L sum_j grad log p(u_j)]: unbiased, but every sample is blamed with the
same L. Since u_j is independent of the other samples, E[b grad log p(u_j)] = 0 for any b that does not depend on u_j,
so each sample may have its own baseline b_j(u_-j) subtracted. VIMCO takes for it the bound itself, with what sample j
contributed replaced by a guess from the others, the geometric mean of theirs, m_j = exp(1/(J-1) sum_{i != j} l_i):

    L_j = L - log (1/J) (sum_{i != j} exp l_i + m_j) .

The paper prints "L - log (1/J) sum_{i != j} p_i + m_j", which leaves open where m_j belongs. Outside the logarithm it
would be a likelihood added to log-likelihoods; the baseline would stay unbiased but stop being a guess of L (with equal
l_j = l, L_j is 0 inside, and log(J/(J-1)) + exp(l) outside: a sample no better than the others would be praised). The
definition of VIMCO (its eq. (8) to (10)) has it inside, and so has this file.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def bound(log_likelihoods: Tensor) -> Tensor:
    """l [J, B] -> L [B], eq. (7) and (10): log of the mean likelihood of the J samples."""
    return torch.logsumexp(log_likelihoods, dim=0) - math.log(log_likelihoods.shape[0])


def learning_signals(log_likelihoods: Tensor) -> Tensor:
    """l [J, B], J >= 2 -> L_j [J, B], carrying no gradient: what log p(u_j) is weighted with.

    Raises ValueError for a single sample: there is no other to guess it from.
    """
    count = log_likelihoods.shape[0]
    if count < 2:
        raise ValueError(f"samples: must be at least 2, got {count}; the left-out sample is guessed from the others")
    known = log_likelihoods.detach()
    guesses = (known.sum(dim=0, keepdim=True) - known) / (count - 1)
    # row j: every sample's l, with the guess in place of the j-th
    replaced = torch.where(torch.eye(count, dtype=torch.bool)[..., None], guesses[:, None], known[None])
    return bound(known) - (torch.logsumexp(replaced, dim=1) - math.log(count))


def objective(log_likelihoods: Tensor, log_probabilities: Tensor) -> Tensor:
    """A scalar whose gradient is eq. (11), averaged over the batch; to be maximised. Its value means nothing.

    log_likelihoods: l [J, B], differentiable in what made the reconstructions. log_probabilities: log p(u_j) [J, B],
    differentiable in what made the bits.
    """
    score = (learning_signals(log_likelihoods) * log_probabilities).sum(dim=0)
    return (score + bound(log_likelihoods)).mean()


def received_probability(probability: Tensor, bers: Tensor) -> Tensor:
    """Lemma 1: that a bit arrives as 1, which was 1 with this probability, over a BSC that flips it with `bers`."""
    return probability * (1 - 2 * bers) + bers


def draw(probability: Tensor, generator: torch.Generator) -> Tensor:
    """Bits, 1.0 with this probability each; no gradient."""
    uniforms = torch.rand(probability.shape, generator=generator, dtype=probability.dtype)
    return (uniforms < probability.detach()).to(probability.dtype)


def log_probability(bits: Tensor, probability: Tensor) -> Tensor:
    """log p(bits), eq. (18) and Lemma 2: independent bits [J, B, ...], each 1 with this probability [B, ...] -> [J, B].

    A probability of exactly 0 or 1 counts as within 1e-7 of it: a sigmoid may round, and its logarithm must be finite.
    """
    safe = probability.clamp(1e-7, 1 - 1e-7)
    each: Tensor = torch.where(bits > 0.5, safe.log(), (1 - safe).log())
    return each.flatten(2).sum(dim=2)


def straight_through(log_odds: Tensor) -> Tensor:
    """Hard bits 0.0 or 1.0, the likelier value of each; backwards they are taken for their probability.

    Biased, and much less noisy than VIMCO: one sample will do.
    """
    probability = torch.sigmoid(log_odds)
    return probability + ((log_odds > 0).to(log_odds.dtype) - probability).detach()


STEEPEST = 8.0


def hardening(log_odds: Tensor, done: float) -> Tensor:
    """Probabilities in place of bits, whose slope grows from 1 to STEEPEST as `done` goes from 0 to 1; from 1 on, hard
    bits with a straight-through gradient of that slope.

    Early on the gradient is that of what is computed; what the receiver will do with bits is learned at the end.
    """
    probability = torch.sigmoid(log_odds * STEEPEST ** min(done, 1.0))
    if done < 1:
        return probability
    return probability + ((log_odds > 0).to(log_odds.dtype) - probability).detach()
