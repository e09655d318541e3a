"""One statistical test a law, run on the NumPy face that the emulator uses and on the Torch face that training uses."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import special, stats

from emulator.channels.awgn import AWGN
from emulator.channels.bsc import BSC
from emulator.channels.dmc import KaryDMC
from emulator.channels.fading import Rayleigh, Rician
from emulator.channels.levels import geometric_bers
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.torch_faces import TorchAWGN, TorchKaryDMC, TorchMultiLevelBSC, TorchRayleigh, TorchRician

Complex = NDArray[np.complex64]


class Face(Protocol):
    def awgn(self, snr_db: float, sent: Complex) -> Complex: ...
    def fading(self, k_factor: float, snr_db: float, sent: Complex, per_packet: int) -> tuple[Complex, Complex]: ...
    def dmc(self, k: int, epsilon: float, sent: NDArray[np.uint16]) -> NDArray[np.uint16]: ...
    def bsc(self, bers: tuple[float, ...], sent: NDArray[np.uint8]) -> NDArray[np.uint8]: ...


class NumPyFace:
    def __init__(self) -> None:
        self.key = NoiseKey(seed=21, link="radio", receiver="rx0", session="test", purpose="payload")

    def awgn(self, snr_db: float, sent: Complex) -> Complex:
        return AWGN(snr_db)(sent, 0, SegmentNoise(self.key, 0, 0))

    def fading(self, k_factor: float, snr_db: float, sent: Complex, per_packet: int) -> tuple[Complex, Complex]:
        channel = Rician(k_factor, snr_db, "packet", per_packet) if k_factor else Rayleigh(snr_db, "packet", per_packet)
        return channel(sent, 0, SegmentNoise(self.key, 0, 0))

    def dmc(self, k: int, epsilon: float, sent: NDArray[np.uint16]) -> NDArray[np.uint16]:
        return KaryDMC(k, epsilon)(sent, 0, SegmentNoise(self.key, 0, 0))

    def bsc(self, bers: tuple[float, ...], sent: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rows = [
            BSC(ber)(np.packbits(row), 0, SegmentNoise(self.key, message=0, segment=level))
            for level, (ber, row) in enumerate(zip(bers, sent, strict=True))
        ]
        return np.unpackbits(np.stack(rows), axis=1)


class TorchFace:
    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(22)

    def awgn(self, snr_db: float, sent: Complex) -> Complex:
        return TorchAWGN(snr_db)(torch.from_numpy(sent), self.generator).numpy()

    def fading(self, k_factor: float, snr_db: float, sent: Complex, per_packet: int) -> tuple[Complex, Complex]:
        channel = (
            TorchRician(k_factor, snr_db, "packet", per_packet)
            if k_factor
            else TorchRayleigh(snr_db, "packet", per_packet)
        )
        received, gain = channel(torch.from_numpy(sent)[None], self.generator)
        return received[0].numpy(), gain[0].numpy()

    def dmc(self, k: int, epsilon: float, sent: NDArray[np.uint16]) -> NDArray[np.uint16]:
        received = TorchKaryDMC(k, epsilon)(torch.from_numpy(sent.astype(np.int64)), self.generator)
        return received.numpy().astype(np.uint16)

    def bsc(self, bers: tuple[float, ...], sent: NDArray[np.uint8]) -> NDArray[np.uint8]:
        bits = torch.from_numpy(sent.reshape(1, -1).astype(np.float32))
        return TorchMultiLevelBSC(bers)(bits, self.generator).numpy().astype(np.uint8).reshape(sent.shape)


class PairedTorchFace(TorchFace):
    """Torch with complex symbols as pairs of real numbers."""

    def awgn(self, snr_db: float, sent: Complex) -> Complex:
        pairs = torch.from_numpy(sent.view(np.float32))
        return TorchAWGN(snr_db)(pairs, self.generator).numpy().view(np.complex64)


@pytest.fixture(params=[NumPyFace, TorchFace])
def face(request: pytest.FixtureRequest) -> Face:
    return request.param()


@pytest.mark.parametrize("face", [NumPyFace, TorchFace, PairedTorchFace], indirect=True)
@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.0])
def test_awgn_has_half_of_n0_in_each_real_dimension(face: Face, snr_db: float) -> None:
    # 400 000 symbols; variance estimate of a normal has relative sigma sqrt(2 / n), correlation 1 / sqrt(n): 4 sigma.
    # Normality: KS against the stated variance, p > 1e-4.
    n = 400_000
    sent = np.full(n, 0.6 - 0.8j, np.complex64)
    noise = face.awgn(snr_db, sent) - sent
    n0 = 10 ** (-snr_db / 10)
    for axis in (noise.real, noise.imag):
        assert abs(axis.mean()) < 4 * math.sqrt(n0 / 2 / n)
        assert abs(axis.var() / (n0 / 2) - 1) < 4 * math.sqrt(2 / n)
        assert stats.kstest(axis[:100_000], "norm", args=(0, math.sqrt(n0 / 2))).pvalue > 1e-4
    assert abs(np.corrcoef(noise.real, noise.imag)[0, 1]) < 4 / math.sqrt(n)


def test_rayleigh_power_gain_is_exponential_and_its_phase_uniform(face: Face) -> None:
    # 50 000 packets of 2 symbols; KS, p > 1e-4
    _, gain = face.fading(0.0, 10.0, np.ones(100_000, np.complex64), 2)
    assert np.array_equal(gain[0::2], gain[1::2])
    assert stats.kstest(np.abs(gain[::2]) ** 2, "expon").pvalue > 1e-4
    assert stats.kstest(np.angle(gain[::2]) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("k_factor", [0.5, 4.0, 20.0])
def test_rician_gain_has_its_moments(face: Face, k_factor: float) -> None:
    # 200 000 packets. E h = sqrt(K / (K + 1)), E|h|^2 = 1, Var|h|^2 = (1 + 2 K) / (1 + K)^2; 4 sigma each.
    # |h| is Rice distributed: KS, p > 1e-4.
    n = 200_000
    _, gain = face.fading(k_factor, 10.0, np.ones(n, np.complex64), 1)
    power = np.abs(gain.astype(np.complex128)) ** 2
    variance = (1 + 2 * k_factor) / (1 + k_factor) ** 2
    scattered = 1 / (k_factor + 1)
    assert abs(gain.mean() - math.sqrt(k_factor * scattered)) < 4 * math.sqrt(scattered / n)
    assert abs(power.mean() - 1) < 4 * math.sqrt(variance / n)
    assert abs(power.var() / variance - 1) < 4 * math.sqrt(stats.kurtosis(power, fisher=False) / n)
    rice = stats.rice(b=math.sqrt(2 * k_factor), scale=math.sqrt(scattered / 2))
    assert stats.kstest(np.sqrt(power[:50_000]), rice.cdf).pvalue > 1e-4


def test_uncoded_qpsk_over_rayleigh_meets_its_closed_form(face: Face) -> None:
    # Coherent detection with the reported gain: BER = (1 - sqrt(g / (1 + g))) / 2 at g = Es / (2 N0) a bit.
    # One symbol a packet, 800 000 bits; two bits of a symbol share a fade, so the band is widened by sqrt(2): 4 sigma.
    n, snr_db = 400_000, 7.0
    signs = np.random.default_rng(3).integers(0, 2, 2 * n) * 2 - 1
    sent = (signs * math.sqrt(0.5)).astype(np.float32).view(np.complex64)
    received, gain = face.fading(0.0, snr_db, sent, 1)
    decided = np.sign((received * np.conj(gain)).view(np.float32))
    per_bit = 10 ** (snr_db / 10) / 2
    expected = (1 - math.sqrt(per_bit / (1 + per_bit))) / 2
    assert abs(np.mean(decided != signs) - expected) < 4 * math.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize(("k", "epsilon"), [(512, 1e-4), (512, 0.05), (16, 0.5), (500, 0.05), (7, 0.5), (2, 0.3)])
def test_dmc_error_rate_is_epsilon_and_errors_are_uniform(face: Face, k: int, epsilon: float) -> None:
    # a million symbols: binomial 4-sigma band; chi-square over the K - 1 displacements (p > 1e-4) when errors suffice
    n = 1_000_000
    sent = np.random.default_rng(6).integers(0, k, n).astype(np.uint16)
    received = face.dmc(k, epsilon, sent)
    wrong = received != sent
    assert abs(wrong.mean() - epsilon) < 4 * math.sqrt(epsilon * (1 - epsilon) / n)
    assert int(received.max()) < k
    if k > 2 and wrong.sum() > 10 * k:
        modular = (received[wrong].astype(int) - sent[wrong]) % k
        assert stats.chisquare(np.bincount(modular, minlength=k)[1:]).pvalue > 1e-4
        arrived = np.bincount(received[wrong], minlength=k)
        assert stats.chisquare(arrived).pvalue > 1e-4


def test_multi_level_bsc_gives_every_level_its_rate(face: Face) -> None:
    # 10 levels of 200 000 bits (Split DeepJSCC, eq. 17): binomial 4-sigma bands, zeros and ones alike
    bers = geometric_bers(10, 0.4, 0.001)
    sent = np.random.default_rng(8).integers(0, 2, (10, 200_000)).astype(np.uint8)
    received = face.bsc(bers, sent)
    for ber, before, after in zip(bers, sent, received, strict=True):
        for bit in (0, 1):
            flipped = after[before == bit] != bit
            assert abs(flipped.mean() - ber) < 4 * math.sqrt(ber * (1 - ber) / flipped.size)


def test_capacity_of_the_simulated_bsc_is_what_its_rate_says(face: Face) -> None:
    # plug-in mutual information of 2 million bits against 1 - h2(0.11); its sigma is below 1e-3
    sent = np.random.default_rng(9).integers(0, 2, (1, 2_000_000)).astype(np.uint8)
    received = face.bsc((0.11,), sent)
    joint = np.bincount(2 * sent[0] + received[0], minlength=4) / sent.size
    marginals = np.outer(joint.reshape(2, 2).sum(1), joint.reshape(2, 2).sum(0)).reshape(-1)
    information = special.rel_entr(joint, marginals).sum() / math.log(2)
    assert abs(information - (1 + 0.11 * math.log2(0.11) + 0.89 * math.log2(0.89))) < 4e-3
