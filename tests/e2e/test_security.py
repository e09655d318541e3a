"""Who may speak: mutual TLS end to end, and each refusal as whoever tries it sees it."""

from __future__ import annotations

import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from processes import Daemon, Yard, one_sentence, wait_until

from edge.v1 import node_pb2, node_pb2_grpc, packet_pb2
from edge.wire.endpoint import Security
from emulator.v1 import control_pb2, control_pb2_grpc, data_plane_pb2, data_plane_pb2_grpc
from optimizer.v1 import planner_pb2, planner_pb2_grpc

Request = data_plane_pb2.AttachRequest
RPC_S = 60.0


def certificates(yard: Yard, folder: str = "tls") -> Path:
    """Made by the command, for the nodes of the yard's scenario."""
    made = yard.command("emulator", "certs", yard.folder / folder, "--topology", yard.scenario())
    assert made.status == 0, made.stderr
    return yard.folder / folder


def test_a_run_under_tls_delivers_everything(yard: Yard) -> None:
    outcome = yard.run(yard.scenario(), "--images", yard.pictures(2), "--tls", certificates(yard))
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [m.identical for m in outcome.report.messages] == [True, True]


def test_a_run_without_a_certificate_is_refused(yard: Yard) -> None:
    tls = certificates(yard)
    (tls / "rx.pem").unlink()
    sentence = yard.run(yard.scenario(), "--images", yard.pictures(1), "--tls", tls).refusal
    assert "cannot read the certificate of 'rx'" in sentence
    assert "edge-emulator certs" in sentence


def test_no_daemon_leaves_loopback_without_tls_or_consent(yard: Yard) -> None:
    everywhere = ("--listen", "0.0.0.0:0")
    started = [
        yard.start("emulator", "serve", *everywhere),
        yard.start("optimizer", "serve", *everywhere),
        yard.start("edge.node", "--role", "rx", "--name", "rx", "--emulator", "127.0.0.1:9", *everywhere),
    ]
    for process in started:
        sentence = yard.outcome(process, yard.folder).refusal
        assert "--listen 0.0.0.0:0: is not a loopback address" in sentence
        assert "--tls" in sentence
        assert "--insecure" in sentence
    assert yard.daemon("emulator", "serve", "--insecure", *everywhere).address.startswith("0.0.0.0:")


class Secured:
    """An emulator, an optimizer and a receiver under TLS, and whoever tries to speak with them."""

    def __init__(self, yard: Yard) -> None:
        self.tls = certificates(yard)
        tls = ("--tls", self.tls)
        self.emulator = yard.daemon("emulator", "serve", "--topology", yard.scenario(), *tls)
        self.optimizer = yard.daemon("optimizer", "serve", *tls)
        self.receiver = yard.daemon(
            *("edge.node", "--role", "rx", "--name", "rx", "--emulator", self.emulator.address, "--codec", "raw"), *tls
        )

    def channel(self, daemon: Daemon, peer: str, name: str, tls: Path | None = None) -> grpc.Channel:
        """To a daemon whose certificate says `peer`, as the holder of the certificate `name`."""
        authority, certificate, key = Security(name, tls or self.tls).files()
        credentials = grpc.ssl_channel_credentials(authority, key, certificate)
        return grpc.secure_channel(daemon.address, credentials, [("grpc.ssl_target_name_override", peer)])

    def attach(self, name: str, *requests: Request, says: str | None = None) -> Any:
        """Opens the data plane as `name`, says hello as `says`, sends requests, and keeps the stream open."""
        waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        hello = Request(hello=data_plane_pb2.Hello(node=says or name, instance="test"))
        for request in (hello, *requests):
            waiting.put(request)
        stub = data_plane_pb2_grpc.DataPlaneServiceStub(self.channel(self.emulator, "emulator", name))
        return stub.Attach(iter(waiting.get, None), timeout=RPC_S)


def refused(call: Callable[[], Any], code: grpc.StatusCode) -> str:
    """The sentence with which a call is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is code, caught.value
    return str(caught.value.details())


DENIED = grpc.StatusCode.PERMISSION_DENIED


def test_under_tls_everybody_may_do_what_its_certificate_says_and_no_more(yard: Yard) -> None:
    daemons = Secured(yard)

    # a node under another's name
    sentence = refused(lambda: list(daemons.attach("rx", says="tx")), DENIED)
    assert sentence == "node 'tx': the certificate is that of 'rx'; use its own"

    # sending on another's session, and as another
    opened = data_plane_pb2.Announcement(session="s", source="tx", destinations=["rx"])
    tx = daemons.attach("tx", Request(announcement=opened))
    assert [next(tx).WhichOneof("response") for _ in range(2)] == ["welcome", "answer"]
    batch = packet_pb2.Batch(frames=[packet_pb2.Frame(head=packet_pb2.MessageHead(session="s"))])
    yard.stop_one(daemons.receiver)  # its place at the emulator is needed
    assert "cannot send on it" in refused(lambda: list(daemons.attach("rx", Request(batch=batch))), DENIED)
    posing = Request(announcement=data_plane_pb2.Announcement(session="t", source="tx", destinations=["rx"]))
    assert "cannot send as 'tx'" in refused(lambda: list(daemons.attach("rx", posing)), DENIED)


def test_under_tls_only_the_controller_controls(yard: Yard) -> None:
    daemons = Secured(yard)
    links = control_pb2_grpc.LinkControlServiceStub(daemons.channel(daemons.emulator, "emulator", "tx"))
    change = control_pb2.UpdateLinkRequest(name="air", delay_s=0.0)
    for call in (
        lambda: links.ApplyTopology(control_pb2.ApplyTopologyRequest(), timeout=RPC_S),
        lambda: links.UpdateLink(change, timeout=RPC_S),
        lambda: links.GetCounters(control_pb2.GetCountersRequest(), timeout=RPC_S),
        lambda: list(links.WatchCounters(control_pb2.WatchCountersRequest(interval_s=1), timeout=RPC_S)),
    ):
        assert refused(call, DENIED) == "links may be changed by 'controller' only, not by 'tx'"
    node = node_pb2_grpc.NodeServiceStub(daemons.channel(daemons.receiver, "rx", "tx"))
    for call in (
        lambda: node.Describe(node_pb2.DescribeRequest(), timeout=RPC_S),
        lambda: node.Configure(node_pb2.ConfigureRequest(), timeout=RPC_S),
        lambda: list(node.Collect(node_pb2.CollectRequest(), timeout=RPC_S)),
    ):
        assert "takes orders from the certificate 'controller' only, not from 'tx'" in refused(call, DENIED)

    entitled = control_pb2_grpc.LinkControlServiceStub(daemons.channel(daemons.emulator, "emulator", "controller"))
    assert entitled.UpdateLink(change, timeout=RPC_S).link.name == "air"
    described = node_pb2_grpc.NodeServiceStub(daemons.channel(daemons.receiver, "rx", "controller")).Describe(
        node_pb2.DescribeRequest(), timeout=RPC_S
    )
    assert described.name == "rx"


def test_strangers_do_not_get_past_the_handshake(yard: Yard) -> None:
    daemons = Secured(yard)
    foreign = certificates(yard, "foreign")
    unavailable = grpc.StatusCode.UNAVAILABLE
    for daemon, peer in ((daemons.emulator, "emulator"), (daemons.receiver, "rx"), (daemons.optimizer, "optimizer")):
        for channel in (
            grpc.insecure_channel(daemon.address),  # plain text
            daemons.channel(daemon, peer, "controller", tls=foreign),  # another authority's certificates
            daemons.channel(daemon, "somebody", "controller"),  # the right ones, and the wrong daemon
        ):
            with channel:
                plan = planner_pb2_grpc.PlannerServiceStub(channel).Plan
                refused(lambda plan=plan: plan(planner_pb2.PlanRequest(), timeout=RPC_S), unavailable)  # type: ignore[misc]

    # the same for a node: another authority's certificates, and another name's in a file of its own name
    node = ("edge.node", "--role", "rx", "--name", "rx", "--emulator", daemons.emulator.address, "--codec", "raw")
    stranger = yard.outcome(yard.start(*node, "--tls", foreign), yard.folder)
    assert stranger.status == 2
    assert "ca.pem did not sign the certificate of the emulator" in one_sentence(stranger.stderr)
    talkative = yard.start(*node)
    wait_until(lambda: talkative.stderr.read_text(), "a node in plain text says that nobody answers it")
    assert "start this node with --tls too" in one_sentence(talkative.stderr.read_text())
    shutil.copy(daemons.tls / "rx.pem", daemons.tls / "tx.pem")
    shutil.copy(daemons.tls / "rx.key", daemons.tls / "tx.key")
    posing = yard.command(
        *("edge.node", "--role", "tx", "--name", "tx", "--emulator", daemons.emulator.address, "--codec", "raw"),
        *("--to", "rx", "--send", yard.pictures(1), "--tls", daemons.tls),
    )
    assert "node 'tx': the certificate is that of 'rx'; use its own" in posing.refusal
