from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from edge.codec_cli import main
from edge.codecs import weights
from edge.codecs.smrc_file import read_shape

RUN = ("--batch", 4, "--channels", 4, "--threads", 1, "--raw-steps", 1, "--codec-steps", 2, "--extractor-steps", 1)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "small.npz"
    pixels = np.random.default_rng(0).integers(0, 256, (18, 12, 12), dtype=np.uint8)
    labels = (np.arange(18) % 3).astype(np.uint8)
    np.savez(path, train_x=pixels, train_y=labels, test_x=pixels[:5], test_y=labels[:5])
    return path


def test_from_raw_pictures_to_a_scored_file(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "w.safetensors"
    result = run(
        "smrc",
        "--data",
        pictures,
        "--evaluate",
        pictures,
        *RUN,
        "--symbols",
        5,
        "--weighing",
        "--steps",
        4,
        "--out",
        out,
        "--json",
    )
    assert result.exit_code == 0, result.output
    told = weights.described(weights.read_metadata(out))
    assert read_shape(out).weighing
    assert json.loads(result.stdout)["air_metrics"] == told["air_metrics"]
    assert told["metrics"]["rho"] == pytest.approx(10 / (3 * 12 * 12))
    curve = told["air_metrics"]["curve"]
    assert [point["snr_db"] for point in curve] == [0, 3, 6, 9, 12]
    assert [[head["layer"] for head in point["heads"]] for point in curve] == [[1, 2]] * 5
    assert all(0 <= head["accuracy"] <= 1 and len(head["recall"]) == 3 for head in curve[0]["heads"])
    assert told["command"].startswith(f"edge-codec train smrc --data {pictures.name} ")


@pytest.mark.parametrize("alike", [False, True])
def test_extractors_that_begin_alike_learn_the_same_from_raw_pictures(
    pictures: Path, tmp_path: Path, alike: bool
) -> None:
    out = tmp_path / "w.safetensors"
    turns = ("--raw-steps", 2, "--steps", 2, *(["--alike"] if alike else []))  # no turn but the first
    result = run("smrc", "--data", pictures, *RUN, *turns, "--out", out)
    assert result.exit_code == 0, result.output
    tensors = weights.read_tensors(out, ("extractor.",))
    first, second = ({n: v for n, v in tensors.items() if n.startswith(f"extractor.{block}.")} for block in (0, 1))
    equal = [torch.equal(value, second[name.replace(".0.", ".1.", 1)]) for name, value in first.items()]
    assert all(equal) is alike


def test_heads_of_a_file_begin_from_other_weights_and_go_on_from_a_checkpoint(pictures: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base.safetensors", tmp_path / "w.safetensors"
    assert run("smrc", "--data", pictures, *RUN, "--steps", 3, "--out", base).exit_code == 0
    heads = tmp_path / "heads.yaml"
    heads.write_text("- {layer: 1}\n- {layer: 2, alpha: 1}\n- {layer: 2, alpha: 0, classes: [[0], [1, 2]]}\n")
    more = ("--heads", heads, "--from", base, "--k-factor", 0, "--checkpoint", tmp_path / "c.ckpt", "--steps", 3)
    for _ in range(2):  # the second is only exported
        result = run("smrc", "--data", pictures, *RUN, *more, "--out", out)
        assert result.exit_code == 0, result.output
    shape = read_shape(out)
    assert [(head.layer, head.symbols, len(head.groups)) for head in shape.heads] == [
        (1, 20, 3),
        (2, 20, 3),
        (2, 20, 2),
    ]
    assert weights.read_metadata(out)["started_from"].startswith("base.safetensors: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--side", "14"), "side: must be a positive multiple of 4, got 14"),
        (("--alpha", "2"), r"heads[0].alpha: must be in [0, 1], got 2"),
        (("--snr-db", "5", "0"), "snr_db: must be two finite numbers, the lower first"),
        (("--heads", "gone.yaml"), "--heads: gone.yaml is not a readable YAML file"),
        (("--from", "gone.safetensors"), "gone.safetensors: not a readable safetensors file"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    pictures: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run("smrc", "--data", pictures, *arguments, "--steps", 1, "--out", tmp_path / "w.safetensors")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
