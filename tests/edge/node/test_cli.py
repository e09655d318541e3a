"""`edge-node` by hand, as processes: what is printed, what is saved, how it ends, and that SIGKILL loses nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fake_emulator import FakeEmulator, eventually, picture, pixels, png

from edge.node.cli import main
from edge.v1 import packet_pb2

ROOT = Path(__file__).parents[3]
DEADLINE_S = 30.0


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge.node", *arguments, stdout=PIPE, stderr=PIPE, cwd=ROOT
    )


async def start_rx(emulator: FakeEmulator, *arguments: str) -> Process:
    """A receiver that is attached."""
    before = emulator.instances.get("rx")
    rx = await start("--role", "rx", "--name", "rx", "--emulator", emulator.address, "--codec", "raw", *arguments)
    assert rx.stdout is not None
    assert json.loads(await asyncio.wait_for(rx.stdout.readline(), DEADLINE_S))["serving"].startswith("127.0.0.1:")
    await eventually(lambda: emulator.instances.get("rx") not in (None, before), DEADLINE_S)
    return rx


async def run_tx(emulator: FakeEmulator, *arguments: str) -> tuple[int, str, str]:
    """A whole tx process: exit status, standard output, standard error."""
    tx = await start(
        *("--role", "tx", "--name", "tx", "--emulator", emulator.address, "--codec", "raw", "--to", "rx"), *arguments
    )
    out, err = await asyncio.wait_for(tx.communicate(), DEADLINE_S)
    assert tx.returncode is not None
    return tx.returncode, out.decode(), err.decode()


async def end(process: Process) -> int:
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode is not None
    return process.returncode


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of three pictures."""
    folder = tmp_path / "album"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.png").write_bytes(png(picture(seed, side=40)))
    return folder


def test_pictures_are_sent_printed_and_saved(album: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator(credit_bytes=65536).start()
        rx = await start_rx(emulator, "--save", str(tmp_path / "saved"))
        status, out, err = await run_tx(emulator, "--send", str(album), "--crop", "24", "--limit", "2")
        assert (status, err) == (0, "")
        for name in ("0.png", "1.png"):
            assert f"{name}: sent, " in out
            assert f"{name} -> rx: complete, " in out
        assert "2.png" not in out
        first = ("--first-message-id", "5")
        status, out, _ = await run_tx(emulator, "--send", str(album), "--limit", "1", "--json", *first)
        sent, receipt = (json.loads(line) for line in out.splitlines())
        assert status == 0
        assert (sent["event"], sent["picture"], sent["message_id"]) == ("sent", "0.png", 5)
        assert (receipt["event"], receipt["destination"], receipt["status"]) == ("receipt", "rx", "complete")
        assert await end(rx) == 0
        saved = sorted((tmp_path / "saved").iterdir(), key=lambda path: int(path.stem.split("-")[1]))
        assert saved[0].name == "tx-5.png"
        for path, seed, crop in zip(saved, (0, 0, 1), (slice(None), slice(8, 32), slice(8, 32)), strict=True):
            np.testing.assert_array_equal(pixels(path.read_bytes()), picture(seed, side=40)[crop, crop])
        await emulator.kill()

    asyncio.run(scenario())


def test_another_codec_at_the_receiver_ends_with_status_2_and_both_names(album: Path) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx = await start_rx(emulator, "--set", "format=webp")
        status, out, err = await run_tx(emulator, "--send", str(album))
        assert (status, out) == (2, "")
        assert "rx has raw(format=webp)" in err
        assert "tx has raw(format=png)" in err
        assert emulator.heads == []
        assert await end(rx) == 0
        await emulator.kill()

    asyncio.run(scenario())


def test_a_picture_that_cannot_be_decoded_ends_with_status_1(album: Path) -> None:
    def spoil(frame: packet_pb2.Frame) -> None:
        if frame.WhichOneof("frame") == "head":
            frame.head.segments[0].kind = packet_pb2.SEGMENT_KIND_BITS

    async def scenario() -> None:
        emulator = await FakeEmulator(credit_bytes=65536).start()
        emulator.watch = spoil
        rx = await start_rx(emulator)
        status, out, _ = await run_tx(emulator, "--send", str(album), "--limit", "1")
        assert status == 1
        assert "0.png -> rx: failed: raw: expected 1 OPAQUE segment" in out
        assert await end(rx) == 0
        await emulator.kill()

    asyncio.run(scenario())


def test_a_receiver_from_one_source_refuses_another(album: Path) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx = await start_rx(emulator, "--from", "bs")
        status, _, err = await run_tx(emulator, "--send", str(album))
        assert status == 2
        assert "rx does not receive from tx" in err
        assert await end(rx) == 0
        await emulator.kill()

    asyncio.run(scenario())


def test_a_killed_receiver_knows_what_it_answered_for_and_gets_the_rest(album: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator(credit_bytes=65536).start()
        state, saved = str(tmp_path / "state"), tmp_path / "saved"
        first = await start_rx(emulator, "--state", state, "--save", str(saved))
        emulator.receipts_pass = False  # the source must learn of messages 0 and 1 from the second process
        emulator.under_way = lambda message_id: message_id == 2
        sending = asyncio.create_task(run_tx(emulator, "--send", str(album), "--json", "--first-message-id", "0"))
        await eventually(lambda: len(emulator.receipts) == 2, DEADLINE_S)
        first.kill()
        await first.communicate()
        emulator.receipts_pass = True
        emulator.under_way = lambda message_id: False
        second = await start_rx(emulator, "--state", state, "--save", str(saved))
        status, out, _ = await sending
        receipts = [line for line in map(json.loads, out.splitlines()) if line["event"] == "receipt"]
        assert status == 0
        assert sorted(r["message_id"] for r in receipts) == [0, 1, 2]
        assert all(r["status"] == "complete" for r in receipts)
        second.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(second.communicate(), DEADLINE_S)
        assert [n for n in range(3) if f"message {n}: received" in err.decode()] == [2]
        assert sorted(path.name for path in saved.iterdir()) == ["tx-0.png", "tx-1.png", "tx-2.png"]
        await emulator.kill()

    asyncio.run(scenario())


def test_an_unknown_name_ends_with_status_2() -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator(["tx"]).start()
        rx = await start("--role", "rx", "--name", "stranger", "--emulator", emulator.address)
        _, err = await asyncio.wait_for(rx.communicate(), DEADLINE_S)
        assert rx.returncode == 2
        assert b"--name stranger" in err
        assert b"Traceback" not in err
        await emulator.kill()

    asyncio.run(scenario())


TX = ["--role", "tx", "--name", "tx", "--emulator", "127.0.0.1:1"]
RX = ["--role", "rx", "--name", "rx", "--emulator", "127.0.0.1:1"]
SEND = [*TX, "--codec", "raw", "--to", "rx", "--send"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*TX[:4], "--emulator", "nowhere"], "--emulator: address 'nowhere': must be HOST:PORT"),
        (["--role", "rx", "--name", "a/b", "--emulator", "127.0.0.1:1"], "--name: must be"),
        ([*RX, "--listen", "0.0.0.0:0"], "--listen 0.0.0.0:0: is not a loopback address"),
        ([*RX, "--send", "sample"], "--send, --to: are for --role tx"),
        ([*TX, "--save", "x"], "--from, --save: are for --role rx"),
        ([*TX, "--send", "sample"], "--send: needs --codec NAME and --to NAME"),
        ([*TX, "--codec", "raw"], "--codec, --to: a tx that is not controlled needs both"),
        ([*SEND, "sample", "--to", "rx"], "--to: the same node twice"),
        ([*RX, "--codec", "raw", "--set", "format"], "--set format: must be KEY=VALUE"),
        ([*RX, "--codec", "raw", "--set", "format=gif"], "codec.options.format: must be one of"),
        ([*RX, "--codec", "nothing"], "no codec named 'nothing'"),
        ([*RX, "--packet-bytes", "1"], "--packet-bytes: must be at least 16"),
        ([*RX, "--run-bytes", "512"], "--run-bytes: must be from --packet-bytes (1024)"),
        ([*SEND, "/no/such/album"], "/no/such/album: no such file or folder"),
        ([*SEND, "sample", "--crop", "5000"], "is smaller than the 5000x5000 crop"),
        ([*SEND, __file__], "not a readable image"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_status_2(arguments: Sequence[str], sentence: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("edge-node: ")
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_listening_port_in_use_is_named() -> None:
    async def scenario() -> None:
        emulator = await FakeEmulator().start()
        rx = await start("--role", "rx", "--name", "rx", "--emulator", emulator.address, "--listen", emulator.address)
        _, err = await asyncio.wait_for(rx.communicate(), DEADLINE_S)
        assert rx.returncode == 2
        assert f"--listen {emulator.address}: cannot bind" in err.decode()
        await emulator.kill()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--role", "tx", "--name", "b"], "--name: several are for receivers with a controller"),
        (["--role", "rx", "--name", "b", "--codec", "raw"], "--name: several are for receivers with a controller"),
        (["--role", "rx", "--name", "a"], "--name: the same name twice (a, a); name each once"),
        (
            ["--role", "rx", "--name", "b", "--listen", "127.0.0.1:7"],
            "--listen: 1 addresses for 2 names; give one for each, or one with port 0",
        ),
    ],
)
def test_several_names_are_for_controlled_receivers(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(main, ["--name", "a", "--emulator", "127.0.0.1:1", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
