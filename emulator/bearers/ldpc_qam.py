"""Carries bits in LDPC blocks by QAM over AWGN: what a radio does that wants them to arrive in good order.

BITS and INDICES are delivered as decoded, errors and all: they are worth something with errors. OPAQUE bytes are worth
nothing, and a receiver that sees the CRC fail throws the block away: packets that touch it are lost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.segment import Kind
from edge.wire.packing import bits_on_wire
from emulator.bearers.bearer import Carried, Freight
from emulator.channels.ldpc import MAX_BLOCK_BITS, BlockPlan, LdpcQam, Mcs, require_block_bits
from emulator.channels.ldpc_code import require_base_graphs, require_rate
from emulator.channels.mcs import best_mcs
from emulator.channels.noise import NoiseKey, SegmentNoise
from emulator.channels.qam import require_order

CARRIED = (Kind.BITS, Kind.INDICES, Kind.OPAQUE)
REMEMBERED = 64  # decoded blocks and plans that are kept: runs that share a block do not decode it twice

Place = tuple[NoiseKey, int, int, int, BlockPlan, int]


@dataclass(frozen=True)
class _Block:
    wrong: NDArray[np.bool_]
    failed: bool


class LdpcBlocks:
    """Blocks lie on a grid over the whole segment, so packets meet the same errors however they are cut into runs."""

    def __init__(self, snr_db: float, levels: Sequence[Mcs | None] = (None,), block_bits: int = MAX_BLOCK_BITS) -> None:
        """levels: the scheme of each reliability level, the last for all beyond; None for the best at this SNR.

        block_bits: the longest block, CRC included. Raises ValueError for a value out of range, LdpcMissingError.
        """
        require_base_graphs()
        self.block_bits = require_block_bits("block_bits", block_bits)
        for i, mcs in enumerate(levels):
            if mcs is not None:
                require_order(mcs.order)
                require_rate(f"levels[{i}].code_rate", mcs.rate)
        self.levels = tuple(levels) or (None,)
        self._channel = LdpcQam(snr_db)
        self._plans: OrderedDict[tuple[int, int, bool], BlockPlan] = OrderedDict()
        self._blocks: OrderedDict[Place, _Block] = OrderedDict()

    def plan(self, size_bits: int, level: int, *, all_or_nothing: bool = False) -> BlockPlan:
        """How a segment of this size and level is sent. all_or_nothing: useless unless every block arrives."""
        key = size_bits, min(level, len(self.levels) - 1), all_or_nothing
        if key not in self._plans:
            blocks = -(-size_bits // self.block_bits) if all_or_nothing else 1
            length = min(self.block_bits, size_bits)
            mcs = self.levels[key[1]] or best_mcs(self._channel.snr_db, length, blocks)
            self._plans[key] = BlockPlan.of(size_bits, mcs, self.block_bits)
            _forget(self._plans)
        return self._plans[key]

    def channel_uses(self, freight: Freight) -> NDArray[np.int64]:
        """Symbols that each packet takes [packets]; over the segment they add up to those of its blocks."""
        width = bits_on_wire(freight.kind, freight.alphabet)
        edges = freight.offset + np.minimum(np.arange(freight.packets + 1) * freight.packet_elements, freight.count)
        return np.diff(self._plan_of(freight).symbols_up_to(edges * width))

    def carry(self, freight: Freight, draw: SegmentNoise) -> Carried:
        plan = self._plan_of(freight)
        width = bits_on_wire(freight.kind, freight.alphabet)
        begin, end = freight.offset * width, (freight.offset + freight.count) * width
        first, last = begin // plan.payload_bits, -(-end // plan.payload_bits)
        blocks = self._decoded(plan, range(first, last), draw)
        lost = self._lost(freight, plan, first, blocks) if freight.kind is Kind.OPAQUE else None
        if not any(block.wrong.any() for block in blocks):
            return Carried(freight.payload, lost=lost)
        wrong = np.concatenate([block.wrong for block in blocks])
        skipped = begin - first * plan.payload_bits
        wrong = wrong[skipped : skipped + end - begin]
        return Carried(freight.payload ^ np.packbits(wrong), bit_errors=int(np.count_nonzero(wrong)), lost=lost)

    def _plan_of(self, freight: Freight) -> BlockPlan:
        elements = freight.segment_elements or freight.offset + freight.count
        size_bits = elements * bits_on_wire(freight.kind, freight.alphabet)
        return self.plan(size_bits, freight.level, all_or_nothing=freight.kind is Kind.OPAQUE)

    def _decoded(self, plan: BlockPlan, blocks: range, draw: SegmentNoise) -> list[_Block]:
        """Each block's fate; those not remembered are decoded together."""
        places = [(draw.key, draw.message, draw.segment, draw.attempt, plan, block) for block in blocks]
        fates = [self._blocks.get(place) for place in places]
        known = [i for i, fate in enumerate(fates) if fate is not None]
        low = len(known) if known == list(range(len(known))) else 0  # a run begins in the block where the last ended
        if low < len(blocks):
            wrong, failed = self._channel.block_errors(plan, blocks[low:], draw)
            for i in range(low, len(blocks)):
                column = np.ascontiguousarray(wrong[:, i - low])
                fates[i] = self._blocks[places[i]] = _Block(column, bool(failed[i - low]))
            _forget(self._blocks)
        return [fate for fate in fates if fate is not None]

    @staticmethod
    def _lost(freight: Freight, plan: BlockPlan, first: int, blocks: Sequence[_Block]) -> NDArray[np.bool_]:
        """Packets that touch a block whose CRC failed [packets]."""
        width = bits_on_wire(freight.kind, freight.alphabet)
        edges = freight.offset + np.minimum(np.arange(freight.packets + 1) * freight.packet_elements, freight.count)
        failed = np.concatenate([[0], np.cumsum([block.failed for block in blocks])])
        begin = edges[:-1] * width // plan.payload_bits - first
        end = -(-edges[1:] * width // plan.payload_bits) - first
        return np.asarray(failed[end] > failed[begin], np.bool_)


def _forget(kept: OrderedDict[tuple[int, int, bool], BlockPlan] | OrderedDict[Place, _Block]) -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
