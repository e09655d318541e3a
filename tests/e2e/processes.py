"""Real processes for tests: started with a mark in their environment, by which they and their children are found again.

Every wait has a generous limit, because the machine may be busy, and ends as soon as what it waits for has happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from emulator.report.schema import Report, parse

PATIENCE_S = 300.0
MARK = "SEMEDGE_TEST_MARK"
ROOT = Path(__file__).resolve().parents[2]


def wait_until(happened: Callable[[], Any], what: str, limit_s: float = PATIENCE_S) -> Any:
    """The first true value that `happened` gives. Fails the test when none comes."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if value := happened():
            return value
        time.sleep(0.02)
    pytest.fail(f"waited {limit_s:g} s in vain until {what}")


def one_sentence(stderr: str) -> str:
    """The single line that a refused command leaves on standard error."""
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    return lines[0]


@dataclass
class Outcome:
    """What a command left: exit status, streams, and the report's folder."""

    status: int
    stdout: str
    stderr: str
    out: Path

    @property
    def report(self) -> Report:
        """The report in the folder."""
        return parse((self.out / "report.json").read_bytes(), "report.json")

    @property
    def refusal(self) -> str:
        """The one sentence of a command that refused: exit status 2, nothing on standard output."""
        assert (self.status, self.stdout) == (2, ""), self
        return one_sentence(self.stderr)


@dataclass
class Process:
    """A process of the test's, its output in files."""

    popen: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def said(self) -> list[str]:
        """Whole lines on standard output so far."""
        return self.stdout.read_text().splitlines()

    def wait(self, limit_s: float = PATIENCE_S) -> int:
        """The exit status."""
        return self.popen.wait(limit_s)

    def kill(self) -> None:
        """SIGKILL: the process has no say in it."""
        self.popen.kill()
        self.popen.wait(PATIENCE_S)


@dataclass
class Daemon(Process):
    """A process that serves at `address`."""

    address: str = ""


@dataclass
class Yard:
    """The processes of one test, and its files."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    _started: list[Process] = field(default_factory=list)

    # -- commands --------------------------------------------------------------------------------------------------

    def start(self, module: str, *arguments: object) -> Process:
        """`python -m module arguments`, in the test's folder."""
        return self._start(Process, module, arguments)

    def _start(self, kind: type[Process], module: str, arguments: Sequence[object]) -> Process:
        number = len(self._started)
        stdout, stderr = self.folder / f"{number}.stdout", self.folder / f"{number}.stderr"
        command = [sys.executable, "-m", module, *map(str, arguments)]
        environment = {**os.environ, MARK: self.mark, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes: each module is compiled once
        with stdout.open("wb") as out, stderr.open("wb") as err:
            popen = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
            )
        process = kind(popen, stdout, stderr)
        self._started.append(process)
        return process

    def daemon(self, module: str, *arguments: object) -> Daemon:
        """Starts a daemon and waits until it serves."""
        daemon = self._start(Daemon, module, arguments)
        assert isinstance(daemon, Daemon)

        def serving() -> bool:
            if daemon.popen.poll() is not None:
                pytest.fail(f"{module} ended: {daemon.stderr.read_text()}")
            return bool(daemon.said())

        wait_until(serving, f"{module} serves")
        daemon.address = json.loads(daemon.said()[0])["serving"]
        return daemon

    def command(self, module: str, *arguments: object) -> Outcome:
        """Runs a command to its end."""
        return self.outcome(self.start(module, *arguments), self.folder)

    def begin_run(self, scenario: object, *arguments: object, out: str = "out") -> tuple[Process, Path]:
        """`edge-emulator run scenario --json`, with its report in `out`."""
        folder = self.folder / out
        return self.start("emulator", "run", scenario, "--json", "--out", folder, *arguments), folder

    def run(self, scenario: object, *arguments: object, out: str = "out") -> Outcome:
        """The same, to its end: by then its processes must be gone."""
        return self.end_run(*self.begin_run(scenario, *arguments, out=out))

    def end_run(self, process: Process, folder: Path) -> Outcome:
        """Waits for a run's end. It leaves no process and no state behind."""
        outcome = self.outcome(process, folder)
        assert self.alive() == []
        assert not list(folder.glob("state*"))
        return outcome

    def outcome(self, process: Process, folder: Path) -> Outcome:
        status = process.wait()
        return Outcome(status, process.stdout.read_text(), process.stderr.read_text(), folder)

    # -- what is alive ---------------------------------------------------------------------------------------------

    def alive(self) -> list[tuple[int, str]]:
        """(process id, command line) of every process of this test: its own and their descendants."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                marked = f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes()
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # ended meanwhile, or is not ours to look at
                continue
            if marked and words != [""]:  # a zombie has no command line
                found.append((int(entry.name), " ".join(words).strip()))
        return sorted(found)

    def child(self, *words: str) -> int | None:
        """Process id of the daemon that a run started with these words on its command line; None when there is none."""
        for pid, line in self.alive():
            if "emulator.launch.child" in line and all(word in line for word in words):
                return pid
        return None

    def kill_child(self, *words: str) -> int:
        """Kills such a daemon (SIGKILL) and gives its process id."""
        pid = self.child(*words)
        assert pid is not None, words
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> None:
        """Ends what the test started and has not ended itself."""
        for process in self._started:
            if process.popen.poll() is None:
                process.popen.terminate()
        for process in self._started:
            process.wait()

    def stop_one(self, process: Process) -> None:
        """Ends a process in order."""
        process.popen.terminate()
        assert process.wait() == 0

    def kill(self) -> None:
        """Leaves nothing, whatever happened."""
        for pid, _ in self.alive():
            os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.wait()

    # -- files -----------------------------------------------------------------------------------------------------

    def scenario(self, **keys: object) -> Path:
        """A topology file: one tx, one rx, codec raw, a link of 1 Mbit/s and 10 ms, whole pictures; `keys` replace."""
        body: dict[str, object] = {
            "version": 1,
            "name": "small",
            "seed": 3,
            "clock": "virtual",
            "nodes": {"tx": {"role": "tx"}, "rx": {"role": "rx", "codec": {"name": "raw"}}},
            "links": [{"name": "air", "from": "tx", "to": "rx", "rate_bps": 1_000_000, "delay_s": 0.01}],
            "workload": [{"transmit": {"to": "all", "crop": None}}],
        }
        file = self.folder / "small.yaml"
        file.write_text(json.dumps({**body, **keys}, indent=1))  # JSON is YAML
        return file

    def pictures(self, count: int = 3, side: int = 64, folder: str = "pictures") -> Path:
        """A folder of noise, which no file format makes smaller."""
        where = self.folder / folder
        where.mkdir()
        rng = np.random.default_rng(side)
        for i in range(count):
            Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(where / f"{i}.png")
        return where


def raw_nodes(receivers: int, **more: Mapping[str, object]) -> dict[str, object]:
    """tx, rx1 to rxN with the codec raw, and more."""
    nodes: dict[str, object] = {"tx": {"role": "tx"}}
    for number in range(1, receivers + 1):
        nodes[f"rx{number}"] = {"role": "rx", "codec": {"name": "raw"}}
    return {**nodes, **more}
