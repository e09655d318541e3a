"""One way to open a gRPC server or channel, for every daemon: who may speak, health, reflection, limits.

Servers bind to loopback unless they are told how to trust strangers: mutual TLS, or an explicit --insecure. Under TLS
a peer's name is the common name of its certificate.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
STOP_GRACE_S = 5.0

# gRPC may buffer a few megabytes of a stalled stream. That is left so: what a sender has under way is bounded by the
# emulator's credit, and small windows would cost a quarter of the throughput (docs/performance.md).
SERVER_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second daemon on the same port must fail, not share
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
)


class EndpointError(Exception):
    """An address or a certificate that cannot be used; the message names the option and the fix."""


@dataclass(frozen=True)
class Security:
    """Who this process is, and how it trusts others.

    name: its name, and that of its certificate. tls_dir: folder with ca.pem, NAME.pem and NAME.key; None for plain
    text. insecure: plain text is allowed beyond loopback.
    """

    name: str
    tls_dir: Path | None = None
    insecure: bool = False

    def files(self) -> tuple[bytes, bytes, bytes]:
        """(authority, certificate, key) in PEM."""
        assert self.tls_dir is not None
        try:
            return (
                (self.tls_dir / "ca.pem").read_bytes(),
                (self.tls_dir / f"{self.name}.pem").read_bytes(),
                (self.tls_dir / f"{self.name}.key").read_bytes(),
            )
        except OSError as error:
            raise EndpointError(
                f"--tls {self.tls_dir}: cannot read the certificate of '{self.name}' "
                f"({error.strerror}: {error.filename}); "
                f"make one with: edge-emulator certs {self.tls_dir} --name {self.name}"
            ) from error


def split_address(address: str) -> tuple[str, int]:
    """HOST:PORT to its parts. Raises EndpointError."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise EndpointError(f"address '{address}': must be HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:0")
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_exposure(address: str, security: Security, option: str = "--listen") -> None:
    """Refuses to leave loopback without TLS or an explicit consent."""
    host, _ = split_address(address)
    if not is_loopback(host) and security.tls_dir is None and not security.insecure:
        raise EndpointError(
            f"{option} {address}: is not a loopback address; add --tls DIR (make one with: edge-emulator certs DIR) "
            "or accept plain text from anybody with --insecure"
        )


@dataclass(frozen=True)
class Endpoint:
    """A running server."""

    server: grpc.aio.Server
    address: str
    health: health.aio.HealthServicer
    services: tuple[str, ...]

    async def set_serving(self, serving: bool) -> None:
        """Sets the standard health status of every service and of the server as a whole."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *self.services):
            await self.health.set(service, status)

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        await self.set_serving(False)
        await self.server.stop(grace_s)


async def start_server(
    address: str, security: Security, services: Iterable[str], register: Callable[[grpc.aio.Server], None]
) -> Endpoint:
    """Starts a server with health and reflection; `register` adds the servicers whose full names are `services`.

    address: HOST:PORT, port 0 for any free one. The endpoint reports NOT_SERVING until set_serving(True).
    Raises EndpointError when the address cannot be bound or must not be.
    """
    check_exposure(address, security)
    host, _ = split_address(address)
    server = grpc.aio.server(options=list(SERVER_OPTIONS))
    register(server)
    checker = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checker, server)
    names = tuple(services)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        if security.tls_dir is None:
            port = server.add_insecure_port(address)
        else:
            authority, certificate, key = security.files()
            credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise EndpointError(
            f"--listen {address}: cannot bind (port in use, or not an address of this machine); "
            "choose another port, or 0 for any free one"
        ) from error
    await server.start()
    shown = f"[{host}]" if ":" in host else host
    endpoint = Endpoint(server, f"{shown}:{port}", checker, names)
    await endpoint.set_serving(False)
    return endpoint


def open_channel(address: str, security: Security, peer: str) -> grpc.aio.Channel:
    """A channel to `address`. Under TLS the other end must hold the certificate of `peer`, wherever it listens."""
    check_exposure(address, security, option="address")
    if security.tls_dir is None:
        return grpc.aio.insecure_channel(address, options=list(CHANNEL_OPTIONS))
    authority, certificate, key = security.files()
    credentials = grpc.ssl_channel_credentials(authority, key, certificate)
    return grpc.aio.secure_channel(
        address, credentials, options=[*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", peer)]
    )


def peer_name(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    """Common name of the caller's certificate; None without TLS (everybody on loopback is trusted)."""
    names = context.auth_context().get("x509_common_name")
    return names[0].decode() if names else None


async def wait_for_stop() -> None:
    """Returns when the process is asked to stop (SIGTERM or SIGINT)."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def announce_serving(address: str, *others: str) -> None:
    """The line that a launcher waits for on a daemon's standard output. others: where more nodes of the process serve;
    the line then has a list."""
    with contextlib.suppress(BrokenPipeError):  # a launcher that is gone needs no answer
        print(json.dumps({"serving": [address, *others] if others else address}), flush=True)


Command = TypeVar("Command", bound=Callable[..., Any])


def security_options(command: Command) -> Command:
    """The click options --tls and --insecure, as parameters tls and insecure."""
    with_tls = click.option(
        "--tls",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=None,
        help="Folder with ca.pem and this process's certificate: mutual TLS.",
    )
    with_consent = click.option(
        "--insecure", is_flag=True, help="Allow plain text beyond loopback: anybody there may send and control."
    )
    return with_tls(with_consent(command))
