"""Carries the BITS of a message with as much protection for each reliability level as a number of symbols allows.

What a network can do that knows nothing but the bit error rates which its user asks for, and owns the usual codes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.segment import Kind
from emulator.bearers.bearer import AskedLevel, Bearer, CarriedGroup, Draws, Freight, Group, GroupForm
from emulator.bearers.ldpc_qam import LdpcBlocks
from emulator.bearers.uncoded_qam import QamBits
from emulator.channels.ldpc import CRC_BITS, BlockPlan, Mcs
from emulator.channels.mcs import measured_at
from emulator.channels.qam import ORDERS, gray_qam_ber
from emulator.channels.validation import require_snr_db
from emulator.v1 import control_pb2

REMEMBERED = 8  # forms of messages whose protection is kept, and shown


@dataclass(frozen=True)
class Scheme:
    """How one level is sent. order: constellation size, 0 where it is not sent; code_rate: 0 where it is not coded;
    expected_ber: 0.5 where it is not sent; symbols: channel uses of the whole level."""

    order: int = 0
    code_rate: float = 0.0
    expected_ber: float = 0.5
    symbols: int = 0

    @property
    def is_sent(self) -> bool:
        return self.order > 0


NOT_SENT = Scheme()


def schemes(size_bits: int, snr_db: float) -> Iterator[Scheme]:
    """Every way to send a level of so many bits.

    Uncoded QAM has its closed form. Of LDPC and QAM the block error rate is measured (emulator.channels.mcs); in a
    block that fails about as many bits are wrong as without a code, so the product is taken for the bit error rate.
    """
    for order in ORDERS:
        yield Scheme(order, 0.0, gray_qam_ber(order, snr_db), -(-size_bits // (order.bit_length() - 1)))
    for curve in measured_at(size_bits + CRC_BITS):
        plan = BlockPlan.of(size_bits, curve.mcs)
        ber = curve.block_error_rate(snr_db) * gray_qam_ber(curve.mcs.order, snr_db)
        yield Scheme(curve.mcs.order, curve.mcs.rate, ber, plan.symbols)


def choose(levels: Sequence[tuple[int, float]], symbols: int, snr_db: float) -> list[Scheme]:
    """The scheme of each level, `symbols` channel uses in all at most.

    levels: (bits, bit error rate asked for) each. The most reliable level is served first, by the cheapest scheme that
    meets what it asks for, as long as there are symbols for one. A level for which there is none gets, of what is left,
    the scheme of the lowest error rate, and is not sent where nothing fits: a promise kept for some levels is worth
    more than one broken for all, because the source trusts the levels that it asked to be reliable.
    """
    require_snr_db("snr_db", snr_db)
    chosen = [NOT_SENT] * len(levels)
    for i in sorted(range(len(levels)), key=lambda i: (levels[i][1], -i)):
        size_bits, target_ber = levels[i]
        fitting = [each for each in schemes(size_bits, snr_db) if each.symbols <= symbols] if size_bits else []
        meeting = [each for each in fitting if each.expected_ber <= target_ber]
        if meeting:
            chosen[i] = min(meeting, key=lambda each: (each.symbols, each.expected_ber))
        elif fitting:
            chosen[i] = min(fitting, key=lambda each: (each.expected_ber, each.symbols))
        symbols -= chosen[i].symbols
    return chosen


Key = tuple[tuple[int, int, float], ...]  # of each group: level, bits, bit error rate asked for


class UnequalProtection:
    """Levels by LDPC and QAM, by QAM alone, or not at all.

    What is not sent arrives as missing, and so does what did not reach the link: the receiver's codec knows best what
    to make of bits that nobody knows.
    """

    def __init__(self, symbols: int, snr_db: float, collect_s: float) -> None:
        """symbols: channel uses that a message may take. snr_db: Es/N0 in dB. Raises ValueError."""
        if symbols < 1:
            raise ValueError(f"symbols: must be at least 1, got {symbols}; give the channel uses a message may take")
        self.symbols = symbols
        self.snr_db = require_snr_db("snr_db", snr_db)
        self.collect_s = collect_s
        self._chosen: OrderedDict[Key, list[Scheme]] = OrderedDict()
        self._bearers: dict[tuple[int, float], Bearer] = {}

    def objection(self, asked: Sequence[AskedLevel]) -> str:  # noqa: ARG002  (any levels will do)
        return ""

    def check(self, forms: Sequence[GroupForm]) -> None:
        if any(form.asked_ber is None for form in forms):
            raise ValueError(
                "unequal protection needs the bit error rates of the levels, and the source announced none; use a "
                "codec that states its levels, or another bearer"
            )

    def channel_uses(self, forms: Sequence[GroupForm]) -> list[int]:
        return [scheme.symbols for scheme in self.protection(forms)]

    def protection(self, forms: Sequence[GroupForm]) -> list[Scheme]:
        """The scheme of each group of such a message."""
        key = tuple((form.level, form.size_bits, form.asked_ber or 0.0) for form in forms)
        if key not in self._chosen:
            self._chosen[key] = choose([(size, ber) for _, size, ber in key], self.symbols, self.snr_db)
            if len(self._chosen) > REMEMBERED:
                self._chosen.popitem(last=False)
        self._chosen.move_to_end(key)
        return self._chosen[key]

    def carry(self, groups: Sequence[Group], receivers: Sequence[Draws]) -> list[list[CarriedGroup]]:
        protection = self.protection([group.form for group in groups])
        return [
            [self._sent(group, scheme, draws) for group, scheme in zip(groups, protection, strict=True)]
            for draws in receivers
        ]

    def _sent(self, group: Group, scheme: Scheme, draws: Draws) -> CarriedGroup:
        if not scheme.is_sent:
            return CarriedGroup(np.zeros_like(group.bits), np.zeros_like(group.present))
        count, form = group.bits.size, group.form
        payload = np.packbits(group.bits)
        freight = Freight(Kind.BITS, 2, 0, count, 8 * payload.size, payload, 0.5, form.level, count)
        carried = self._bearer(scheme).carry(freight, draws(form.segment))
        return CarriedGroup(np.unpackbits(carried.payload, count=count), group.present)

    def _bearer(self, scheme: Scheme) -> Bearer:
        key = scheme.order, scheme.code_rate
        if key not in self._bearers:
            coded = scheme.code_rate > 0
            self._bearers[key] = LdpcBlocks(self.snr_db, [Mcs(*key)]) if coded else QamBits(scheme.order, self.snr_db)
        return self._bearers[key]

    def describe(self) -> control_pb2.LinkBearer:
        messages = [
            control_pb2.ProtectedMessage(
                levels=[
                    _protected(level, size, asked, scheme)
                    for (level, size, asked), scheme in sorted(
                        zip(key, chosen, strict=True), key=lambda pair: pair[0][0]
                    )
                ]
            )
            for key, chosen in self._chosen.items()
        ]
        return control_pb2.LinkBearer(
            snr_db=self.snr_db,
            unequal_protection=control_pb2.ProtectionDescription(symbols=self.symbols, messages=messages),
        )


def _protected(level: int, size_bits: int, asked_ber: float, scheme: Scheme) -> control_pb2.ProtectedLevel:
    return control_pb2.ProtectedLevel(
        level=level,
        size_bits=size_bits,
        target_ber=asked_ber,
        expected_ber=scheme.expected_ber,
        order=scheme.order,
        code_rate=scheme.code_rate,
        symbols=scheme.symbols,
    )
