from __future__ import annotations

import math

import numpy as np
import pytest

from edge.segment import Kind, Segment
from edge.wire.integrity import WireError
from edge.wire.packets import message_head
from edge.wire.reassembly import message_layout
from emulator.announced import AnnouncementError, announced_levels, check_message
from emulator.bearers.bearer import AskedLevel
from emulator.v1.data_plane_pb2 import Announcement


def announcement(bers: list[float], shares: list[float]) -> Announcement:
    return Announcement(session="s", source="tx", destinations=["rx"], level_bers=bers, level_shares=shares)


def test_levels_come_in_their_order() -> None:
    assert announced_levels(announcement([0.5, 0.1, 0.1, 0], [0.1, 0.2, 0.3, 0.4])) == (
        AskedLevel(0.5, 0.1),
        AskedLevel(0.1, 0.2),
        AskedLevel(0.1, 0.3),
        AskedLevel(0.0, 0.4),
    )
    assert announced_levels(announcement([], [])) == ()


@pytest.mark.parametrize(
    ("bers", "shares", "sentence"),
    [
        ([0.1, 0.2], [0.5, 0.5], r"level_bers\[1\]: must not exceed level 0's 0.1, got 0.2; order the levels from the"),
        ([0.6, 0.2], [0.5, 0.5], r"level_bers\[0\]: must be in \[0, 0.5\], got 0.6; give a bit error rate"),
        ([0.1, math.nan], [0.5, 0.5], r"level_bers\[1\]: must be in \[0, 0.5\], got nan"),
        ([0.2, -0.1], [0.5, 0.5], r"level_bers\[1\]: must be in \[0, 0.5\], got -0.1"),
        ([0.2, 0.1], [1.0], "level_bers and level_shares: must be as many, got 2 and 1; give both for every level"),
        ([0.2, 0.1], [], "level_bers and level_shares: must be as many, got 2 and 0"),
        ([0.2, 0.1], [0.5, 0.4], "level_shares: must have sum 1, got 0.9; state every level"),
        ([0.2, 0.1], [1.5, -0.5], r"level_shares\[0\]: must be in \[0, 1\], got 1.5"),
        ([0.2, 0.1], [math.nan, 0.5], r"level_shares\[0\]: must be in \[0, 1\], got nan"),
    ],
)
def test_levels_that_cannot_be_are_refused_by_name(bers: list[float], shares: list[float], sentence: str) -> None:
    with pytest.raises(AnnouncementError, match=f"^session 's': {sentence}"):
        announced_levels(announcement(bers, shares))


def check(asked: list[AskedLevel], *segments: Segment) -> None:
    check_message("m", message_layout(message_head("s", 0, list(segments))), asked)


def bits(count: int, level: int) -> Segment:
    return Segment(Kind.BITS, np.zeros(count, np.uint8), level=level)


HALVES = [AskedLevel(0.1, 0.5), AskedLevel(0.01, 0.5)]


def test_messages_may_keep_to_the_shares_in_any_order_and_to_the_bit() -> None:
    check(HALVES, bits(100, 1), bits(100, 0))
    check(HALVES, bits(60, 1), bits(100, 0), bits(40, 1))
    check(HALVES, bits(51, 0), bits(50, 1))
    check(HALVES, bits(64, 0), Segment(Kind.INDICES, np.zeros(16, np.uint16), level=1, alphabet=16))
    check(HALVES, bits(64, 0), bits(64, 1), Segment(Kind.OPAQUE, np.zeros(99, np.uint8), level=1))
    check(HALVES, Segment(Kind.OPAQUE, np.zeros(99, np.uint8)))
    check([], bits(64, 7))


def test_groups_that_do_not_match_the_shares_are_refused() -> None:
    with pytest.raises(WireError, match=r"m: level 0 has 60 of 100 bits, but a share of 0.5 was announced"):
        check(HALVES, bits(60, 0), bits(40, 1))


def test_a_level_beyond_the_announced_ones_is_refused() -> None:
    with pytest.raises(WireError, match="m: segment 1 has level 2, but 2 levels were announced; use levels 0 to 1"):
        check(HALVES, bits(50, 0), bits(50, 2))
