"""Segments to packets and back: any segment, any packet size, any order, any subset lost, any duplicates."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.packets import message_head, packetize
from edge.wire.packing import bits_on_wire, pack, packed_size, unpack
from edge.wire.reassembly import Reassembler


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    kind = draw(st.sampled_from(list(Kind)))
    shape = tuple(draw(st.lists(st.integers(0, 40), min_size=0, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    alphabet = draw(st.integers(2, 65536)) if kind is Kind.INDICES else 2
    values: np.ndarray
    if kind is Kind.BITS:
        values = rng.integers(0, 2, shape).astype(np.uint8)
    elif kind is Kind.INDICES:
        values = rng.integers(0, alphabet, shape).astype(np.uint16)
    elif kind is Kind.SYMBOLS:
        values = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    else:
        values = rng.integers(0, 256, shape).astype(np.uint8)
    return Segment(kind, np.asarray(values), draw(st.integers(0, 9)), alphabet)


def receive(parts: list[Segment], runs: list[packet_pb2.PacketRun], deadline_ns: int = 0) -> tuple[list[Segment], bool]:
    reassembler = Reassembler()
    reassembler.head(message_head("s", 7, parts, 0, deadline_ns))
    for run in runs:
        reassembler.run(packet_pb2.PacketRun.FromString(run.SerializeToString()))
    message = reassembler.end(packet_pb2.MessageEnd(session="s", message_id=7))
    assert message is not None
    assert reassembler.open_messages == 0
    return message.segments, message.complete


@settings(deadline=None, max_examples=80)
@given(st.lists(segments(), max_size=3), st.integers(1, 3000), st.integers(1, 9000), st.randoms())
def test_every_order_and_any_duplicates_give_back_the_segments(parts, packet_bytes, run_bytes, random) -> None:  # type: ignore[no-untyped-def]
    runs = list(packetize("s", 7, parts, packet_bytes, run_bytes))
    runs += random.sample(runs, len(runs) // 2)
    random.shuffle(runs)
    got, complete = receive(parts, runs)
    assert complete
    for sent, received in zip(parts, got, strict=True):
        assert received.kind is sent.kind
        assert received.level == sent.level
        assert received.present is None
        np.testing.assert_array_equal(received.values, sent.values)


@settings(deadline=None, max_examples=80)
@given(segments(), st.integers(1, 300), st.randoms())
def test_lost_packets_are_marked_and_the_rest_is_intact(part, packet_bytes, random) -> None:  # type: ignore[no-untyped-def]
    runs = list(packetize("s", 7, [part], packet_bytes, run_bytes=1))
    kept = [run for run in runs if random.random() < 0.6]
    (got,), complete = receive([part], kept)
    expected = np.zeros(part.values.size, bool)
    for run in kept:
        expected[run.offset : run.offset + run.count] = True
    present = np.ones(part.values.size, bool) if got.present is None else got.present.reshape(-1)
    np.testing.assert_array_equal(present, expected)
    np.testing.assert_array_equal(got.values.reshape(-1)[expected], part.values.reshape(-1)[expected])
    assert complete == bool(expected.all())
    assert not got.values.reshape(-1)[~expected].any()


@given(segments())
def test_payload_size_is_the_number_of_bits_rounded_up(part) -> None:  # type: ignore[no-untyped-def]
    data = pack(part.kind, part.alphabet, part.values)
    assert len(data) == packed_size(part.kind, part.alphabet, part.values.size)
    assert len(data) * 8 - part.values.size * bits_on_wire(part.kind, part.alphabet) in range(8)
    np.testing.assert_array_equal(unpack(part.kind, part.alphabet, data, part.values.size), part.values.reshape(-1))


def test_nine_bit_indices_cost_nine_bits() -> None:
    part = Segment(Kind.INDICES, np.zeros((64, 64), np.uint16), alphabet=512)
    assert part.size_bits == 9 * 4096
    assert sum(len(run.payload) for run in packetize("s", 0, [part])) == 9 * 4096 // 8


def test_packets_after_the_deadline_are_left_out() -> None:
    part = Segment(Kind.OPAQUE, np.arange(4096, dtype=np.uint16).astype(np.uint8))
    runs = list(packetize("s", 7, [part], packet_bytes=1024))
    for run in runs:
        run.arrivals_ns = np.array([10, 20, 31, 30], "<i8").tobytes()
    (got,), complete = receive([part], runs, deadline_ns=30)
    assert not complete
    assert got.present is not None
    np.testing.assert_array_equal(got.present.reshape(4, 1024).all(axis=1), [True, True, False, True])


def test_gains_become_channel_state_of_each_symbol() -> None:
    part = Segment(Kind.SYMBOLS, np.ones(256, np.complex64))
    (run,) = packetize("s", 7, [part], packet_bytes=1024)
    run.gains = np.array([1j, 2], "<c8").tobytes()
    (got,), _ = receive([part], [run])
    assert got.csi is not None
    np.testing.assert_array_equal(got.csi, np.repeat(np.array([1j, 2], np.complex64), 128))
