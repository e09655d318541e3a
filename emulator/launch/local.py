"""Daemons as child processes on this machine: start, wait until they say where they serve, stop, notice their death."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SERVING_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0


class LaunchError(Exception):
    """A daemon that did not come up; the message is the daemon's own last word."""


@dataclass
class Daemon:
    """A running child. addresses: where it serves, HOST:PORT, one for each node that it runs."""

    name: str
    addresses: list[str]
    process: asyncio.subprocess.Process
    log: Path

    @property
    def address(self) -> str:
        """Of the only node, or the first."""
        return self.addresses[0]

    @property
    def pid(self) -> int:
        return self.process.pid

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when that does not help."""
        _send(self.process, signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            await _kill(self.process)


async def start(name: str, module: str, arguments: Sequence[str], log: Path) -> Daemon:
    """Runs `python -m module arguments` and waits for its serving line. Its standard error goes to `log`. A controller
    that is killed outright leaves no daemon behind.

    Raises LaunchError with the last line of the log when it exits or stays silent.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stderr:
        command = [sys.executable, "-m", "emulator.launch.child", str(os.getpid()), module, *arguments]
        process = await _spawn(command, stderr)
    assert process.stdout is not None  # it was asked for
    try:
        line = await asyncio.wait_for(process.stdout.readline(), SERVING_TIMEOUT_S)
        serving = json.loads(line)["serving"]
        return Daemon(name, serving if isinstance(serving, list) else [str(serving)], process, log)
    except (TimeoutError, ValueError, KeyError, TypeError) as error:
        await _kill(process)
        raise LaunchError(f"{name}: did not start: {_last_line(log) or 'no word on its standard error'}") from error
    except asyncio.CancelledError:
        await _kill(process)
        raise


def _send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Not process.send_signal: that looks whether the child has ended, and takes its status from asyncio's watcher."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def _kill(process: asyncio.subprocess.Process) -> None:
    _send(process, signal.SIGKILL)
    await process.wait()


async def _spawn(command: list[str], stderr: IO[bytes]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,  # Ctrl-C is for the controller, which then stops its children in order
        env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
