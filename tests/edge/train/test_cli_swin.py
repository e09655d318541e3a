from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.codec_cli import main
from edge.codecs import weights
from edge.codecs.swin_network import VARIANTS
from edge.train import cli_swin
from edge.train.multiuser import PROCEDURES

SIZE = ("--shrink", 4, "--width", 8, "--growth", 4, "--head", 4, "--window", 2, "--widening", 1)
RUN = ("--crop", 16, "--batch", 2, "--threads", 1, "--steps", 2, "--epoch-steps", 1)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", "swin", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "small.npz"
    pixels = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)
    np.savez(path, train_x=pixels[:4], test_x=pixels[4:])
    return path


@pytest.fixture(scope="module")
def high(pictures: Path) -> Path:
    """The first half of the proposed procedure."""
    out = pictures.parent / "high.safetensors"
    result = run("--decoder", "high", "--data", pictures, *RUN, *SIZE, "--out", out)
    assert result.exit_code == 0, result.output
    return out


def test_the_names_are_those_of_the_library() -> None:
    assert cli_swin.PROCEDURES == PROCEDURES
    assert tuple(VARIANTS) == cli_swin.DECODERS


def test_the_second_half_adds_a_decoder_a_curve_and_scores(pictures: Path, high: Path, tmp_path: Path) -> None:
    out, curve = tmp_path / "both.safetensors", tmp_path / "curve.json"
    scored = ("--evaluate", pictures, "--evaluate-crop", 16, "--score-limit", 2, "--curve", curve)
    result = run(
        "--procedure", "distill", "--taught", high, "--alpha", 0.5, "--data", pictures, *RUN, *scored, "--out", out
    )
    assert result.exit_code == 0, result.output
    told = weights.described(weights.read_metadata(out))
    assert told["decoders"] == ["high", "low"]
    assert told["metrics"]["rho"] == pytest.approx(1 / 16)
    assert told["training"]["procedure"]["alpha"] == 0.5
    assert told["awgn_metrics"]["pictures"] == 2
    found = [(point["decoder"], point["snr_db"]) for point in told["awgn_metrics"]["points"]]
    assert found == [(decoder, snr) for decoder in ("low", "high") for snr in (1, 3, 5, 7)]
    assert told["started_from"] == "high.safetensors: encoder and its decoders, frozen"
    assert told["command"].startswith(f"edge-codec train swin --data {pictures.name} ")
    (before,) = told["history"]
    assert before["command"].startswith("edge-codec train swin ")
    assert before["training"]["procedure"]["decoders"] == ["high"]
    written = json.loads(curve.read_text())
    assert [point["epoch"] for point in written["points"]] == [1, 2]
    assert written["about"]["procedure"]["alpha"] == 0.5


def test_decoders_in_turns_have_the_steps_each(pictures: Path, tmp_path: Path) -> None:
    curve = tmp_path / "curve.json"
    scored = ("--evaluate", pictures, "--evaluate-crop", 16, "--curve", curve)
    arguments = ("--procedure", "iterative", "--data", pictures, *RUN, *SIZE, *scored)
    result = run(*arguments, "--out", tmp_path / "w.safetensors", "--checkpoint", tmp_path / "w.ckpt")
    assert result.exit_code == 0, result.output
    points = json.loads(curve.read_text())["points"]
    assert [(point["epoch"], point["step"]) for point in points] == [(1, 2), (2, 4)]
    again = run(*arguments, "--out", tmp_path / "again.safetensors", "--checkpoint", tmp_path / "w.ckpt")
    assert again.exit_code == 0, again.output
    assert json.loads(curve.read_text())["points"] == points


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--procedure", "proposed"), "taught: this procedure needs trained weights to begin from"),
        (("--procedure", "distill", "--taught", "HIGH", "--width", 16), "--width: the taught weights have their size"),
        (("--procedure", "transfer", "--decoder", "lowest", "--taught", "HIGH"), "transfer: decoders 'high' and"),
        (("--procedure", "proposed", "--taught", "HIGH", "--from", "HIGH"), "--from: 'proposed' begins from --taught"),
        (("--taught", "HIGH"), "taught: this procedure begins from random weights"),
        (("--taught", "gone.safetensors", "--procedure", "proposed"), "no such file"),
        (("--alpha", 2), "alpha: 'alone' does not distil"),
        (("--snrs-db", "1,loud"), "--snrs-db: must be numbers of dB with commas between, got 'loud'"),
        (("--snrs-db", "1,inf"), "snrs_db: must be finite numbers of dB"),
        (("--image-snr-db", 10), "--image-snr-db: this training has no noise on the picture"),
        (("--curve", "c.json"), "--curve: there is nothing to score; give --evaluate"),
        (("--epoch-steps", 3), "epoch_steps: 2 steps are no whole number of epochs of 3"),
        (("--shrink", 16, "--crop", 24), "--crop: must be a multiple of 16 for this network, got 24"),
        (("--head", 16), "head: must divide width 8 and growth 4, got 16"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_status_2(
    pictures: Path, high: Path, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    size = () if "--taught" in arguments and "--procedure" in arguments else SIZE
    given = [high if argument == "HIGH" else argument for argument in arguments]
    result = run("--data", pictures, *RUN, *size, *given, "--out", tmp_path / "w.safetensors")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
