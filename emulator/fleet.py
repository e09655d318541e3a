"""The processes of one run: emulator, optimizer, nodes. Starts them, waits for SERVING, starts again what died.

A daemon that comes back serves at its old address, so its peers find it by reconnecting; what it must be told anew
(topology, sessions) is the business of the callback given to `watch`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from edge.wire.endpoint import Security, open_channel
from emulator.launch import local

CONTROLLER = "controller"
SERVING_TIMEOUT_S = 60.0
CHECK_PAUSE_S = 0.05
RESTART_PAUSE_S = 0.3

log = logging.getLogger(__name__)


@dataclass
class Member:
    """One daemon of the fleet, through all its lives. mates: the names of all that share its process, itself too."""

    name: str
    module: str
    arguments: list[str]
    daemon: local.Daemon
    channel: grpc.aio.Channel
    mates: tuple[str, ...] = ()
    restarts: int = 0
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)


class Fleet:
    """The daemons of one run. `restarts`: how often each may be started again."""

    def __init__(self, logs: Path, tls_dir: Path | None, restarts: int) -> None:
        self.logs = logs
        self.security = Security(CONTROLLER, tls_dir)
        self.restarts = restarts
        self.members: dict[str, Member] = {}
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stopping = False

    @property
    def security_arguments(self) -> list[str]:
        return [] if self.security.tls_dir is None else ["--tls", str(self.security.tls_dir)]

    async def start(self, name: str, module: str, arguments: Sequence[str]) -> Member:
        """Starts a daemon and waits for its address. Raises LaunchError."""
        return (await self.start_together([name], module, arguments))[0]

    async def start_together(self, names: Sequence[str], module: str, arguments: Sequence[str]) -> list[Member]:
        """Starts one process that runs several nodes, and waits for their addresses. Raises LaunchError."""
        first, whole = names[0], [*arguments, *self.security_arguments]
        log_file = self.logs / f"{first}.log"
        log_file.unlink(missing_ok=True)  # an earlier run's, in the same folder
        daemon = await local.start(first, module, [*whole, "--listen", "127.0.0.1:0"], log_file)
        if len(daemon.addresses) != len(names):
            await daemon.stop()
            raise local.LaunchError(f"{first}: serves {len(daemon.addresses)} nodes, not {len(names)}; see {log_file}")
        for name, address in zip(names, daemon.addresses, strict=True):
            channel = open_channel(address, self.security, name)
            self.members[name] = Member(name, module, whole, daemon, channel, tuple(names))
        return self._mates(first)

    def _mates(self, name: str) -> list[Member]:
        """All members that share a process."""
        return [self.members[mate] for mate in self.members[name].mates]

    async def serving(self, name: str, timeout_s: float = SERVING_TIMEOUT_S) -> None:
        """Waits until the daemon's health service says SERVING. Raises LaunchError when it does not in time."""
        stub = health_pb2_grpc.HealthStub(self.members[name].channel)
        deadline = asyncio.get_running_loop().time() + timeout_s
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(grpc.aio.AioRpcError):
                answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            if self.members[name].daemon.process.returncode is not None and self._watcher_gave_up(name):
                break
            await asyncio.sleep(CHECK_PAUSE_S)
        raise local.LaunchError(f"{name}: is not serving; its log is {self.members[name].daemon.log}")

    def _watcher_gave_up(self, name: str) -> bool:
        watcher = self.members[name].watcher
        return watcher is None or watcher.done()

    def watch(self, name: str, restored: Callable[[], Awaitable[None]]) -> None:
        """Starts the daemon again whenever it dies, and calls `restored` when it serves. Beyond the allowed number of
        times, `failure` is set. Of those that share a process, one is to be watched for all."""
        watcher = asyncio.create_task(self._watch(self.members[name], restored))
        for mate in self._mates(name):
            mate.watcher = watcher

    async def _watch(self, member: Member, restored: Callable[[], Awaitable[None]]) -> None:
        while True:
            status = await member.daemon.process.wait()
            if self._stopping:
                return
            if member.restarts >= self.restarts:
                self._fail(f"{member.name}: ended with status {status}; its log is {member.daemon.log}")
                return
            await asyncio.sleep(RESTART_PAUSE_S)  # in which the run may end because of this very death
            for mate in self._mates(member.name):
                mate.restarts += 1
            log.warning("%s ended with status %s; starting it again at %s", member.name, status, member.daemon.address)
            try:
                await self._start_again(member)
                await restored()
            except (local.LaunchError, grpc.aio.AioRpcError) as error:
                self._fail(f"{member.name}: could not be started again ({error}); its log is {member.daemon.log}")
                return

    async def _start_again(self, member: Member) -> None:
        listens = [word for address in member.daemon.addresses for word in ("--listen", address)]
        daemon = await local.start(member.name, member.module, [*member.arguments, *listens], member.daemon.log)
        for mate in self._mates(member.name):
            mate.daemon = daemon

    def _fail(self, sentence: str) -> None:
        if not self.failure.done():
            self.failure.set_exception(local.LaunchError(sentence))

    async def let_die(self) -> None:
        """Starts nothing again from now on."""
        watchers = {member.watcher for member in self.members.values() if member.watcher is not None}
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    async def stop(self) -> None:
        """Stops everything: nodes first, so that the emulator can deliver what it has."""
        self._stopping = True
        if self.failure.done():
            self.failure.exception()  # seen
        else:
            self.failure.cancel()
        await self.let_die()
        firsts = [member for member in self.members.values() if member.name == member.mates[0]]
        for is_last in (False, True):
            group = [member for member in firsts if (member.module == "emulator") is is_last]
            await asyncio.gather(*(member.daemon.stop() for member in group))
        await asyncio.gather(*(m.channel.close() for m in self.members.values()))
