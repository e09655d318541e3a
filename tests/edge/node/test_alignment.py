"""An alignment over a stream: what is in force afterwards, what goes on meanwhile, what a death at each step costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio
import pytest
from fake_alignment import Peer, Told, align, align_request, pieces, session, start_peer, strangers
from fake_emulator import FakeEmulator, eventually, picture

from edge.node.sessions import Role
from edge.v1 import align_pb2, packet_pb2

COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE
DOWN, UP = align_pb2.TRANSFER_DIRECTION_DOWN, align_pb2.TRANSFER_DIRECTION_UP
BACK = "flow/down"
COMMIT = 1003
FOURTH_PIECE = 1064 + 3

Peers = dict[str, Peer]


def with_strangers(test: Callable[[FakeEmulator, Peers], Awaitable[None]], state_dir: Path | None = None) -> None:
    async def scenario() -> None:
        async with strangers(state_dir) as (emulator, peers):
            await test(emulator, peers)

    asyncio.run(scenario())


async def statuses(tx: Peer, message_id: int, session: str = "flow") -> list[int]:
    receipts = await tx.transmit([picture(1, 8)], session, first_message_id=message_id)
    return [receipt.status for receipt in receipts]


def test_all_four_steps() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx, rx = peers["tx"], peers["rx"]
        secret = tx.codec().tensors["encoder.secret"]
        told = await align(tx, align_request())
        assert told.adopted, told.reason
        assert (tx.mark(), rx.mark()) == (5, 5)
        assert (tx.codec().tensors["codebook"] == 2).all()  # the receiver's, as it was downloaded
        assert (rx.codec().tensors["decoder.last"] == 2).all()  # frozen
        assert (tx.codec().tensors["encoder.secret"] == secret).all()
        assert [(t.direction, list(t.names)) for t in told.transfers] == [
            (DOWN, ["codebook", "decoder.first", "decoder.last"]),
            (UP, ["codebook", "decoder.first"]),
        ]
        assert not told.transfers[0].resumed_at_bytes
        assert [(c.pilots, c.errors) for c in told.crossovers] == [(200, 0)]
        assert [(t.steps, t.pictures) for t in told.tunings] == [(10, 4)]
        assert tx.tools.tunings == [(["codebook", "decoder.first", "decoder.last"], 0.0)]
        phases = [p.phase for p in told.progress]
        assert phases == sorted(phases)
        assert set(phases) == {1, 2, 3, 4, 5}
        assert await statuses(tx, 1) == [COMPLETE]
        assert [d.message_id for d in await rx.collect()] == [1]  # words and pieces are no pictures
        for node in (tx, rx):
            assert [(s.method, s.active) for s in await node.states()] == [("initial", False), ("slf", True)]

    with_strangers(test)


def test_all_frozen_uploads_nothing() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        told = await align(peers["tx"], align_request(freeze=3))  # this decoder has three layers
        assert told.adopted, told.reason
        assert (told.transfers[1].file_bytes, list(told.transfers[1].names)) == (0, [])
        assert pieces(emulator, "flow") == []
        assert told.verdict is not None
        assert told.verdict.digest_before == told.verdict.digest_after
        assert (peers["tx"].codec().tensors["codebook"] == 2).all()
        assert await peers["rx"].states() == []
        assert await statuses(peers["tx"], 1) == [COMPLETE]

    with_strangers(test)


def test_no_picture_meets_another_decoder_while_many_are_sent() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx, found, enough = peers["tx"], set(), False

        async def send() -> int:
            number = 10_000
            while not enough:
                found.update(await statuses(tx, number))
                number += 1
            return number - 10_000

        sending = asyncio.create_task(send())
        for mark, number in ((5, 100_000), (6, 102_000)):
            assert (await align(tx, align_request(mark, number))).adopted
        enough = True
        assert await sending > 3
        assert found == {COMPLETE}
        assert peers["rx"].mark() == tx.mark() == 6

    with_strangers(test)


def test_the_receivers_classifier_is_downloaded_on_request_and_names_classes() -> None:
    async def scenario() -> None:
        async with strangers(classes="ten") as (_, peers):
            tx, rx = peers["tx"], peers["rx"]
            plain = await align(tx, align_request(5, 1000))
            more = await align(tx, align_request(6, 5000, classifier=True))
            assert more.adopted, more.reason
            assert set(more.transfers[0].names) - set(plain.transfers[0].names) == {"classifier.weight"}
            assert [names for names, _ in tx.tools.tunings][1][0] == "classifier.weight"
            assert await statuses(tx, 1) == [COMPLETE]
            (delivery,) = await rx.collect()
            assert delivery.label == int(picture(1, 8)[0, 0, 0]) % 10

    asyncio.run(scenario())


def test_without_a_classifier_there_is_no_label() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        assert await statuses(peers["tx"], 1) == [COMPLETE]
        (delivery,) = await peers["rx"].collect()
        assert not delivery.HasField("label")

    with_strangers(test)


# What is cut.


def test_a_download_goes_on_where_a_cut_left_it() -> None:
    """Pieces that have receipts are not sent again."""

    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        told = Told()
        aligning = await stopped_at("download", emulator, peers, told)
        emulator.under_way = lambda number: False
        before = len(emulator.heads)
        emulator.cut("tx")
        assert (await aligning).adopted, told.reason
        emulator.heads = emulator.heads[before:]
        assert sorted(set(pieces(emulator, BACK))) == [3, 4, 5]
        assert list(told.transfers[0].resumed_at_bytes) == [3 * 4096]

    with_strangers(test)


def test_an_upload_goes_on_where_a_cut_left_it() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        told = Told()
        aligning = await stopped_at("upload", emulator, peers, told)
        emulator.under_way = lambda number: False
        before = len(emulator.heads)
        emulator.cut("rx")
        assert (await aligning).adopted, told.reason
        emulator.heads = emulator.heads[before:]
        assert sorted(set(pieces(emulator, "flow"))) == [3, 4, 5]
        assert list(told.transfers[1].resumed_at_bytes) == [3 * 4096]

    with_strangers(test)


# What dies. A death here is an orderly stop of the daemon, with what it kept as the only heir; tests/e2e kills.


async def replaced(emulator: FakeEmulator, peers: Peers, name: str, state_dir: Path | None) -> None:
    """Ends a node and starts it again."""
    await peers[name].die()
    await started_again(emulator, peers, name, state_dir)


async def started_again(emulator: FakeEmulator, peers: Peers, name: str, state_dir: Path | None) -> None:
    peers[name] = await start_peer(emulator, name, Role.TX if name == "tx" else Role.RX, state_dir)
    await peers[name].configure(session(weights="1" if name == "tx" else "2"))


async def stopped_at(step: str, emulator: FakeEmulator, peers: Peers, told: Told) -> asyncio.Task[Told]:
    """An alignment that stands still at a step."""
    if step == "download":
        emulator.under_way = lambda number: number >= FOURTH_PIECE
    elif step == "tuning":
        peers["tx"].tools.gate.clear()
    elif step == "upload":
        emulator.under_way = lambda number: number >= FOURTH_PIECE and bool(told.tunings)
    elif step == "commit":
        emulator.under_way = lambda number: number == COMMIT
    aligning = asyncio.create_task(align(peers["tx"], align_request(), told))

    def there() -> bool:
        if step == "tuning":
            return bool(peers["tx"].tools.tunings)
        if step == "commit":
            return ("flow", COMMIT) in emulator.heads
        answered = [r.message_id for r in emulator.receipts if r.session == (BACK if step == "download" else "flow")]
        return answered[-1:] == [FOURTH_PIECE - 1] and told.progress[-1].bytes == 3 * 4096

    await eventually(there)
    return aligning


async def ended(aligning: asyncio.Task[Told]) -> None:
    """The call whose node went away."""
    (outcome,) = await asyncio.gather(aligning, return_exceptions=True)
    assert isinstance(outcome, (grpc.aio.AioRpcError, asyncio.CancelledError))


def goes_on(emulator: FakeEmulator, peers: Peers) -> None:
    emulator.under_way = lambda number: False
    for peer in peers.values():
        peer.tools.gate.set()


@pytest.mark.parametrize("step", ["download", "tuning", "upload", "commit"])
def test_a_tx_that_is_replaced_goes_on_where_it_was(step: str, tmp_path: Path) -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        told = Told()
        aligning = await stopped_at(step, emulator, peers, told)
        replacing = asyncio.create_task(replaced(emulator, peers, "tx", tmp_path))
        await emulator.left_by("tx")
        goes_on(emulator, peers)  # its end waits for the training step at hand
        await replacing
        await ended(aligning)
        assert await statuses(peers["tx"], 1) == [COMPLETE]  # old and old, or new and new
        before = len(emulator.heads)
        again = await align(peers["tx"], align_request())
        assert again.adopted, again.reason
        assert (peers["tx"].mark(), peers["rx"].mark()) == (5, 5)
        assert await statuses(peers["tx"], 2) == [COMPLETE]
        emulator.heads = emulator.heads[before:]
        sent = sorted(set(pieces(emulator, BACK))), sorted(set(pieces(emulator, "flow")))
        assert (
            sent
            == {
                "download": ([3, 4, 5], [0, 1, 2, 3, 4, 5]),
                "tuning": ([], [0, 1, 2, 3, 4, 5]),
                "upload": ([], [3, 4, 5]),
                "commit": ([], []),
            }[step]
        )
        assert [bool(again.crossovers), len(again.transfers), len(again.tunings)] == [True, 2, 1]

    with_strangers(test, tmp_path)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("step", ["download", "tuning", "upload", "commit"])
def test_an_rx_that_is_replaced_is_aligned_with_all_the_same(step: str, kept: bool, tmp_path: Path) -> None:
    """kept: with what it has on the disk; otherwise it has forgotten everything."""
    state_dir = tmp_path if kept else None

    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        told = Told()
        aligning = await stopped_at(step, emulator, peers, told)
        await replaced(emulator, peers, "rx", state_dir)
        goes_on(emulator, peers)
        assert await statuses(peers["tx"], 1) == [COMPLETE]
        assert (await aligning).adopted, told.reason
        assert (peers["tx"].mark(), peers["rx"].mark()) == (5, 5)
        assert await statuses(peers["tx"], 2) == [COMPLETE]

    with_strangers(test, state_dir)


def test_a_tx_that_is_replaced_before_it_heard_of_the_commit_asks_before_it_sends(tmp_path: Path) -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        def lose_receipt(frame: packet_pb2.Frame) -> None:
            if frame.head.message_id == COMMIT and frame.WhichOneof("frame") == "head":
                emulator.receipts_pass = False

        emulator.watch = lose_receipt
        aligning = asyncio.create_task(align(peers["tx"], align_request()))
        await eventually(lambda: ("flow", COMMIT) in [(one.session, one.message_id) for one in emulator.receipts])
        assert (peers["tx"].mark(), peers["rx"].mark()) == (0, 5)
        await peers["tx"].die()  # before a receipt may pass again
        emulator.watch, emulator.receipts_pass = lambda frame: None, True
        await started_again(emulator, peers, "tx", tmp_path)
        await ended(aligning)
        assert await statuses(peers["tx"], 1) == [COMPLETE]
        assert peers["tx"].mark() == 5
        again = await align(peers["tx"], align_request())
        assert again.adopted
        assert len(again.transfers) == 2

    with_strangers(test, tmp_path)


def test_what_was_aligned_is_in_force_after_a_restart_of_both(tmp_path: Path) -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        assert (await align(peers["tx"], align_request())).adopted
        for name in ("tx", "rx"):
            await replaced(emulator, peers, name, tmp_path)
        assert (peers["tx"].mark(), peers["rx"].mark()) == (5, 5)
        assert await statuses(peers["tx"], 1) == [COMPLETE]

    with_strangers(test, tmp_path)


def test_a_node_with_a_codec_of_its_own_is_aligned_with_a_session_at_a_time(tmp_path: Path) -> None:
    """The session gets a decoder of its own, also after a restart; the others keep the node's."""

    async def scenario() -> None:
        emulator = await FakeEmulator(("tx", "tx2", "rx")).start()
        peers = {name: await start_peer(emulator, name, Role.TX) for name in ("tx", "tx2")}
        peers["rx"] = await start_peer(emulator, "rx", Role.RX, tmp_path, codec="pair")
        try:
            for name in ("tx", "tx2"):
                await peers[name].configure(session(name))
            assert (await align(peers["tx"], align_request())).adopted
            assert await statuses(peers["tx"], 1) == await statuses(peers["tx2"], 1, "flow-tx2") == [COMPLETE]
            assert (peers["rx"].mark("flow"), peers["rx"].mark("flow-tx2")) == (5, 0)
            await peers["rx"].die()
            peers["rx"] = await start_peer(emulator, "rx", Role.RX, tmp_path, codec="pair")
            assert await statuses(peers["tx"], 2) == await statuses(peers["tx2"], 2, "flow-tx2") == [COMPLETE]
        finally:
            for peer in peers.values():
                await peer.close()
            await emulator.kill()

    asyncio.run(scenario())


def test_an_alignment_survives_the_emulator() -> None:
    async def scenario() -> None:
        async with strangers() as (emulator, peers):
            told = Told()
            aligning = await stopped_at("download", emulator, peers, told)
            emulator = await emulator.restarted()
            try:
                assert (await aligning).adopted, told.reason
                # piece 2 had come, but its receipt may have been lost with the stream: then it is sent once more
                assert set(pieces(emulator, BACK)) - {2} == {3, 4, 5}
                assert list(told.transfers[0].resumed_at_bytes) == [3 * 4096]
                assert await statuses(peers["tx"], 1) == [COMPLETE]
            finally:
                for peer in peers.values():
                    await peer.close()
                peers.clear()
                await emulator.kill()

    asyncio.run(scenario())


def test_a_caller_that_leaves_stops_it_and_may_come_back() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx = peers["tx"]
        aligning = await stopped_at("tuning", emulator, peers, Told())
        aligning.cancel()
        await asyncio.gather(aligning, return_exceptions=True)
        goes_on(emulator, peers)
        assert (tx.mark(), peers["rx"].mark()) == (0, 0)
        again = await eventually_align(tx, align_request())
        assert again.adopted, again.reason
        assert sorted(set(pieces(emulator, BACK))) == [0, 1, 2, 3, 4, 5]
        assert len(pieces(emulator, BACK)) == 6  # what was downloaded is not downloaded again
        assert (tx.mark(), peers["rx"].mark()) == (5, 5)

    with_strangers(test)


def test_what_is_still_on_its_way_does_no_harm_to_the_next_alignment() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        aligning = await stopped_at("download", emulator, peers, Told())
        aligning.cancel()
        await asyncio.gather(aligning, return_exceptions=True)
        goes_on(emulator, peers)
        emulator.cut("rx")  # it sends again what has no receipt, of an alignment that nobody goes on with
        told = await eventually_align(peers["tx"], align_request(6, 5000))
        assert told.adopted, told.reason
        assert (peers["tx"].mark(), peers["rx"].mark()) == (6, 6)

    with_strangers(test)


async def eventually_align(tx: Peer, request: align_pb2.AlignRequest) -> Told:
    """Aligns as soon as the tx knows that the caller before has left."""
    while True:
        try:
            return await align(tx, request)
        except grpc.aio.AioRpcError as error:
            if "an alignment is under way" not in (error.details() or ""):
                raise
            await asyncio.sleep(0.02)
