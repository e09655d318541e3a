"""Clocks: when model time is due on the wall."""

from __future__ import annotations

import asyncio
import time

import pytest

from emulator.clock import Clock, WallTime
from emulator.pacer import Pacer
from emulator.v1 import control_pb2 as pb


def test_modes_become_factors() -> None:
    assert Clock.from_proto(pb.Clock(mode=pb.CLOCK_MODE_VIRTUAL)) == Clock(0.0)
    assert Clock.from_proto(pb.Clock(mode=pb.CLOCK_MODE_REAL)) == Clock(1.0)
    assert Clock.from_proto(pb.Clock(mode=pb.CLOCK_MODE_SCALED, factor=0.1)) == Clock(0.1)
    assert not Clock(0.0).waits
    assert Clock(0.1).waits


@pytest.mark.parametrize("clock", [pb.Clock(), pb.Clock(mode=pb.CLOCK_MODE_SCALED, factor=-1)])
def test_a_clock_without_mode_or_factor_is_refused(clock: pb.Clock) -> None:
    with pytest.raises(ValueError, match="clock"):
        Clock.from_proto(clock)


def test_model_time_runs_at_the_factor_from_the_first_packet_on() -> None:
    wall = WallTime(Clock(0.5))
    wall.begin_service(2e9, now_s=100.0)
    assert wall.deadline_s(4e9) == pytest.approx(101.0)


def test_a_late_sender_stretches_the_wall_and_an_early_one_does_not_shrink_it() -> None:
    wall = WallTime(Clock(1.0))
    wall.begin_service(0.0, now_s=10.0)
    wall.begin_service(1e9, now_s=10.2)  # early: its second has not come
    assert wall.deadline_s(2e9) == pytest.approx(12.0)
    wall.begin_service(2e9, now_s=15.0)  # three seconds late
    assert wall.deadline_s(3e9) == pytest.approx(16.0)


def test_the_pacer_keeps_deadlines_and_the_order_of_equal_ones() -> None:
    async def scenario() -> list[tuple[str, float]]:
        pacer = Pacer(asyncio.get_running_loop()).start()
        called: list[tuple[str, float]] = []
        last = asyncio.Event()
        now = time.monotonic()
        for name, after in (("late", 0.06), ("first", 0.02), ("second", 0.02), ("at once", -1.0)):
            pacer.at(now + after, lambda name=name: called.append((name, time.monotonic() - now)))  # type: ignore[misc]
        pacer.at(now + 0.08, last.set)
        await last.wait()
        assert pacer.waiting == 0
        pacer.close()
        return called

    called = asyncio.run(scenario())
    assert [name for name, _ in called] == ["at once", "first", "second", "late"]
    assert all(when >= due for (_, when), due in zip(called, (0, 0.02, 0.02, 0.06), strict=True))


def test_a_closed_pacer_drops_what_waits() -> None:
    async def scenario() -> None:
        pacer = Pacer(asyncio.get_running_loop()).start()
        pacer.at(time.monotonic() + 3600, lambda: None)
        assert pacer.waiting == 1
        pacer.close()

    asyncio.run(scenario())
