"""Fine-tuning where it is harder: under TLS, with several receivers or sessions, over a link that loses packets, and
with a codec that has no codebook. That it pays is for test_adapt.py and tools/ftsc; here few steps, small pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from processes import Daemon, Yard
from test_adapt import payloads, pictures

from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2, node_pb2_grpc, packet_pb2
from edge.wire.endpoint import Security
from emulator.channels.noise import NoiseKey, packet_uniforms

RPC_S = 300.0
IMAGES = 5
FIRST = 100  # number of an adaptation's first message
DFT, LSDFT = adapt_pb2.ADAPT_METHOD_DFT, adapt_pb2.ADAPT_METHOD_LSDFT
FAST = 50_000_000  # bit/s
AIR = {"name": "air", "from": "tx", "to": "rx", "rate_bps": FAST}
VQVAE2 = {"scale": "8"}
ORIGINAL = 2  # a lesson's segments: the top map, the bottom map, the original
STEPS = 10


class Member:
    """A node, reached as the holder of a certificate when there is a folder of them."""

    def __init__(self, daemon: Daemon, name: str, tls: Path | None = None, caller: str = "controller") -> None:
        self.daemon = daemon
        if tls is None:
            channel = grpc.insecure_channel(daemon.address)
        else:
            authority, certificate, key = Security(caller, tls).files()
            credentials = grpc.ssl_channel_credentials(authority, key, certificate)
            channel = grpc.secure_channel(daemon.address, credentials, [("grpc.ssl_target_name_override", name)])
        self.node = node_pb2_grpc.NodeServiceStub(channel)
        self.adapt = adapt_pb2_grpc.AdaptServiceStub(channel)

    def knowledge(self) -> dict[str, str]:
        """Digest by session."""
        sessions = self.node.Describe(node_pb2.DescribeRequest(), timeout=RPC_S).sessions
        return {session.session: str(session.codec.knowledge) for session in sessions}

    def methods(self, session: str = "flow") -> list[str]:
        """How the states that it keeps came to be, oldest first."""
        request = adapt_pb2.ListStatesRequest(session=session)
        return [state.method for state in self.adapt.ListStates(request, timeout=RPC_S).states]

    def last(self, session: str = "flow") -> adapt_pb2.WatchResponse:
        """What a receiver says of an adaptation that is over."""
        return list(self.adapt.Watch(adapt_pb2.WatchRequest(session=session), timeout=RPC_S))[-1]


class Class:
    """An emulator with these links, a tx, and receivers."""

    def __init__(self, yard: Yard, links: list[dict[str, Any]], tls: Path | None = None, seed: int = 3) -> None:
        self.yard, self.tls = yard, tls
        receivers = [str(link["to"]) for link in links]
        nodes = {"tx": {"role": "tx"}} | {name: {"role": "rx", "codec": {"name": "raw"}} for name in receivers}
        topology = yard.scenario(nodes=nodes, links=links, seed=seed)
        self.options = () if tls is None else ("--tls", tls)
        self.emulator = yard.daemon("emulator", "serve", "--topology", topology, *self.options)
        self.tx = self.start("tx", "tx")
        self.rx = {name: self.start("rx", name) for name in receivers}

    def start(self, role: str, name: str) -> Member:
        return Member(
            self.yard.daemon(
                *("edge.node", "--role", role, "--name", name, "--emulator", self.emulator.address),
                *("--state", self.yard.folder / "kept", *self.options),
            ),
            name,
            self.tls,
        )

    def open(self, sessions: dict[str, list[str]], codec: str = "vqvae2", **options: str) -> None:
        """sessions: destinations by name."""
        described = node_pb2.CodecConfig(name=codec, options=options)
        configs = {
            name: node_pb2.SessionConfig(session=name, source="tx", destinations=to, codec=described)
            for name, to in sessions.items()
        }
        for name, member in self.rx.items():
            mine = [config for config in configs.values() if name in config.destinations]
            member.node.Configure(node_pb2.ConfigureRequest(sessions=mine), timeout=RPC_S)
        self.tx.node.Configure(node_pb2.ConfigureRequest(sessions=configs.values()), timeout=RPC_S)

    def teach(
        self, session: str = "flow", seed: int = 1, first: int = FIRST, **settings: Any
    ) -> list[adapt_pb2.TeachResponse]:
        """Everything that a Teach gives; the last is the verdict."""
        fields = {
            "method": DFT,
            "steps": STEPS,
            "batch": 2,
            "crop": 64,
            "learning_rate": 1e-3,
            "checkpoint_steps": STEPS,
        }
        if settings.get("method", DFT) == DFT:
            fields["rounds"] = 2
        request = adapt_pb2.TeachRequest(
            session=session,
            settings=adapt_pb2.AdaptSettings(**{**fields, **settings}),
            images=payloads(pictures(IMAGES, seed)),
            first_message_id=first,
        )
        return list(self.tx.adapt.Teach(request, timeout=RPC_S))

    def send(self, session: str = "flow", first: int = 0) -> packet_pb2.Receipt:
        """The receipt of one picture."""
        request = node_pb2.TransmitRequest(
            session=session, images=payloads(pictures(1, seed=2)), first_message_id=first
        )
        receipts = [e.receipt for e in self.tx.node.Transmit(request, timeout=RPC_S) if e.HasField("receipt")]
        return receipts[0]


def denied(call: Callable[[], Any]) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED, caught.value
    return str(caught.value.details())


def test_under_tls_the_controller_adapts_and_nobody_else(yard: Yard) -> None:
    made = yard.command("emulator", "certs", yard.folder / "tls", "--topology", yard.scenario())
    assert made.status == 0, made.stderr
    room = Class(yard, [AIR], tls=yard.folder / "tls")
    room.open({"flow": ["rx"]}, **VQVAE2)
    deployed = room.tx.knowledge()
    neighbour, itself = Member(room.rx["rx"].daemon, "rx", room.tls, "tx"), Member(room.tx.daemon, "tx", room.tls, "tx")
    for call in (
        lambda: list(itself.adapt.Teach(adapt_pb2.TeachRequest(session="flow"), timeout=RPC_S)),
        lambda: list(neighbour.adapt.Watch(adapt_pb2.WatchRequest(session="flow"), timeout=RPC_S)),
        lambda: neighbour.adapt.ListStates(adapt_pb2.ListStatesRequest(session="flow"), timeout=RPC_S),
        lambda: neighbour.adapt.RollBack(adapt_pb2.RollBackRequest(session="flow"), timeout=RPC_S),
    ):
        assert "takes orders from the certificate 'controller' only, not from 'tx'" in denied(call)
    verdict = room.teach()[-1].verdict
    assert verdict.adopted, verdict.reason
    assert room.tx.knowledge() == room.rx["rx"].knowledge() == {"flow": verdict.digest} != deployed
    assert room.send().status == packet_pb2.RECEIPT_STATUS_COMPLETE


def test_two_receivers_of_one_session_agree_and_two_sessions_at_once_do_not_mix(yard: Yard) -> None:
    room = Class(yard, [{"name": to, "from": "tx", "to": to, "rate_bps": FAST} for to in ("rx1", "rx2")])
    room.open({"both": ["rx1", "rx2"], "one": ["rx1"], "two": ["rx2"]}, **VQVAE2)
    deployed = room.tx.knowledge()
    assert len(set(deployed.values())) == 1

    verdict = room.teach("both")[-1].verdict
    assert verdict.adopted, verdict.reason
    assert [(each.destination, each.better) for each in verdict.destinations] == [("rx1", True), ("rx2", True)]
    everywhere = {name: member.knowledge() for name, member in room.rx.items()}
    assert everywhere["rx1"]["both"] == everywhere["rx2"]["both"] == room.tx.knowledge()["both"] == verdict.digest
    assert (everywhere["rx1"]["one"], everywhere["rx2"]["two"]) == (deployed["one"], deployed["two"])

    verdicts: dict[str, adapt_pb2.TeachVerdict] = {}

    def teach(session: str, **how: Any) -> None:
        verdicts[session] = room.teach(session, **how)[-1].verdict

    threads = [
        threading.Thread(target=teach, args=("one",), kwargs={"seed": 5}),
        threading.Thread(target=teach, args=("two",), kwargs={"seed": 6}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(RPC_S)
    assert verdicts["one"].adopted, verdicts["one"].reason
    assert verdicts["two"].adopted, verdicts["two"].reason
    digests = {"both": verdict.digest, "one": verdicts["one"].digest, "two": verdicts["two"].digest}
    assert len({*digests.values(), *deployed.values()}) == 4  # each learnt from pictures of its own
    assert room.tx.knowledge() == digests
    assert room.rx["rx1"].knowledge() == {name: digests[name] for name in ("both", "one")}
    assert room.rx["rx2"].knowledge() == {name: digests[name] for name in ("both", "two")}
    for session, to in (("both", "rx1"), ("one", "rx1"), ("two", "rx2")):
        assert room.send(session).status == packet_pb2.RECEIPT_STATUS_COMPLETE
        assert room.rx[to].methods(session) == ["initial", "dft"]


ERASURE, TRIES = 0.3, 2


def stay_lost(seed: int) -> set[tuple[int, int]]:
    """(message, segment) of everything that an adaptation of session flow with two rounds sends, one packet each, whose
    packet is erased at every try when the scenario has this seed."""
    key = NoiseKey(seed, "air", "rx", "flow", "erasure")
    lessons = range(FIRST + 1, FIRST + 1 + IMAGES)
    words = (FIRST, *range(FIRST + 1 + IMAGES, FIRST + 4 + IMAGES))
    sent = [(message, 0) for message in words] + [(lesson, segment) for lesson in lessons for segment in range(3)]
    return {
        (message, segment)
        for message, segment in sent
        if all(packet_uniforms(key, message, segment, 0, 1, attempt)[0] < ERASURE for attempt in range(TRIES))
    }


def test_what_is_lost_is_sent_again_and_a_lesson_that_stays_lost_is_left_out_at_both_ends(yard: Yard) -> None:
    unlucky = FIRST + 3
    seed = next(seed for seed in range(1000) if stay_lost(seed) == {(unlucky, ORIGINAL)})
    levels = [{"erasure": ERASURE, "on_failure": "retransmit", "max_retransmissions": TRIES - 1}]
    room = Class(yard, [AIR | {"levels": levels}], seed=seed)
    room.open({"flow": ["rx"]}, **VQVAE2)
    events = room.teach()
    verdict = events[-1].verdict
    assert verdict.adopted, verdict.reason
    receipts = [e.receipt for e in events if e.HasField("receipt")]
    (failed,) = [receipt for receipt in receipts if receipt.status != packet_pb2.RECEIPT_STATUS_COMPLETE]
    assert (failed.message_id, failed.status) == (unlucky, packet_pb2.RECEIPT_STATUS_FAILED)
    assert "original: 354 of its 354 bytes were lost on the way" in failed.reason
    assert sum(receipt.transit.retransmissions for receipt in receipts) > 1
    assert room.rx["rx"].last().lessons == IMAGES - 1
    assert room.tx.knowledge() == room.rx["rx"].knowledge() == {"flow": verdict.digest}


def test_an_autoencoder_has_no_rounds_and_only_its_receiver_changes(yard: Yard) -> None:
    room = Class(yard, [AIR])
    room.open({"flow": ["rx"]}, codec="autoencoder")
    deployed = room.tx.knowledge()
    with pytest.raises(grpc.RpcError) as caught:
        room.teach()
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "codec autoencoder has no codebooks to update, got 2 rounds" in str(caught.value.details())
    first = FIRST
    for method, name, unit in ((DFT, "dft", "dB"), (LSDFT, "lsdft", "loss")):
        events = room.teach(method=method, rounds=0, first=first)
        first += IMAGES + 2  # the opening and the finish
        verdict = events[-1].verdict
        assert not [event for event in events if event.HasField("round")]
        assert room.tx.knowledge() == room.rx["rx"].knowledge() == deployed
        last = room.rx["rx"].last()
        assert (last.step, last.unit, last.adopted) == (STEPS, unit, verdict.adopted)
        assert verdict.adopted, verdict.reason
        assert room.rx["rx"].methods()[-1] == name
        assert room.send(first=first).status == packet_pb2.RECEIPT_STATUS_COMPLETE
        first += 1
