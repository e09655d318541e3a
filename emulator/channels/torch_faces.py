"""The channels' laws in Torch, for training through them. The emulator never uses these: it has the NumPy face.

Randomness comes from the caller's torch.Generator, on the signal's device. A test holds both faces to the same law.
Gradients pass through the signal; the noise itself carries none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from emulator.channels.fading import Coherence
from emulator.channels.validation import require_integer, require_probability, require_snr_db

_MAX_K = 2**16
_MAX_PACKET_ELEMENTS = 2**32


class TorchAWGN:
    """y = x + n: variance N0 per complex symbol, N0 / 2 per real number, N0 = 10 ** (-snr_db / 10)."""

    def __init__(self, snr_db: float) -> None:
        """snr_db: Es/N0 of a complex symbol of average power 1, in dB; inf for no noise."""
        self.snr_db = require_snr_db("snr_db", snr_db)
        self.noise_power = 10.0 ** (-self.snr_db / 10.0)

    def __call__(self, symbols: Tensor, generator: torch.Generator) -> Tensor:
        """symbols: any shape, complex; or real, each pair of numbers being one complex symbol. Returns the same shape.

        Real symbols must have been scaled so that a pair has average power 1: 1/2 for each number.
        """
        if not (symbols.is_complex() or symbols.is_floating_point()):
            raise TypeError(f"symbols: must be complex or real floating point, got {symbols.dtype}")
        # For a complex dtype torch.randn already has variance 1 per complex number, 1/2 per real.
        power = self.noise_power if symbols.is_complex() else self.noise_power / 2.0
        noise = torch.randn(symbols.shape, generator=generator, dtype=symbols.dtype, device=symbols.device)
        return symbols + math.sqrt(power) * noise


class TorchFaded(NamedTuple):
    """What the receiver sees, and what it is told."""

    symbols: Tensor
    """h x + n, complex [B, n]."""
    gain: Tensor
    """h of every symbol, complex [B, n]."""


class TorchRician:
    """y = h x + n as in ``fading.Rician``; a row of the batch is a message."""

    def __init__(
        self, k_factor: float, snr_db: float, coherence: Coherence = "message", packet_elements: int | None = None
    ) -> None:
        """k_factor: linear, >= 0. snr_db: mean Es/N0 in dB. packet_elements: if and only if coherence is "packet"."""
        if not 0.0 <= k_factor < math.inf:
            raise ValueError(f"k_factor: must be finite and >= 0 (linear, not dB), got {k_factor!r}")
        if coherence not in ("message", "packet") or (coherence == "packet") != (packet_elements is not None):
            raise ValueError('coherence: must be "message", or "packet" with packet_elements, and only then')
        if packet_elements is not None:
            require_integer("packet_elements", packet_elements, 1, _MAX_PACKET_ELEMENTS)
        self.k_factor = float(k_factor)
        self.packet_elements = packet_elements
        self._awgn = TorchAWGN(snr_db)

    def __call__(self, symbols: Tensor, generator: torch.Generator) -> TorchFaded:
        """symbols: complex [B, n] of unit average power."""
        if not symbols.is_complex() or symbols.ndim != 2:
            raise TypeError(f"symbols: must be complex [B, n], got {symbols.dtype} of shape {tuple(symbols.shape)}")
        messages, count = symbols.shape
        per_gain = count if self.packet_elements is None else self.packet_elements
        gains = -(-count // per_gain) if count else 0
        scattered = torch.randn((messages, gains), generator=generator, dtype=symbols.dtype, device=symbols.device)
        line_of_sight = math.sqrt(self.k_factor / (self.k_factor + 1.0))
        block_gain = line_of_sight + math.sqrt(1.0 / (self.k_factor + 1.0)) * scattered
        gain = block_gain.repeat_interleave(per_gain, dim=1)[:, :count]
        return TorchFaded(self._awgn(gain * symbols, generator), gain)


class TorchRayleigh(TorchRician):
    """Rician fading with K = 0."""

    def __init__(self, snr_db: float, coherence: Coherence = "message", packet_elements: int | None = None) -> None:
        """As for TorchRician."""
        super().__init__(0.0, snr_db, coherence, packet_elements)


class TorchKaryDMC:
    """Each index is kept with probability 1 - epsilon, else replaced by another, uniformly (SLF, eq. 2)."""

    def __init__(self, k: int, epsilon: float) -> None:
        """k: alphabet size, 2 .. 65536. epsilon: probability that an index changes, in [0, 1]."""
        self.k = require_integer("k", k, 2, _MAX_K)
        self.epsilon = require_probability("epsilon", epsilon)

    def __call__(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """indices: int64, any shape, in [0, K). Returns received indices, the same shape."""
        if indices.dtype != torch.int64:
            raise TypeError(f"indices: must be int64, got {indices.dtype}")
        # float64: at float32 an epsilon of 1e-7 would be a handful of steps of the uniform.
        uniforms = torch.rand(indices.shape, generator=generator, dtype=torch.float64, device=indices.device)
        shift = torch.randint(1, self.k, indices.shape, generator=generator, device=indices.device)
        return torch.where(uniforms < self.epsilon, (indices + shift) % self.k, indices)


class TorchMultiLevelBSC:
    """Equal groups of bits through binary symmetric channels of their own (Split DeepJSCC, section III)."""

    def __init__(self, bers: Sequence[float]) -> None:
        """bers: flip probability of each level, in [0, 0.5]; one entry makes a plain BSC."""
        if not bers:
            raise ValueError("bers: must name at least one level; give its bit error rate")
        self.bers = tuple(require_probability(f"bers[{level}]", ber, upper=0.5) for level, ber in enumerate(bers))

    def __call__(self, bits: Tensor, generator: torch.Generator) -> Tensor:
        """bits: floating point 0 or 1, [..., M]; M is cut into as many equal contiguous groups as there are levels.

        Returns received bits, the same shape and dtype. Differentiable in bits: a flip is x -> 1 - x.
        """
        if not bits.is_floating_point():
            raise TypeError(f"bits: must be floating point zeros and ones, got {bits.dtype}")
        if bits.shape[-1] % len(self.bers):
            raise ValueError(f"bits: last dimension {bits.shape[-1]} must be a multiple of {len(self.bers)} levels")
        rates = torch.tensor(self.bers, dtype=torch.float64, device=bits.device)
        thresholds = rates.repeat_interleave(bits.shape[-1] // len(self.bers))
        uniforms = torch.rand(bits.shape, generator=generator, dtype=torch.float64, device=bits.device)
        return torch.where(uniforms < thresholds, 1.0 - bits, bits)
