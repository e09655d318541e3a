from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from edge.codecs import weights
from edge.codecs.vqvae2 import shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.train.cli_dncnn import train_dncnn

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, entries=16, dimension=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    tensors = TransmitterHalf(SHAPE).state_dict() | ReceiverHalf(SHAPE).state_dict()
    weights.write(tmp_path / "small.safetensors", tensors, shape_metadata(SHAPE))
    (tmp_path / "pictures").mkdir()
    for k in range(4):
        pixels = np.random.default_rng(k).integers(0, 256, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{k}.png")
    return tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    codec = ["--set", "scale=2", "--set", f"weights={folder / 'small.safetensors'}"]
    out = ["--out", str(folder / "dncnn-s2.safetensors")]
    return ["--data", str(folder / "pictures"), *codec, "--crop", "32", "--batch", "2", "--steps", "2", *out, *more]


def test_a_weight_file_says_what_it_is_for_learned_from_and_is_worth(folder: Path) -> None:
    held_out = ["--evaluate", str(folder / "pictures"), "--evaluate-crop", "32"]
    result = CliRunner().invoke(train_dncnn, arguments(folder, "--hold-out", "2", *held_out, "--json"))
    assert result.exit_code == 0, result.output
    metadata = weights.described(weights.read_metadata(folder / "dncnn-s2.safetensors"))
    assert json.loads(result.stdout)["metrics"] == metadata["metrics"]
    assert metadata["architecture"] == "dncnn"
    assert metadata["codec"]["options"]["scale"] == "2"
    assert metadata["data_sets"][0]["pictures"] == 2
    assert metadata["data_sets"][0]["hold_out"] == 2
    assert [at["snr_db"] for at in metadata["metrics"]["at"]] == [0.0, 10.0, 20.0]
    assert metadata["metrics"]["on"]["pictures"] == 4
    assert metadata["metrics"]["on"]["crop"] == 32


def test_the_command_is_kept_without_folders_and_with_every_default(folder: Path) -> None:
    result = CliRunner().invoke(train_dncnn, arguments(folder))
    assert result.exit_code == 0, result.output
    metadata = weights.read_metadata(folder / "dncnn-s2.safetensors")
    command = shlex.split(metadata["command"])
    assert command[:5] == ["edge-codec", "train", "dncnn", "--data", "pictures"]
    assert "scale=2" in command
    assert "weights=small.safetensors" in command
    assert command[command.index("--lowest-snr-db") + 1] == "0.0"
    assert str(folder) not in metadata["command"]
    assert "metrics" not in metadata  # nothing was held out to measure them on
    assert "no metrics" in result.stdout


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--codec", "raw"), "codec raw"),
        (("--lowest-snr-db", "30"), "lowest_snr_db: must be at most"),
        (("--set", "scale"), "--set scale: must be NAME=VALUE"),
        (("--crop", "64"), "no picture is at least 64x64"),
        (("--out", "dncnn.pt"), "--out: must end in .safetensors, got 'dncnn.pt'"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(folder: Path, more: tuple[str, ...], sentence: str) -> None:
    options = arguments(folder, *more)
    if "raw" in more:
        options = [word for word in options if not word.startswith(("scale=", "weights=")) and word != "--set"]
    result = CliRunner().invoke(train_dncnn, options)
    assert result.exit_code == 2
    assert sentence in result.output
    assert not (folder / "dncnn-s2.safetensors").exists()
