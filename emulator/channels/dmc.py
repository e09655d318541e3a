"""K-ary symmetric discrete memoryless channel on codebook indices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.channels.noise import BLOCK, Lane, SegmentNoise, unit_interval
from emulator.channels.sparse import SparseHits
from emulator.channels.validation import require_integer, require_probability, require_vector

SPARSE_LIMIT = 0.15
"""Above this rate one uniform for every symbol is faster than gaps between errors (measured: tools/bench/noise.py)."""

_MAX_K = 2**16


class KaryDMC:
    """Each symbol is kept with probability 1 - epsilon, else replaced by another, uniform over K - 1 (SLF, eq. 2).

    For K = 2**m that is an XOR with a uniform non-zero m-bit value; for any other K, adding 1 .. K - 1 modulo K.
    Small epsilon costs only the symbols it hits.
    """

    def __init__(self, k: int, epsilon: float) -> None:
        """k: alphabet size, 2 .. 65536. epsilon: probability that a symbol changes, in [0, 1]."""
        self.k = require_integer("k", k, 2, _MAX_K)
        self.epsilon = require_probability("epsilon", epsilon)
        self._is_power_of_two = k & (k - 1) == 0
        self._hits = SparseHits(self.epsilon, BLOCK) if self.epsilon <= SPARSE_LIMIT else None

    def __call__(self, symbols: NDArray[np.uint16], offset: int, draw: SegmentNoise) -> NDArray[np.uint16]:
        """symbols: uint16 [n] below K, the segment's indices from ``offset`` on. Returns what arrives, uint16 [n]."""
        require_vector("symbols", symbols, np.uint16)
        if symbols.size and int(symbols.max()) >= self.k:
            raise ValueError(f"symbols: must be below K = {self.k}, got {int(symbols.max())}")
        received = symbols.copy()
        if self._hits is None:
            uniforms = draw.uniforms(Lane.VALUES, offset, symbols.size)
            hit = np.flatnonzero(uniforms < self.epsilon)
            # Given that it is below epsilon, a uniform over epsilon is uniform again.
            received[hit] = self._change(symbols[hit], uniforms[hit] / self.epsilon)
        else:
            for hit, words in self._hits.marked(offset, symbols.size, draw):
                received[hit] = self._change(symbols[hit], unit_interval(words))
        return received

    def _change(self, symbols: NDArray[np.uint16], uniforms: NDArray[np.float64]) -> NDArray[np.uint16]:
        """Moves every symbol to another one, chosen by a uniform number in [0, 1)."""
        # The quotient of two floats just below each other may round up to 1, hence the minimum.
        shift = np.minimum(uniforms * (self.k - 1), self.k - 2).astype(np.uint32) + np.uint32(1)
        moved = symbols ^ shift if self._is_power_of_two else (symbols + shift) % np.uint32(self.k)
        return moved.astype(np.uint16)
