"""Certificates: what is in them, what is refused, and that gRPC's mutual TLS takes them for what they are."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.wire.endpoint import Security, open_channel, peer_name, start_server
from emulator.certs import CertificateError, make_certificates
from emulator.cli import main

WHO = "/test.Who/Ask"


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def test_contents(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, ["emulator", "rx1"], ["edge7.example", "10.0.0.9"], days=30)
    assert made.new_authority
    assert made.made == ("emulator", "rx1")
    authority, leaf = certificate(tmp_path, "ca"), certificate(tmp_path, "rx1")
    leaf.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert [name.value for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["rx1"]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["rx1", "localhost", "edge7.example"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.0.0.9"]
    usages = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert usages == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_certificates(tmp_path / "tls", ["rx1"])
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "rx1.key": 0o600, "rx1.pem": 0o644}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_a_second_call_adds_and_overwrites_nothing(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["emulator"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    made = make_certificates(tmp_path, ["emulator", "rx1"])
    assert not made.new_authority
    assert (made.made, made.kept) == (("rx1",), ("emulator",))
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    certificate(tmp_path, "rx1").verify_directly_issued_by(certificate(tmp_path, "ca"))


def test_no_certificate_outlives_the_authority(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["a"], days=1)
    make_certificates(tmp_path, ["b"], days=36500)
    assert certificate(tmp_path, "b").not_valid_after_utc == certificate(tmp_path, "ca").not_valid_after_utc


@pytest.mark.parametrize(
    ("names", "hosts", "days", "message"),
    [
        (["../rx"], [], 1, "--name ../rx: must be letters"),
        ([""], [], 1, "--name : must be letters"),
        (["*"], [], 1, "--name \\*: must be letters"),
        (["ca"], [], 1, "--name ca: is taken by the authority"),
        (["localhost"], [], 1, "--name localhost: is taken"),
        (["rx", "RX"], [], 1, "--name RX: differs from rx only in case"),
        (["OLD"], [], 1, "--name OLD: differs from old only in case"),
        (["shelf"], [], 1, "--name shelf: is a host name in old.pem, whose holder could then pass for it"),
        (["rx"], ["Emulator"], 1, "--host Emulator: is the name of a node or daemon"),
        (["rx"], ["rx"], 1, "--host rx: is the name of a node"),
        (["rx"], ["old"], 1, "--host old: is the name of a node"),
        (["rx"], ["*.example"], 1, "--host \\*.example: is neither a host name nor an IP address"),
        (["rx"], [], 0, "--days 0: must be in \\[1, 36500\\]"),
    ],
)
def test_what_is_refused(tmp_path: Path, names: list[str], hosts: list[str], days: int, message: str) -> None:
    make_certificates(tmp_path, ["old"], ["shelf"])
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(CertificateError, match=message):
        make_certificates(tmp_path, names, hosts, days)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    lone, foreign, text = tmp_path / "lone", tmp_path / "foreign", tmp_path / "text"
    for folder in (lone, foreign, text):
        make_certificates(folder, ["rx"])
    (lone / "ca.key").unlink()
    with pytest.raises(CertificateError, match=r"ca\.pem: is there without ca\.key; restore it"):
        make_certificates(lone, ["rx2"])
    (foreign / "ca.key").write_bytes((text / "ca.key").read_bytes())
    with pytest.raises(CertificateError, match=r"ca\.key: is not the key of ca\.pem"):
        make_certificates(foreign, ["rx2"])
    (text / "ca.pem").write_text("hello", encoding="utf-8")
    with pytest.raises(CertificateError, match="is not a PEM file"):
        make_certificates(text, ["rx2"])
    (tmp_path / "file").touch()
    with pytest.raises(CertificateError, match="choose a folder of your own"):
        make_certificates(tmp_path / "file", ["rx"])


def test_the_command_names_the_daemons_and_the_nodes_of_a_topology(tmp_path: Path) -> None:
    arguments = ["certs", str(tmp_path), "--topology", "quickstart", "--name", "extra", "--json"]
    first = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert first["made"] == ["emulator", "controller", "optimizer", "extra", "tx", "rx"]
    assert first["authority"] is True
    second = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert (second["made"], second["kept"], second["authority"]) == ([], first["made"], False)
    assert "kept" in CliRunner().invoke(main, arguments[:-1]).stdout


# --- with a real server --------------------------------------------------------------------------------------------


def _register(server: grpc.aio.Server) -> None:
    async def ask(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        return (peer_name(context) or "nobody").encode()

    handler = grpc.unary_unary_rpc_method_handler(ask)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Who", {"Ask": handler}),))


def _with_server(folder: Path, body: Callable[[str], Awaitable[None]]) -> None:
    async def run() -> None:
        endpoint = await start_server("127.0.0.1:0", Security("emulator", folder), ["test.Who"], _register)
        try:
            await body(endpoint.address)
        finally:
            await endpoint.stop(0)

    asyncio.run(run())


async def _ask(channel: grpc.aio.Channel) -> str:
    async with channel:
        answer: bytes = await channel.unary_unary(WHO)(b"", timeout=10)
        return answer.decode()


def test_grpc_takes_the_certificates_name(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["emulator", "rx1", "rx_2.lab"])

    async def body(address: str) -> None:
        for name in ("rx1", "rx_2.lab"):
            assert await _ask(open_channel(address, Security(name, tmp_path), "emulator")) == name

    _with_server(tmp_path, body)


def test_grpc_refuses_whoever_is_not_who_was_asked_for_or_has_no_certificate(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        make_certificates(folder, ["emulator", "controller", "rx1"])

    async def body(address: str) -> None:
        authority = grpc.ssl_channel_credentials((ours / "ca.pem").read_bytes())
        unknown = grpc.aio.secure_channel(address, authority, [("grpc.ssl_target_name_override", "emulator")])
        channels = {
            "another peer": open_channel(address, Security("rx1", ours), "controller"),
            "another authority": open_channel(address, Security("rx1", theirs), "emulator"),
            "plain text": grpc.aio.insecure_channel(address),
            "no certificate": unknown,
        }
        for reason, channel in channels.items():
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await _ask(channel)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE, reason

    _with_server(ours, body)
