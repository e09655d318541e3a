"""Which modulation and code rate to use at an SNR: the table of block error rates that tools/ldpc_table.py measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from emulator.channels.ldpc import Mcs
from emulator.channels.validation import require_snr_db

TABLE = Path(__file__).with_name("ldpc_table.json")
ORDERS = (4, 16, 64, 256)
RATES = (1 / 5, 1 / 3, 2 / 5, 1 / 2, 3 / 5, 2 / 3, 3 / 4, 5 / 6)


@dataclass(frozen=True)
class Waterfall:
    """Block errors of one scheme by simulation. snr_db: rising; below the first every block fails, above the last none.

    block_bits: information bits of a block, CRC included. errors, blocks: failed and simulated at each SNR.
    """

    mcs: Mcs
    block_bits: int
    snr_db: tuple[float, ...]
    errors: tuple[int, ...]
    blocks: tuple[int, ...]

    def block_error_rate(self, snr_db: float) -> float:
        """Interpolated between the measured points."""
        if snr_db < self.snr_db[0]:
            return 1.0
        return float(np.interp(snr_db, self.snr_db, np.divide(self.errors, self.blocks)))

    def goodput(self, snr_db: float, blocks: int = 1) -> float:
        """Bits a channel use that arrive in good order, where a message of so many blocks counts only whole."""
        return self.mcs.efficiency * (1.0 - self.block_error_rate(snr_db)) ** blocks


@cache
def waterfalls() -> tuple[Waterfall, ...]:
    """Everything measured."""
    return tuple(
        Waterfall(
            Mcs(row["order"], row["rate"]),
            row["block_bits"],
            tuple(row["snr_db"]),
            tuple(row["errors"]),
            tuple(row["blocks"]),
        )
        for row in json.loads(TABLE.read_text(encoding="utf-8"))["waterfalls"]
    )


def measured_at(block_bits: int, table: Sequence[Waterfall] | None = None) -> list[Waterfall]:
    """The curves for the longest measured block that is not longer than block_bits (longer blocks fail less)."""
    table = waterfalls() if table is None else table
    lengths = sorted({curve.block_bits for curve in table})
    length = max((each for each in lengths if each <= block_bits), default=lengths[0])
    return [curve for curve in table if curve.block_bits == length]


def best_mcs(snr_db: float, block_bits: int, blocks: int = 1, table: Sequence[Waterfall] | None = None) -> Mcs:
    """The scheme of the highest goodput m R (1 - BLER) ** blocks; where nothing arrives at all, the sturdiest.

    snr_db: Es/N0. block_bits: length of a block. blocks: how many must arrive for any to be of use.
    """
    require_snr_db("snr_db", snr_db)
    curves = measured_at(block_bits, table)
    best = max(curves, key=lambda curve: curve.goodput(snr_db, blocks))
    if best.goodput(snr_db, blocks) > 0:
        return best.mcs
    return min(curves, key=lambda curve: curve.snr_db[0]).mcs
