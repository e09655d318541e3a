"""An alignment's findings beside what its links are given."""

from __future__ import annotations

import pytest

from edge.v1 import align_pb2
from emulator import alignment_findings
from emulator.link_config import LinkConfig
from emulator.report.schema import AlignmentReport
from emulator.topology import loads

HEAD = """\
version: 1
name: s
nodes:
  tx: {role: tx}
  mid: {role: relay}
  rx: {role: rx, codec: {name: raw}}
links:
"""


def way(*links: str) -> list[LinkConfig]:
    """tx -> mid -> rx with these keys on each link."""
    ends = (("a", "tx", "mid"), ("b", "mid", "rx"))
    listed = "".join(
        f"  - {{name: {name}, from: {source}, to: {destination}, {keys}}}\n"
        for (name, source, destination), keys in zip(ends, links, strict=True)
    )
    topology = loads(HEAD + listed).to_proto()
    return alignment_findings.way(topology.links, "tx", "rx")


NOISY = "rate_bps: 2e6, bearers: {indices: {dmc: 0.01}}"
CLEAN = "rate_bps: 1e6, delay_s: 0.25"


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ((CLEAN, CLEAN), 0.0),
        ((NOISY, CLEAN), 0.01),
        ((NOISY, NOISY), None),  # one number only for a given alphabet
        ((NOISY, "rate_bps: 1e6, bearers: {indices: levels}"), None),
        (
            (
                CLEAN,
                "rate_bps: 1e6, bearers: {bits: {qam: {order: 4, snr_db: 9}}, indices: {qam: {order: 4, snr_db: 9}}}",
            ),
            None,
        ),
        ((CLEAN, "rate_bps: 1e6, bearers: {indices: {ldpc: {snr_db: 9}}}"), None),
        ((CLEAN, "rate_bps: 1e6, bearers: {opaque: {ldpc: {snr_db: 9}}}"), 0.0),
    ],
)
def test_the_true_crossover_is_told_where_it_is_one_number(links: tuple[str, str], expected: float | None) -> None:
    assert alignment_findings.true_crossover(way(*links)) == expected


def test_a_way_lists_its_links_in_order() -> None:
    assert [link.name for link in way(NOISY, CLEAN)] == ["a", "b"]


def test_a_transfer_takes_its_bits_at_the_slowest_rate_and_every_delay() -> None:
    said = align_pb2.ParameterTransfer(
        direction=align_pb2.TRANSFER_DIRECTION_UP,
        names=["codebook"],
        tensor_bytes=1024,
        file_bytes=1100,
        size_bits=10_000,
        sent_ns=1_000_000_000,
        received_ns=1_260_000_000,
        resumed_at_bytes=[512],
        digest="ab",
        wall_s=0.5,
    )
    report = alignment_findings.transfer(said, way(NOISY, CLEAN))
    assert (report.direction, report.names, report.tensor_bytes, report.file_bytes) == ("up", ["codebook"], 1024, 1100)
    assert (report.size_bits, report.sent_s, report.received_s, report.digest) == (10_000, 1.0, 1.26, "ab")
    assert report.transfer_s == pytest.approx(0.26)
    assert report.theoretical_transfer_s == pytest.approx(10_000 / 1e6 + 0.25)
    assert (report.resumed_at_bytes, report.wall_s) == ([512], 0.5)
    said.direction = align_pb2.TRANSFER_DIRECTION_DOWN
    assert alignment_findings.transfer(said, way(NOISY, CLEAN)).direction == "down"


@pytest.mark.parametrize(
    "links", [("delay_s: 0.1", "delay_s: 0"), (CLEAN, "rate_bps: 1e6, bearers: {opaque: {ldpc: {snr_db: 9}}}")]
)
def test_a_transfer_without_a_bit_rate_has_no_theory(links: tuple[str, str]) -> None:
    assert alignment_findings.theoretical_transfer_s(100, way(*links)) is None


def report(**said: object) -> AlignmentReport:
    return AlignmentReport(step=0, session="tx->rx", source="tx", receiver="rx", method="slf", freeze=2, **said)  # type: ignore[arg-type]


def transfer(direction: int, seconds: float, wall_s: float) -> object:
    said = align_pb2.ParameterTransfer(direction=direction, received_ns=round(seconds * 1e9), wall_s=wall_s)
    return alignment_findings.transfer(said, way(NOISY, CLEAN))


DOWN, UP = align_pb2.TRANSFER_DIRECTION_DOWN, align_pb2.TRANSFER_DIRECTION_UP
TUNING = align_pb2.FineTuning(steps=10, flops=6e12, wall_s=40.0, flops_per_s=2e11, mse_before=0.2, mse_after=0.1)


def test_recovery_time_is_counted_in_three_ways() -> None:
    row = report(
        download=transfer(DOWN, 0.456, 3.0), upload=transfer(UP, 0.088, 1.0), tuning=alignment_findings.tuning(TUNING)
    )
    alignment_findings.note_recovery(row, 3e13)
    assert row.recovery_stated is not None
    assert row.recovery_measured is not None
    assert row.recovery_wall is not None
    assert row.recovery_stated.total_s == pytest.approx(0.456 + 0.2 + 0.088)
    assert row.recovery_stated.speed == 3e13
    assert row.recovery_measured.total_s == pytest.approx(0.456 + 30.0 + 0.088)
    assert row.recovery_wall.total_s == pytest.approx(3.0 + 40.0 + 1.0)
    assert row.recovery_wall.speed is None


def test_nothing_uploaded_takes_no_time_and_what_is_unknown_is_not_counted() -> None:
    row = report(download=transfer(DOWN, 0.456, 3.0), tuning=alignment_findings.tuning(TUNING))
    alignment_findings.note_recovery(row, 3e13)
    assert row.recovery_stated is not None
    assert row.recovery_stated.upload_s == 0
    row = report(download=transfer(DOWN, 0.456, 3.0))
    alignment_findings.note_recovery(row, 3e13)
    assert (row.recovery_stated, row.recovery_measured, row.recovery_wall) == (None, None, None)


def test_the_estimate_stands_beside_the_truth_of_both_ways() -> None:
    said = align_pb2.CrossoverEstimate(pilots=1000, errors=9, crossover=0.009, low=0.004, high=0.016, confidence=0.95)
    found = alignment_findings.crossover(said, way(NOISY, CLEAN), way(CLEAN, CLEAN))
    assert (found.pilots, found.errors, found.estimate, found.low, found.high) == (1000, 9, 0.009, 0.004, 0.016)
    assert (found.confidence, found.true_down, found.true_up) == (0.95, 0.01, 0.0)
