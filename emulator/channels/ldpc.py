"""Bits in blocks, each with a CRC, LDPC code, QAM, AWGN, soft demapping and belief propagation: which come out wrong.

A linear code treats all codewords alike once its coded bits are scrambled, as 5G's are. Then what is on the air is
uniform whatever was sent, and belief propagation makes the same errors on any codeword as on the one of zeros: the
sent word enters only as signs. So the channel draws the scrambled bits, sends and decodes them against zeros, and has
the errors of the block without knowing the data. That makes a block's fate a function of its place alone: a run of
packets that covers a part of a block meets the same errors as the whole. A test decodes real codewords beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.channels.awgn import AWGN
from emulator.channels.belief_propagation import Bits, decode
from emulator.channels.ldpc_code import LdpcCode, max_k
from emulator.channels.noise import Lane, SegmentNoise
from emulator.channels.soft_qam import SoftQAM
from emulator.channels.validation import require_integer

CRC_BITS = 24
MIN_BLOCK_BITS = 64
MAX_BLOCK_BITS = 8448
TOGETHER = 16  # blocks decoded side by side: faster than one by one, and still in the cache
_CRC24A = 0x864CFB  # TS 38.212, section 5.1
_QUIETEST = 1e-9  # N0 for a channel without noise: a finite log-likelihood ratio


@dataclass(frozen=True)
class Mcs:
    """A modulation and coding scheme: QAM of `order` points, code of `rate`."""

    order: int
    rate: float

    @property
    def bits_per_symbol(self) -> int:
        return self.order.bit_length() - 1

    @property
    def efficiency(self) -> float:
        """Information bits a channel use, CRC included."""
        return self.rate * self.bits_per_symbol

    def __str__(self) -> str:
        return f"{self.order}-QAM {self.rate:.3g}"


@dataclass(frozen=True)
class BlockPlan:
    """How size_bits bits are cut into equal blocks (the last padded with fewer zeros than there are blocks)."""

    size_bits: int
    blocks: int
    payload_bits: int  # of a block
    code: LdpcCode
    mcs: Mcs

    @classmethod
    def of(cls, size_bits: int, mcs: Mcs, block_bits: int = MAX_BLOCK_BITS) -> BlockPlan:
        """The fewest blocks of at most block_bits bits, CRC included, that the code allows (TS 38.212, 5.2.2)."""
        require_integer("size_bits", size_bits, 1, 2**48)
        room = min(require_block_bits("block_bits", block_bits), max_k(mcs.rate)) - CRC_BITS
        blocks = -(-size_bits // room)
        payload_bits = -(-size_bits // blocks)
        return cls(
            size_bits,
            blocks,
            payload_bits,
            LdpcCode.for_block(payload_bits + CRC_BITS, mcs.rate, mcs.bits_per_symbol),
            mcs,
        )

    @property
    def symbols_a_block(self) -> int:
        return self.code.n // self.mcs.bits_per_symbol

    @property
    def symbols(self) -> int:
        """Channel uses of everything: coded bits over bits a symbol, CRC and padding included."""
        return self.blocks * self.symbols_a_block

    def symbols_up_to(self, bits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Channel uses charged to the first so many bits: in proportion, rounded up, so that all bits pay for all."""
        return -(-bits * self.symbols // self.size_bits)


def _right(wrong: Bits) -> Bits:
    return np.asarray(~wrong.any(axis=0), np.bool_)


def require_block_bits(field: str, block_bits: int) -> int:
    """Returns block_bits; ValueError outside 64 .. 8448."""
    return require_integer(field, block_bits, MIN_BLOCK_BITS, MAX_BLOCK_BITS)


def crc24a(bits: Bits) -> int:
    """CRC24A of bits, the first the highest power; 0 for bits that end with their own CRC."""
    remainder = 0
    for byte in np.packbits(np.concatenate([np.zeros(-bits.size % 8, np.bool_), bits])).tobytes():
        remainder ^= byte << 16
        for _ in range(8):
            remainder <<= 1
            if remainder >> 24:
                remainder ^= 1 << 24 | _CRC24A
    return remainder


class LdpcQam:
    """The channel of one SNR: what becomes of a block."""

    def __init__(self, snr_db: float) -> None:
        """snr_db: Es/N0 in dB; inf for no noise."""
        self._awgn = AWGN(snr_db)
        self.snr_db = self._awgn.snr_db
        self._modems: dict[int, SoftQAM] = {}

    def block_errors(self, plan: BlockPlan, blocks: range, draw: SegmentNoise) -> tuple[Bits, Bits]:
        """(which payload bits of each block come out wrong [payload_bits, blocks], whose CRC tells [blocks])."""
        parts = [blocks[first : first + TOGETHER] for first in range(0, len(blocks), TOGETHER)]
        wrong = np.concatenate([self._wrong(plan, part, draw) for part in parts], axis=1)
        failed = np.array([bool(column.any()) and crc24a(column) != 0 for column in wrong.T], np.bool_)
        return wrong[: plan.payload_bits], failed

    def _wrong(self, plan: BlockPlan, blocks: range, draw: SegmentNoise) -> Bits:
        ratios = np.empty((plan.code.n, len(blocks)), np.float32)
        for column, block in zip(ratios.T, blocks, strict=True):
            signs, received = self.on_the_air(plan, block, draw)
            seen = self.modem(plan.mcs.order).log_likelihood_ratios(received)
            column[:] = np.where(signs, -seen, seen)
        return decode(plan.code, ratios, _right)

    def on_the_air(
        self, plan: BlockPlan, block: int, draw: SegmentNoise
    ) -> tuple[NDArray[np.bool_], NDArray[np.complex64]]:
        """(the scrambled coded bits [n], the symbols received [n / m]) of a block."""
        words = -(-plan.code.n // 64)
        drawn = draw.words(Lane.MASK, block * words, words).astype("<u8").view(np.uint8)
        sent = np.unpackbits(drawn, count=plan.code.n).astype(np.bool_)
        symbols = self.modem(plan.mcs.order).modulate(sent)
        return sent, self._awgn(symbols, block * plan.symbols_a_block, draw)

    def modem(self, order: int) -> SoftQAM:
        """The modulation of so many points at this channel's noise."""
        if order not in self._modems:
            self._modems[order] = SoftQAM(order, max(self._awgn.noise_power, _QUIETEST))
        return self._modems[order]
