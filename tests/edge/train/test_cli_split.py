from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.codec_cli import main
from edge.codecs import weights
from emulator.bearers.mapper_network import LearnedMapper

SIZE = ("--channels", "8", "--fine-channels", "8", "--blocks", "1")
RUN = ("--crop", "16", "--batch", "2", "--threads", "1")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "small.npz"
    pixels = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    np.savez(path, train_x=pixels[:4], test_x=pixels[4:])
    return path


@pytest.fixture(scope="module")
def codec(pictures: Path) -> Path:
    out = pictures.parent / "split.safetensors"
    scored = ("--evaluate", pictures, "--evaluate-crop", 16)
    result = run("split", "--data", pictures, *scored, *RUN, *SIZE, "--steps", 2, "--out", out)
    assert result.exit_code == 0, result.output
    assert "dB over its medium" in result.output
    return out


def test_the_file_has_both_scores(codec: Path, pictures: Path) -> None:
    told = weights.described(weights.read_metadata(codec))
    assert told["metrics"]["rho"] == pytest.approx(40 / 16 / 24)
    assert told["medium_metrics"]["pictures"] == 2
    assert 0 < told["medium_metrics"]["psnr_db"] < 60
    assert told["command"].startswith(f"edge-codec train split --data {pictures.name} ")


def test_a_channel_mapper_is_scored_over_the_air(codec: Path, pictures: Path, tmp_path: Path) -> None:
    out, scored = tmp_path / "mapper.safetensors", ("--evaluate", pictures, "--evaluate-crop", 16)
    size = ("--channels", 8, "--blocks", 1, "--symbols", 64, "--snr-db", 7)
    arguments = ("channel-mapper", "--codec", codec, "--data", pictures, *RUN, *size, "--steps", 2)
    result = run(*arguments, *scored, "--out", out)
    assert result.exit_code == 0, result.output
    told = weights.described(LearnedMapper.load(out).metadata)
    assert [point["snr_db"] for point in told["metrics"]["curve"]] == [7, 0, 5, 10, 15, 20]
    assert told["metrics"]["rho"] == pytest.approx(1 / 48)
    assert told["demapper"] == weights.read_metadata(codec)["demapper"]
    other = run(*arguments, "--from", out, "--symbols", 128, "--out", tmp_path / "other.safetensors")
    assert other.exit_code == 0, other.output
    assert (
        LearnedMapper.load(tmp_path / "other.safetensors").metadata["started_from"].startswith("mapper.safetensors: ")
    )


def test_the_estimators_are_compared_at_equal_time(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "curve.json"
    result = run(
        "split-estimators", "--data", pictures, "--seconds", 1, "--every", 1, "--crop", 16, "--batch", 2,
        "--samples", 2, *SIZE, "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    curves = json.loads(out.read_text())["curves"]
    assert set(curves) == {"straight-through", "vimco"}
    assert all(curve[-1]["cpu_s"] >= 1 and curve[-1]["step"] > 0 for curve in curves.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("split", "--bits", "25"), "bits: must be a multiple of the 10 levels, got 25"),
        (("split", "--image-snr-db", "10"), "--image-snr-db: this training has no noise on the picture"),
        (("split", "--worst-ber", "0.001", "--best-ber", "0.1"), "best: must be above 0 and at most worst"),
        (("channel-mapper", "--symbols", "60"), "symbols: must be a multiple of 16"),
        (("channel-mapper", "--codec", "gone.safetensors"), "no such file"),
        (("channel-mapper", "--crop", "20"), "--crop: must be a multiple of 8"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    codec: Path, pictures: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = arguments if arguments[0] == "split" or "--codec" in arguments else (*arguments, "--codec", codec)
    common = [] if "--crop" in arguments else ["--crop", 16]
    result = run(*given, "--data", pictures, *common, "--steps", 1, "--out", tmp_path / "w.safetensors")
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not list(tmp_path.iterdir())
