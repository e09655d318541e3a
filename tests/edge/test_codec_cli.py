from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge import images
from edge.codec_cli import main
from edge.codecs import weights
from edge.train.loop import Trainer

SIZE = ["--scale", "2", "--channels", "8", "--fine-channels", "8", "--crop", "16", "--batch", "2", "--threads", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(3):
        pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        (path / f"p{i}.png").write_bytes(images.png_bytes(pixels))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def train(folder: Path, out: Path, *more: object) -> Result:
    return run("train", "vqvae2", "--data", folder, *SIZE, "--out", out, "--json", *more)


def test_help_starts_without_torch() -> None:
    code = "import sys, edge.codec_cli; sys.exit('torch' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_list_shows_codecs_options_and_weights() -> None:
    listed = {codec["name"]: codec for codec in json.loads(run("list", "--json").stdout)["codecs"]}
    assert set(listed) >= {"autoencoder", "deepjscc", "raw", "vqvae", "vqvae2"}
    assert set(listed["vqvae2"]["options"]) >= {"scale", "top_scale", "carry", "requantize", "weights"}
    assert {w["shape"]["scale"] for w in listed["vqvae2"]["weights"]} >= {2, 4, 8, 16}
    text = run("list").stdout
    assert "vqvae2-s16.safetensors" in text
    assert "--set format=..." in text


def test_evaluate_counts_and_scores_every_picture(folder: Path) -> None:
    result = run("evaluate", "vqvae2", "--set", "scale=2", "--images", folder, "--crop", 16, "--limit", 2, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    (one,) = document["runs"]
    assert one["codec"]["name"] == "vqvae2"
    assert one["codec"]["options"]["scale"] == "2"
    assert [score["name"] for score in one["images"]] == ["p0.png", "p1.png"]
    assert {score["size_bits"] for score in one["images"]} == {(64 + 16) * 9}
    assert document["quality"] == [{"rho": 0.1171875, "psnr_db": one["mean"]["psnr_db"]}]
    assert one["mean"]["psnr_db"] == pytest.approx(np.mean([score["psnr_db"] for score in one["images"]]))


def test_evaluate_all_scales_gives_the_rate_quality_curve() -> None:
    document = json.loads(run("evaluate", "vqvae2", "--all-scales", "--limit", 2, "--crop", 128, "--json").stdout)
    assert [point["rho"] for point in document["quality"]] == [0.1171875 / 4**i for i in (3, 2, 1, 0)]
    assert [one["codec"]["options"]["scale"] for one in document["runs"]] == ["2", "4", "8", "16"]
    quality_db = [point["psnr_db"] for point in document["quality"]]
    assert quality_db == sorted(quality_db)


def test_a_perfect_copy_is_null_in_json_and_inf_for_people(folder: Path) -> None:
    arguments = ("evaluate", "raw", "--images", folder, "--crop", 0)
    document = json.loads(run(*arguments, "--json").stdout, parse_constant=pytest.fail)
    assert document["runs"][0]["mean"]["psnr_db"] is None
    assert "inf" in run(*arguments).stdout


def test_train_writes_a_described_file_that_evaluate_reads(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny.safetensors"
    result = train(folder, out, "--steps", 3, "--seed", 4, "--evaluate", folder, "--evaluate-crop", 16)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["command"].startswith(f"edge-codec train vqvae2 --data {folder.name} --crop 16 ")
    assert "--scale 2 --top-scale 2 --channels 8" in told["command"]
    assert "--seed 4" in told["command"]
    assert "/" not in told["command"]
    assert "step 3/3" in result.stderr
    scored = run("evaluate", "vqvae2", "--set", "scale=2", "--set", f"weights={out}", "--images", folder)
    assert scored.exit_code == 2  # 256 is larger than the pictures
    assert "smaller than the 256x256 crop" in scored.stderr
    scored = run(
        "evaluate", "vqvae2", "--set", "scale=2", "--set", f"weights={out}", "--images", folder, "--crop", 16, "--json"
    )
    mean = json.loads(scored.stdout)["runs"][0]["mean"]
    assert told["metrics"]["psnr_db"] == pytest.approx(mean["psnr_db"], abs=1e-3)
    assert told["metrics"]["rho"] == mean["rho"] == 0.1171875


@pytest.mark.parametrize(
    ("verb", "rho"),
    [
        (("vqvae", "--scale", 4, "--channels", 8, "--entries", 16, "--dimension", 16, "--feature-snr-db", 10), 1 / 96),
        (("deepjscc", "--channels", 12, "--filters", 8, "--snr-db", 10, "--image-snr-db", 20), 1 / 8),
        (("autoencoder", "--scale", 4, "--channels", 8, "--dimension", 12), 1 / 8),
        (("vqvae2", "--scale", 2, "--top-scale", 4, "--channels", 8, "--entries", 16), (1 / 4 + 1 / 64) / 6),
    ],
)
def test_every_verb_trains_and_scores_pictures_scaled_first(
    folder: Path, tmp_path: Path, verb: tuple[object, ...], rho: float
) -> None:
    arguments = ("--data", folder, "--resize", 32, "--hold-out", 3, "--batch", 2, "--crop", 16, "--steps", 2)
    scored = ("--evaluate", folder, "--evaluate-resize", 32, "--evaluate-crop", 0)
    out = tmp_path / "w.safetensors"
    result = run("train", *verb, *arguments, *scored, "--threads", 1, "--out", out, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["architecture"] == verb[0]
    assert told["metrics"]["rho"] == pytest.approx(rho)
    assert told["metrics"]["on"]["resize"] == 32
    assert (told["data_sets"][0]["pictures"], told["data_sets"][0]["hold_out"]) == (2, 3)
    again = run(
        "train", *verb, *arguments, "--threads", 1, "--out", tmp_path / "b.safetensors", "--from", out, "--json"
    )
    held = len(weights.read_tensors(out, ("",)))
    assert json.loads(again.stdout)["started_from"] == f"w.safetensors: {held} of {held} tensors"


def test_evaluate_can_scale_pictures_first(folder: Path) -> None:
    result = run("evaluate", "raw", "--images", folder, "--resize", 16, "--crop", 16, "--json")
    assert len(json.loads(result.stdout)["runs"][0]["images"]) == 3
    assert run("evaluate", "raw", "--images", folder, "--resize", 16, "--crop", 24).exit_code == 2


def test_ctrl_c_saves_and_the_same_command_goes_on_as_if_nothing_had_happened(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(folder, tmp_path / "straight.safetensors", "--steps", 6)
    step = Trainer.train_step

    def interrupted(self: Trainer) -> float:
        mse = step(self)
        if self.step == 4:
            signal.raise_signal(signal.SIGINT)
        return mse

    arguments = ("--steps", 6, "--checkpoint", tmp_path / "run.ckpt")
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", interrupted)
        stopped = train(folder, tmp_path / "resumed.safetensors", *arguments)
    assert stopped.exit_code == 130
    assert "Stopped at step 4 of 6; run.ckpt is saved" in stopped.stderr
    assert not (tmp_path / "resumed.safetensors").exists()
    resumed = train(folder, tmp_path / "resumed.safetensors", *arguments)
    assert resumed.exit_code == 0, resumed.stderr
    straight, again = (
        weights.read_tensors(tmp_path / f"{name}.safetensors", ("",)) for name in ("straight", "resumed")
    )
    assert all(straight[name].equal(again[name]) for name in straight)


def test_a_finished_checkpoint_is_only_exported(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("--steps", 2, "--checkpoint", tmp_path / "run.ckpt")
    first = train(folder, tmp_path / "a.safetensors", *arguments)
    monkeypatch.setattr(Trainer, "train_step", lambda self: pytest.fail("trained a finished run"))
    second = train(folder, tmp_path / "b.safetensors", *arguments)
    assert (first.exit_code, second.exit_code) == (0, 0)
    a, b = (weights.read_tensors(tmp_path / f"{name}.safetensors", ("",)) for name in "ab")
    assert all(a[name].equal(b[name]) for name in a)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "jpeg9"], "no codec named 'jpeg9'"),
        (["evaluate", "vqvae2", "--set", "scale"], "--set scale: must be KEY=VALUE"),
        (["evaluate", "vqvae2", "--set", "scale=3"], "codec.options.scale: must be one of"),
        (["evaluate", "vqvae2", "--set", "scale=2", "--all-scales"], "--all-scales: cannot be combined"),
        (["evaluate", "raw", "--all-scales"], "codec.options.scale: raw has no such option"),
        (["evaluate", "vqvae2", "--crop", "20"], "20x20 is not a multiple of 8"),
        (["evaluate", "raw", "--crop", "8"], "ssim: sides must be at least 11"),
        (["evaluate", "raw", "--images", "gone"], "gone: no such file or folder"),
        (["train", "vqvae2", "--data", "gone", "--out", "w.safetensors"], "gone: no such file or folder"),
        (["train", "deepjscc", "--data", "gone", "--out", "w.pt"], "--out: must end in .safetensors"),
        (
            ["train", "deepjscc", "--data", "gone", "--out", "w.safetensors", "--crop", "20"],
            "--crop: must be a multiple of 8 for this network, got 20",
        ),
        (["train", "vqvae2", "--data", "gone", "--out", "w.pt"], "--out: must end in .safetensors"),
        (
            ["train", "vqvae2", "--data", "gone", "--out", "w.safetensors", "--crop", "20"],
            "--crop: must be a multiple of 8 for this network, got 20",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_status_two(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_diverging_run_says_what_to_do(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(self: Trainer) -> float:
        raise FloatingPointError("step 7: the loss is nan; lower --learning-rate")

    monkeypatch.setattr(Trainer, "train_step", diverge)
    result = train(folder, tmp_path / "w.safetensors", "--steps", 9)
    assert result.exit_code == 2
    assert result.stderr == "Error: step 7: the loss is nan; lower --learning-rate\n"
