"""What AdaptService refuses, and the command that lists and rolls back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from click.testing import CliRunner, Result
from fake_adaptation import Learner, classroom, lesson_pictures, teach, teach_request
from fake_emulator import eventually, picture

from edge.node import adapt_service
from edge.node.cli import main
from edge.v1 import adapt_pb2, node_pb2


def with_pair(test: Callable[[Learner, Learner], Awaitable[None]], **options: str) -> None:
    async def scenario() -> None:
        async with classroom(**options) as (_, tx, rxs):
            await test(tx, rxs[0])

    asyncio.run(scenario())


def changed(**fields: Any) -> adapt_pb2.TeachRequest:
    request = teach_request()
    request.MergeFrom(adapt_pb2.TeachRequest(**fields))
    return request


def not_an_image() -> adapt_pb2.TeachRequest:
    request = teach_request()
    request.images[2].png = b"no picture"
    return request


@pytest.mark.parametrize(
    ("request_", "code", "sentence"),
    [
        (changed(session="other"), "NOT_FOUND", "session: 'other' is not configured here"),
        (adapt_pb2.TeachRequest(session="flow"), "INVALID_ARGUMENT", "adapt.method: is not set"),
        (teach_request(steps=0), "INVALID_ARGUMENT", "adapt.steps: must be in"),
        (teach_request(learning_rate=float("nan")), "INVALID_ARGUMENT", "adapt.learning_rate: must be in"),
        (teach_request("lsdft", rounds=2), "INVALID_ARGUMENT", "adapt.rounds: lsdft freezes the codebooks"),
        (teach_request(pictures=lesson_pictures(3)), "INVALID_ARGUMENT", "fine-tuning needs at least 4"),
        (
            teach_request(pictures=[*lesson_pictures(), picture(1, 24)]),
            "INVALID_ARGUMENT",
            r"images\[4\]: is 24x24, but images\[0\] is 16x16",
        ),
        (
            teach_request(pictures=[picture(i, 12) for i in range(4)]),
            "INVALID_ARGUMENT",
            "12x12 is not a multiple of 8",
        ),
        (not_an_image(), "INVALID_ARGUMENT", r"images\[2\] 'l2'"),
        (changed(first_offered_ns=-1), "INVALID_ARGUMENT", "first_offered_ns: must be in"),
        (changed(first_message_id=1 << 63), "INVALID_ARGUMENT", "first_message_id: must be in"),
    ],
)
def test_a_lesson_that_cannot_be_taught_is_refused(request_: adapt_pb2.TeachRequest, code: str, sentence: str) -> None:
    async def test(tx: Learner, rx: Learner) -> None:
        with pytest.raises(grpc.aio.AioRpcError, match=sentence) as caught:
            await teach(tx, request_)
        assert caught.value.code() is grpc.StatusCode[code]
        assert (await teach(tx, teach_request(steps=1))).adopted  # nothing was left reserved

    with_pair(test)


def test_each_call_is_for_one_kind_of_node() -> None:
    async def test(tx: Learner, rx: Learner) -> None:
        with pytest.raises(grpc.aio.AioRpcError, match="node 'rx' is a rx; ask a tx to Teach"):
            await teach(rx, teach_request())
        with pytest.raises(grpc.aio.AioRpcError, match="node 'tx' is a tx; ask a rx to Watch"):
            await anext(aiter(tx.watch()))

    with_pair(test)


def test_a_session_is_adapted_once_at_a_time_and_stays_as_it_is_configured() -> None:
    async def test(tx: Learner, rx: Learner) -> None:
        rx.workshop.gate.clear()
        teaching = asyncio.create_task(teach(tx, teach_request()))
        await eventually(lambda: rx.workshop.lessons_seen == [4])
        with pytest.raises(grpc.aio.AioRpcError, match="an adaptation is under way") as caught:
            await teach(tx, teach_request(first=3000))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        with pytest.raises(grpc.aio.AioRpcError, match="an adaptation is under way"):
            await tx.configure(node_pb2.SessionConfig(session="flow"))
        with pytest.raises(grpc.aio.AioRpcError, match="nothing to go back to"):
            await tx.roll_back()
        rx.workshop.gate.set()
        assert (await teaching).adopted

    with_pair(test)


def test_watches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt_service, "MAX_WATCHES", 2)

    async def test(tx: Learner, rx: Learner) -> None:
        watches = [aiter(rx.watch()) for _ in range(2)]
        for watch in watches:
            assert (await anext(watch)).phase == adapt_pb2.ADAPT_PHASE_IDLE
        with pytest.raises(grpc.aio.AioRpcError, match="2 watches are open at this node"):
            await anext(aiter(rx.watch()))

    with_pair(test)


def run_states(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["states", *arguments])


def test_states_lists_and_rolls_back() -> None:
    async def test(tx: Learner, rx: Learner) -> None:
        nothing = await asyncio.to_thread(run_states, tx.address)
        assert (nothing.exit_code, nothing.stdout) == (0, "")
        assert "no states are kept" in nothing.stderr
        assert (await teach(tx, teach_request())).adopted
        listed = await asyncio.to_thread(run_states, rx.address)
        first, second = listed.stdout.splitlines()
        assert first.startswith("  flow")
        assert second.startswith("* flow")
        assert second.endswith("20.00 -> 30.00 dB")
        back = await asyncio.to_thread(run_states, tx.address, "--roll-back", "previous", "--json")
        rows = [json.loads(line) for line in back.stdout.splitlines()]
        assert [(row["method"], row["active"], row["after"]) for row in rows] == [
            ("initial", True, None),
            ("dft", False, None),
        ]
        assert tx.book == 0
        wrong = await asyncio.to_thread(run_states, tx.address, "--session", "flow", "--roll-back", "x")
        assert wrong.exit_code == 2
        assert "edge-node states: " in wrong.stderr
        assert "there is no such state" in wrong.stderr
        unknown = await asyncio.to_thread(run_states, tx.address, "--session", "other")
        assert "'other' is not configured here" in unknown.stderr

    with_pair(test)


def test_states_says_when_nobody_answers() -> None:
    refused = run_states("127.0.0.1:1")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("edge-node states: 127.0.0.1:1: ")
    assert "not a loopback address" in run_states("192.0.2.1:5").stderr
