"""Codes of 5G NR: which parity checks protect a block of k bits (3GPP TS 38.212, sections 5.2.2, 5.3.2 and 5.4.2.1).

The base graphs are read from the tables that the package sionna-no-rt brings along; it is not imported, which would
take seconds and torch. Decoding is in belief_propagation.py, the segmentation of a message into blocks in ldpc.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MIN_K = 12
MIN_RATE, MAX_RATE = 0.2, 0.95
MAX_LIFTING = 384
COLUMNS = {1: 22, 2: 10}  # information columns of the two base graphs
LARGEST_K = {graph: columns * MAX_LIFTING for graph, columns in COLUMNS.items()}
LIFTING_SETS = (2, 3, 5, 7, 9, 11, 13, 15)  # each with its doubles (TS 38.212, table 5.3.2-1)
LIFTING_SIZES = tuple(sorted(a << j for a in LIFTING_SETS for j in range(8) if a << j <= MAX_LIFTING))
PUNCTURED = 2  # columns that are never sent
CORE_ROWS = 4


class LdpcMissingError(ValueError):
    """The package that knows the codes is not installed; the message says which."""


def require_base_graphs() -> None:
    """Raises LdpcMissingError unless the tables are there."""
    _table(1)
    _table(2)


def _table(graph: int) -> Path:
    sionna = find_spec("sionna")
    folders = (sionna and sionna.submodule_search_locations) or []
    for folder in folders:
        table = Path(folder, "phy", "fec", "ldpc", "codes", f"5G_bg{graph}.csv")
        if table.is_file():
            return table
    found = "does not have it" if folders else "is not installed"
    raise LdpcMissingError(
        f"LDPC base graph {graph}: the package sionna-no-rt {found}; install version 2.2 (pip install sionna-no-rt)"
    )


@lru_cache(maxsize=2)
def _base_graph_entries(graph: int) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """(row, column, shift for each of the eight sets of lifting sizes): TS 38.212, tables 5.3.2-2 and 5.3.2-3."""
    entries, row = [], 0
    for line in _table(graph).read_text(encoding="utf-8").splitlines()[2:]:
        first, column, *shifts = line.split(";")
        row = int(first) if first else row
        entries.append((row, int(column), tuple(map(int, shifts[: len(LIFTING_SETS)]))))
    return tuple(entries)


def require_rate(field: str, rate: float) -> float:
    """Returns rate; ValueError unless 0.2 <= rate <= 0.95, what the codes allow without repetition."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"{field}: must be in [{MIN_RATE:g}, {MAX_RATE:g}], got {rate!r}; give a code rate")
    return float(rate)


def max_k(rate: float) -> int:
    """The longest block, in bits with its CRC: below rate 1/3 only base graph 2 reaches the rate."""
    return LARGEST_K[2] if rate < 1 / 3 else LARGEST_K[1]


def base_graph(k: int, rate: float) -> int:
    """1 or 2 (TS 38.212, section 7.2.2)."""
    small = k <= 292 or (k <= 3824 and rate <= 0.67) or rate <= 0.25
    return 2 if k <= LARGEST_K[2] and (small or rate < 1 / 3) else 1


def lifting_size(k: int, graph: int) -> int:
    """The smallest lifting size whose information columns hold k bits (TS 38.212, section 5.2.2)."""
    used = 22 if graph == 1 else 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6
    return next(size for size in LIFTING_SIZES if used * size >= k)


@dataclass(frozen=True)
class Lifted:
    """A lifted base graph. checks: for each row of the base graph, int32 [d, z]: the d bits that each of its z checks
    joins, as places in the codeword (punctured columns first, then information with filler, then parity)."""

    lifting: int
    information_columns: int
    checks: tuple[NDArray[np.int32], ...]


@lru_cache(maxsize=32)
def _lifted(graph: int, lifting: int) -> Lifted:
    odd = lifting // (lifting & -lifting)
    lifting_set = LIFTING_SETS.index(2 if odd == 1 else odd)
    rows: dict[int, list[tuple[int, int]]] = {}
    for row, column, shifts in _base_graph_entries(graph):
        rows.setdefault(row, []).append((column, shifts[lifting_set]))
    turn = np.arange(lifting)
    checks = []
    for row in range(len(rows)):
        column, shift = np.array(rows[row]).T[:, :, None]
        checks.append((column * lifting + (shift + turn) % lifting).astype(np.int32))
    return Lifted(lifting, COLUMNS[graph], tuple(checks))


@dataclass(frozen=True)
class LdpcCode:
    """A code of k information bits and n sent bits. Filler (bits known to be zero) and the first 2 z are not sent."""

    k: int
    n: int
    graph: int

    @classmethod
    def for_block(cls, k: int, rate: float, bits_per_symbol: int) -> LdpcCode:
        """The code whose n is k / rate, rounded up to whole symbols. Raises ValueError for k or rate out of range."""
        require_rate("rate", rate)
        if not MIN_K <= k <= max_k(rate):
            raise ValueError(f"k: must be in [{MIN_K}, {max_k(rate)}] at rate {rate:g}, got {k}; cut other blocks")
        graph = base_graph(k, rate)
        size = lifting_size(k, graph)
        buffer = (66 if graph == 1 else 50) * size - (COLUMNS[graph] * size - k)
        n = math.ceil(k / rate / bits_per_symbol - 1e-9) * bits_per_symbol
        return cls(k, n if n <= buffer else buffer // bits_per_symbol * bits_per_symbol, graph)

    @cached_property
    def lifted(self) -> Lifted:
        """The parity checks."""
        return _lifted(self.graph, lifting_size(self.k, self.graph))

    @cached_property
    def sent(self) -> NDArray[np.int64]:
        """Places in the codeword of the n sent bits, in the order of sending [n]."""
        z, information = self.lifted.lifting, self.lifted.lifting * self.lifted.information_columns
        systematic = np.arange(PUNCTURED * z, self.k)
        return np.concatenate([systematic, np.arange(information, information + self.n - systematic.size)])

    @cached_property
    def checks(self) -> tuple[NDArray[np.int32], ...]:
        """The rows of the base graph that matter: parity that is not sent takes its only check with it."""
        z = self.lifted.lifting
        parity = self.n - (self.k - PUNCTURED * z)
        return self.lifted.checks[: max(CORE_ROWS, -(-parity // z))]

    @property
    def filler(self) -> slice:
        """Places in the codeword that both ends know to be zero."""
        return slice(self.k, self.lifted.lifting * self.lifted.information_columns)

    @property
    def length(self) -> int:
        """Bits of the codeword that the checks join, sent or not."""
        return self.lifted.lifting * (self.lifted.information_columns + len(self.checks))
