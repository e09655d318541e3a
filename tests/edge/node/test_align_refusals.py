"""What an alignment refuses: bad requests at the tx, bad uploads and wrong peers at the rx. Nothing changes then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest
from fake_alignment import FAILED, SIDE, Peer, Told, align, align_request, session, strangers
from fake_emulator import FakeEmulator, eventually, picture
from numpy.typing import NDArray

from edge.adapt.slf_settings import SlfSettings
from edge.adapt.states import StateStore
from edge.node import align_run, align_rx, transfer
from edge.node.align_messages import Ask, Commit, Leave, Offer
from edge.node.align_terms import Terms
from edge.node.parameters import TensorFile
from edge.node.transfer import Courier, decoder_digest, offer_of
from edge.v1 import align_pb2, node_pb2, packet_pb2
from emulator.v1 import data_plane_pb2

COMPLETE = packet_pb2.RECEIPT_STATUS_COMPLETE
Peers = dict[str, Peer]
Tensors = dict[str, NDArray[Any]]


def with_strangers(
    test: Callable[[FakeEmulator, Peers], Awaitable[None]],
    terms: Terms | None = None,
    txs: tuple[str, ...] = ("tx",),
    **rx_options: str,
) -> None:
    async def scenario() -> None:
        async with strangers(None, terms, txs, **rx_options) as (emulator, peers):
            await test(emulator, peers)

    asyncio.run(scenario())


# At the tx: what is asked.


async def refused(call: Awaitable[Any], code: grpc.StatusCode, *parts: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is code, caught.value.details()
    for part in parts:
        assert part in (caught.value.details() or "")


def test_a_bad_request_is_refused_with_its_field() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx, bad, not_now = peers["tx"], grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
        await refused(align(tx, align_request(freeze=9)), bad, "align.freeze", "[0, 4]", "9")
        await refused(align(tx, align_request(learning_rate=-1)), bad, "align.learning_rate")
        request = align_request()
        request.data.source = "nowhere"
        await refused(align(tx, request), bad, "nowhere", "no such file")
        request.data.source = ""
        await refused(align(tx, request), bad, "data.source")
        request = align_request()
        request.compute.flops_per_s = 0
        await refused(align(tx, request), bad, "compute.flops_per_s", "> 0")
        request = align_request()
        request.first_offered_ns = -1
        await refused(align(tx, request), bad, "first_offered_ns")
        request = align_request()
        request.session = "other"
        await refused(align(tx, request), grpc.StatusCode.NOT_FOUND, "'other'", "flow")
        await refused(align(peers["rx"], align_request()), not_now, "'rx' is an rx", "ask a tx")
        assert emulator.heads == []

    with_strangers(test)


def test_a_codec_that_cannot_be_aligned_is_named() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        for name in ("rx", "tx"):
            config = session()
            config.codec.CopyFrom(node_pb2.CodecConfig(name="lookup"))
            await peers[name].configure(config)
        code = grpc.StatusCode.FAILED_PRECONDITION
        await refused(align(peers["tx"], align_request()), code, "codec lookup", "cannot be aligned", "slf")

    with_strangers(test)


def test_a_session_with_two_receivers_is_not_aligned() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        config = session()
        config.destinations.append("tx2")
        await peers["tx"].configure(config)
        code = grpc.StatusCode.FAILED_PRECONDITION
        await refused(align(peers["tx"], align_request()), code, "2 receivers", "a session for each")

    with_strangers(test, txs=("tx", "tx2"))


def test_peers_with_other_sizes_are_refused_with_both_described() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        code = grpc.StatusCode.FAILED_PRECONDITION
        await refused(align(peers["tx"], align_request()), code, "pair(alike=no, side=16)", "pair(alike=yes, side=16)")
        assert peers["tx"].mark() == peers["rx"].mark() == 0

    with_strangers(test, alike="no")


def test_one_alignment_at_a_time() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx = peers["tx"]
        tx.tools.gate.clear()
        first = asyncio.create_task(align(tx, align_request()))
        await eventually(lambda: bool(tx.tools.tunings))
        code = grpc.StatusCode.FAILED_PRECONDITION
        await refused(align(tx, align_request(6, 5000)), code, "an alignment is under way")
        await refused(tx.configure(session(weights="1")), code, "an alignment is under way")
        tx.tools.gate.set()
        assert (await first).adopted

    with_strangers(test)


def test_the_same_number_with_other_settings_is_another_alignment() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        assert (await align(peers["tx"], align_request())).adopted
        again = await align(peers["tx"], align_request())
        assert again.adopted
        assert again.tunings
        code = grpc.StatusCode.FAILED_PRECONDITION
        await refused(align(peers["tx"], align_request(6)), code, "first_message_id", "other settings")

    with_strangers(test)


def test_names_of_ways_back_are_for_the_nodes() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        config = session()
        config.session = "flow/down"
        for name in ("tx", "rx"):
            await refused(
                peers[name].configure(config), grpc.StatusCode.INVALID_ARGUMENT, "sessions[0].session", "/down"
            )
        assert (await align(peers["tx"], align_request())).adopted
        described = await peers["rx"].control.Describe(node_pb2.DescribeRequest())
        assert [s.session for s in described.sessions] == ["flow"]

    with_strangers(test)


# What goes wrong on the way: both ends keep what they have.


def test_training_that_breaks_leaves_both_as_they_were_and_the_receiver_free() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        peers["tx"].tools.breaks = True
        told = await align(peers["tx"], align_request())
        assert not told.adopted
        assert "the loss is nan" in told.reason
        assert (peers["tx"].mark(), peers["rx"].mark()) == (0, 0)
        assert (await align(peers["tx2"], align_request(6, tx="tx2"))).adopted
        peers["tx"].tools.breaks = False
        assert (await align(peers["tx"], align_request())).adopted

    with_strangers(test, txs=("tx", "tx2"))


def test_pieces_that_a_link_loses_end_it_with_a_sentence() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        emulator.deliver = lambda destination, run: (destination, run.message_id) != ("tx", 1066)
        told = await align(peers["tx"], align_request())
        assert not told.adopted
        assert "parameters: " in told.reason
        assert "let this link send them again" in told.reason
        assert (peers["tx"].mark(), peers["rx"].mark()) == (0, 0)

    with_strangers(test)


def test_pilots_of_which_none_arrives_end_it_too() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        emulator.deliver = lambda destination, run: (destination, run.message_id) != ("tx", 1001)
        told = await align(peers["tx"], align_request())
        assert not told.adopted
        assert "pilots: none arrived" in told.reason

    with_strangers(test)


def test_a_decoder_that_is_too_large_to_send_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        monkeypatch.setattr(transfer, "MAX_FILE_BYTES", 1000)
        told = await align(peers["tx"], align_request())
        assert "the parameters take 24492 bytes, more than 1000" in told.reason

    with_strangers(test)


def test_a_receiver_without_a_way_back_says_so_when_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        monkeypatch.setattr(align_run, "SILENCE_S", 0.1)
        announce = emulator._announce

        def no_way_back(announcement: data_plane_pb2.Announcement) -> None:
            if announcement.session != "flow/down":
                announce(announcement)
            else:
                answer = data_plane_pb2.Answer(session="flow/down", destination="tx", reason="no path of links")
                emulator._tell("rx", answer=answer)

        monkeypatch.setattr(emulator, "_announce", no_way_back)
        told = await align(peers["tx"], align_request())
        assert "rx cannot send its decoder: tx refuses: no path of links" in told.reason
        assert (await align(peers["tx"], align_request(number=5000))).reason == told.reason  # its turn was over

    with_strangers(test)


def test_a_forged_download_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def forged(alignment: int, file: TensorFile, decoder: str) -> Offer:
        return replace(offer_of(alignment, file, decoder), digest="0" * 64)

    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        monkeypatch.setattr(align_rx, "offer_of", forged)
        told = await align(peers["tx"], align_request())
        assert not told.adopted
        assert "the decoder of rx cannot be used: digest: the file's SHA-256 is" in told.reason
        assert (peers["tx"].mark(), peers["rx"].mark()) == (0, 0)
        monkeypatch.setattr(align_rx, "offer_of", offer_of)
        assert (await align(peers["tx"], align_request())).adopted

    with_strangers(test)


def test_a_decoder_that_changed_meanwhile_is_not_overwritten() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx, rx = peers["tx"], peers["rx"]
        tx.tools.gate.clear()
        aligning = asyncio.create_task(align(tx, align_request()))
        await eventually(lambda: bool(tx.tools.tunings))
        rx.codec().replace({"decoder.last": np.full(3, 9, np.float32)})
        tx.tools.gate.set()
        told = await aligning
        assert not told.adopted
        assert "the decoder of rx has changed since it was downloaded" in told.reason
        assert (tx.mark(), rx.mark()) == (0, 0)
        assert (await align(tx, align_request())).adopted

    with_strangers(test)


def test_a_receiver_may_refuse_to_align() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        told = await align(peers["tx"], align_request())
        assert not told.adopted
        assert "rx lets nobody change its decoder (--no-align)" in told.reason

    with_strangers(test, Terms(allowed=False))


# At the rx: what comes up. These tests speak for a tx that does as it likes.


class Forger:
    """A tx that speaks by hand, about an upload that would do unless it is changed."""

    def __init__(self, peers: Peers, number: int = 1000, tx: str = "tx", freeze: int = 1) -> None:
        flow = "flow" if tx == "tx" else f"flow-{tx}"
        self.rx, self.number = peers["rx"], number
        self.settings = SlfSettings(freeze=freeze, pilots=100)
        self.courier = Courier(peers[tx].daemon.transmitter, flow, number)
        self.held = {k: v for k, v in self.rx.codec(flow).tensors.items() if not k.startswith("classifier")}
        self.upload: Tensors = {name: self.held[name] + 1 for name in ("codebook", "decoder.first")}

    async def say(self, word: Any) -> str:
        """The reason of the answer; empty when it was COMPLETE."""
        receipt = await self.courier.word(word, 0)
        return receipt.reason or "no reason" if receipt.status == FAILED else ""

    async def ask(self, **changes: Any) -> str:
        ask = Ask(self.number, self.settings.to_json(), SIDE, "life", "", (), False)
        return await self.say(replace(ask, **changes))

    async def offer(self, **changes: Any) -> str:
        """Offer and pieces; gives the first refusal."""
        file = TensorFile.of(self.upload)
        offer = replace(offer_of(self.number, file, ""), **changes)
        refusal = await self.say(offer)
        async for _, receipt in self.courier.pieces(file.data, offer, range(offer.pieces), 0):
            refusal = refusal or receipt.reason
        return refusal

    async def commit(self, **changes: Any) -> str:
        file = TensorFile.of(self.upload)
        commit = Commit(
            self.number, file.digest, decoder_digest(self.held), decoder_digest({**self.held, **self.upload})
        )
        return await self.say(replace(commit, **changes))

    def unchanged(self) -> bool:
        now = self.rx.codec("flow").tensors
        return all((now[name] == tensor).all() for name, tensor in self.held.items())


def test_an_upload_that_is_in_order_is_put_in_force_and_may_be_committed_twice() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        assert [await forger.ask(), await forger.offer(), await forger.commit(), await forger.commit()] == [""] * 4
        assert peers["rx"].mark() == 1
        assert len(await peers["rx"].states()) == 2

    with_strangers(test)


CHANGES: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "missing": (lambda t: {"codebook": t["codebook"]}, "tensors: must be"),
    "extra": (lambda t: {**t, "decoder.last": np.zeros(3, np.float32)}, "tensors: must be"),
    "misshapen": (lambda t: {**t, "codebook": t["codebook"][:8]}, "tensors.codebook: shape"),
    "not finite": (lambda t: {**t, "codebook": t["codebook"] * np.float32(np.nan)}, "not finite"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_tensors_that_do_not_belong_are_refused_whole(change: str) -> None:
    make, sentence = CHANGES[change]

    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        forger.upload = make(forger.upload)
        assert [await forger.ask(), await forger.offer()] == [""] * 2
        assert sentence in await forger.commit()
        assert forger.unchanged()
        assert await peers["rx"].states() == []
        assert "did not agree" in await forger.commit()  # its turn is over

    with_strangers(test)


def test_digests_that_do_not_fit_are_refused() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger, other = Forger(peers), "0" * 64
        await forger.ask()
        assert await forger.offer(digest=other) == ""
        assert "the file's SHA-256 is" in await forger.commit()
        await forger.ask()
        assert await forger.offer() == ""
        assert f"'{other}' is not the file that was sent" in await forger.commit(upload=other)
        await forger.ask()
        await forger.offer()
        assert "has changed since it was downloaded" in await forger.commit(before=other)
        await forger.ask()
        await forger.offer()
        assert "the decoder would be" in await forger.commit(after=other)
        assert forger.unchanged()

    with_strangers(test)


def test_a_full_disk_leaves_the_old_decoder_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(store: StateStore, state_id: str) -> None:
        raise OSError(28, "No space left on device")

    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        await forger.ask()
        await forger.offer()
        with monkeypatch.context() as patched:
            patched.setattr(StateStore, "activate", full)
            assert "No space left" in await forger.commit()
        assert forger.unchanged()
        assert [await forger.ask(), await forger.offer(), await forger.commit()] == [""] * 3
        assert peers["rx"].mark() == 1

    with_strangers(test)


def test_a_commit_before_all_pieces_have_come_is_refused() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        await forger.ask()
        await forger.say(offer_of(1000, TensorFile.of(forger.upload), ""))
        assert "6 of 6 pieces of the file have not come" in await forger.commit()
        assert forger.unchanged()

    with_strangers(test)


def test_what_does_not_fit_the_offer_is_refused() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        await forger.ask()
        size = len(TensorFile.of(forger.upload).data)
        assert "do not fit a file of" in await forger.offer(size_bytes=size + 1)
        with pytest.raises(ValueError, match="size_bytes: must be 1 to 8388608"):
            offer_of_size(9 * 1024 * 1024)
        assert forger.unchanged()

    with_strangers(test)


def offer_of_size(size_bytes: int) -> Offer:
    return Offer(1000, "0" * 64, size_bytes, 65536, (), "")


def test_nothing_is_taken_without_an_ask_or_of_another_alignment_or_peer() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        assert "did not agree to alignment 1000 with tx, it aligns with nobody" in await forger.offer()
        assert "did not agree" in await forger.commit()
        await forger.ask()
        assert "it aligns with tx (alignment 1000)" in await Forger(peers, number=7000).offer()
        other = Forger(peers, tx="tx2")
        assert "did not agree to alignment 1000 with tx2, it aligns with tx" in await other.offer()
        assert "did not agree" in await other.commit()
        assert [await forger.offer(), await forger.commit()] == [""] * 2
        assert peers["rx"].mark("flow-tx2") == 0

    with_strangers(test, txs=("tx", "tx2"))


def test_an_ask_that_cannot_be_met_is_refused() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        assert "pictures of 16 pixels, got 32" in await forger.ask(side=32)
        assert "align.freeze" in await forger.ask(settings='{"freeze": 7}')

    with_strangers(test)


# Whose turn it is.


def test_a_second_tx_waits_and_is_told_so() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        peers["tx"].tools.gate.clear()
        first = asyncio.create_task(align(peers["tx"], align_request()))
        await eventually(lambda: bool(peers["tx"].tools.tunings))
        told = Told()
        second = asyncio.create_task(align(peers["tx2"], align_request(6, tx="tx2"), told))
        await eventually(lambda: any("queued: rx aligns with tx first" in p.reason for p in told.progress))
        assert {p.phase for p in told.progress} == {align_pb2.ALIGN_PHASE_ASKED}
        peers["tx"].tools.gate.set()
        assert (await first).adopted
        assert (await second).adopted
        assert (peers["rx"].mark("flow"), peers["rx"].mark("flow-tx2")) == (5, 6)

    with_strangers(test, txs=("tx", "tx2"))


def test_a_silent_tx_gives_way_and_a_leaving_one_at_once() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        silent = Forger(peers)
        assert await silent.ask() == ""
        assert (await align(peers["tx2"], align_request(6, tx="tx2"))).adopted
        assert "did not agree" in await silent.offer()
        assert silent.unchanged()

    with_strangers(test, Terms(patience_s=0.2), txs=("tx", "tx2"))

    async def leaving(emulator: FakeEmulator, peers: Peers) -> None:
        forger = Forger(peers)
        await forger.ask()
        assert await forger.say(Leave(1000, "its caller left")) == ""
        assert (await align(peers["tx2"], align_request(6, tx="tx2"))).adopted

    with_strangers(leaving, txs=("tx", "tx2"))


def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        monkeypatch.setattr(align_rx, "MAX_WAITING", 1)
        forgers = [Forger(peers, tx=name) for name in ("tx", "tx2", "tx3")]
        assert [await forgers[0].ask(), await forgers[1].ask()] == [""] * 2
        assert "1 wait to be aligned already (tx2)" in await forgers[2].ask()

    with_strangers(test, txs=("tx", "tx2", "tx3"))


# Afterwards.


def test_a_shared_decoder_is_for_all_sessions_of_the_codec() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        assert (await align(peers["tx"], align_request())).adopted
        assert (peers["rx"].mark("flow"), peers["rx"].mark("flow-tx2")) == (5, 0)
        assert (await align(peers["tx"], align_request(6, 5000, shared=True))).adopted
        assert (peers["rx"].mark("flow"), peers["rx"].mark("flow-tx2")) == (6, 6)

    with_strangers(test, txs=("tx", "tx2"))


def test_both_ends_can_go_back() -> None:
    async def test(emulator: FakeEmulator, peers: Peers) -> None:
        tx, rx = peers["tx"], peers["rx"]
        assert (await align(tx, align_request())).adopted
        assert (await rx.roll_back()).method == "initial"
        assert (tx.mark(), rx.mark()) == (5, 0)
        receipts = await tx.transmit([picture(1, 8)], first_message_id=1)
        assert "but the decoder is of 0" in receipts[0].reason
        assert (await tx.roll_back()).method == "initial"
        assert (tx.mark(), rx.mark()) == (0, 0)
        receipts = await tx.transmit([picture(1, 8)], first_message_id=2)
        assert [r.status for r in receipts] == [COMPLETE]

    with_strangers(test)
