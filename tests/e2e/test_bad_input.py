"""Bad input at the level of the command: exit status 2, one sentence on standard error, nothing left running."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from PIL import Image
from processes import Yard

LINK = {"name": "air", "from": "tx", "to": "rx", "rate_bps": 1_000_000}
VQVAE2 = {"tx": {"role": "tx"}, "rx": {"role": "rx", "codec": {"name": "vqvae2", "scale": 4}}}


def test_a_topology_that_cannot_be_is_refused_by_file_line_and_key(yard: Yard) -> None:
    """One of the many that tests/emulator/test_topology_errors.py knows."""
    scenario = yard.scenario(links=[LINK, {**LINK, "name": "b", "to": "tx"}])
    outcome = yard.run(scenario)
    assert re.search(f"^{re.escape(str(scenario))}:\\d+: links\\[1\\].to\\S*: .*cycle", outcome.refusal)
    assert not outcome.out.exists()


@pytest.fixture
def unusable(yard: Yard) -> dict[str, Path]:
    """Pictures that cannot be sent."""
    small = yard.pictures(1, side=16, folder="small")
    damaged = yard.folder / "damaged"
    damaged.mkdir()
    whole = (small / "0.png").read_bytes()
    (damaged / "cut.png").write_bytes(whole[: len(whole) // 2])
    return {"small": small, "damaged": damaged, "missing": yard.folder / "missing"}


@pytest.mark.parametrize(
    ("images", "crop", "sentence"),
    [
        ("missing", None, "missing: no such file or folder"),
        ("damaged", None, "cut.png: not a readable image"),
        ("small", 64, "0.png: 16x16 is smaller than the 64x64 crop"),
    ],
)
def test_pictures_that_cannot_be_sent_are_refused_before_anything_starts(
    yard: Yard, unusable: dict[str, Path], images: str, crop: int | None, sentence: str
) -> None:
    scenario = yard.scenario(workload=[{"transmit": {"to": "all", "crop": crop}}])
    outcome = yard.run(scenario, "--images", unusable[images])
    assert sentence in outcome.refusal
    assert not (outcome.out / "logs").exists()


def test_a_folder_that_cannot_be_written_is_refused(yard: Yard) -> None:
    (yard.folder / "file").write_text("in the way")
    outcome = yard.run(yard.scenario(), "--images", yard.pictures(1), out="file/out")
    assert "--out" in outcome.refusal


def test_a_picture_that_does_not_fit_the_codec_is_refused_by_the_sender(yard: Yard) -> None:
    outcome = yard.run(yard.scenario(nodes=VQVAE2, workload=[{"transmit": {"to": "all", "crop": 250}}]), "--limit", 1)
    assert "250x250 is not a multiple of 8" in outcome.refusal


def test_weights_that_are_cut_short_are_refused(yard: Yard) -> None:
    weights = yard.folder / "cut.safetensors"
    from edge.codecs.weights import shipped_folder

    weights.write_bytes((shipped_folder() / "vqvae2-s4.safetensors").read_bytes()[:50_000])
    outcome = yard.run(yard.scenario(nodes=VQVAE2), "--limit", 1, "--set", f"nodes.rx.codec.weights={weights}")
    assert "cut.safetensors: not a readable safetensors file" in outcome.refusal


def test_two_ends_with_different_codecs_are_refused_with_both_names(yard: Yard) -> None:
    nodes = {
        "tx": {"role": "tx", "codec": {"name": "raw", "format": "webp"}},
        "rx": {"role": "rx", "codec": {"name": "raw", "format": "png"}},
    }
    sentence = yard.run(yard.scenario(nodes=nodes), "--images", yard.pictures(1)).refusal
    for word in ("tx", "rx", "raw", "webp", "png"):
        assert word in sentence


def test_a_picture_larger_than_a_message_is_refused(yard: Yard) -> None:
    pictures = yard.pictures(1, side=1600)  # of noise: 7.7 MB as PNG
    assert "0.png: " in (sentence := yard.run(yard.scenario(), "--images", pictures).refusal)
    assert "set a smaller crop" in sentence


def test_a_picture_of_too_many_pixels_is_refused_by_hand_too(yard: Yard) -> None:
    Image.new("L", (10_000, 10_000)).save(yard.folder / "vast.png")
    emulator = yard.daemon("emulator", "serve", "--topology", yard.scenario())
    sender = yard.command(
        *("edge.node", "--role", "tx", "--name", "tx", "--emulator", emulator.address, "--codec", "raw", "--to", "rx"),
        *("--send", yard.folder / "vast.png"),
    )
    assert "vast.png" in sender.refusal
    assert "10000x10000" in sender.refusal


def test_a_port_in_use_is_refused_by_every_daemon(yard: Yard) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        address = f"127.0.0.1:{held.getsockname()[1]}"
        commands = [
            ("emulator", "serve", "--listen", address),
            ("optimizer", "serve", "--listen", address),
            ("edge.node", "--role", "rx", "--name", "rx", "--emulator", address, "--listen", address),
        ]
        started = [yard.start(*command) for command in commands]
        for process in started:
            assert f"--listen {address}: cannot bind" in yard.outcome(process, yard.folder).refusal
