"""Training of SLF's transceivers and classifiers, and their command lines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from edge.codec_cli import main
from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.slf import Slf
from edge.codecs.slf_network import SlfShape
from edge.images import ImageError, Named
from edge.train.loop import Schedule, Trainer
from edge.train.slf import SlfLearner
from edge.train.slf_classifier import ClassifierSchedule, ClassifierTrainer, labelled
from edge.train.whole_pictures import WholePictures


def bars(count: int, side: int = 16, first: int = 0) -> list[Named]:
    """Class 0 is a lying bar, class 1 a standing one."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        pixels = np.zeros((side, side, 3), np.uint8)
        at = int(rng.integers(2, side - 4))
        pixels[at : at + 3] = 255
        made.append(Named(f"b{i}", pixels.transpose(1, 0, 2) if i % 2 else pixels, first + i % 2))
    return made


def trainer(crossover: float, steps: int) -> Trainer:
    learner = SlfLearner(SlfShape(side=16), 0, crossover)
    return Trainer(learner, Schedule(steps, 8, 16, 1e-2), WholePictures([bars(40)], 16, 0))


def test_learning_reduces_the_error_and_moves_the_codebook() -> None:
    run = trainer(0.01, 60)
    start = run.learner.state()["codebook"].clone()
    errors: list[float] = []
    run.run(None, lambda step, mse: errors.append(mse), every=20)
    assert errors[-1] < 0.8 * errors[0]
    assert not torch.equal(run.learner.state()["codebook"], start)


def test_the_channel_is_in_the_loss() -> None:
    # the same pictures and weights: only noise makes one call differ from the next
    images = WholePictures([bars(8)], 16, 0).batch(8)
    errors = {}
    for crossover in (0.0, 0.5):
        learner = SlfLearner(SlfShape(side=16), 0, crossover)
        learner.average.adopt()
        learner.average.decay, learner.average.revive_below = 1.0, 0.0  # the codebook stays
        with torch.no_grad():
            errors[crossover] = [learner.losses(images, torch.Generator().manual_seed(i)).mse for i in range(2)]
    assert errors[0.0][0] == errors[0.0][1]
    assert errors[0.5][0] != errors[0.5][1]


def test_a_run_that_was_stopped_goes_on_exactly(tmp_path: Path) -> None:
    straight, paused, resumed = trainer(0.1, 6), trainer(0.1, 6), trainer(0.1, 6)
    straight.run(None, lambda step, mse: None)
    for _ in range(3):
        paused.train_step()
    paused.save(tmp_path / "run.ckpt")
    resumed.run(tmp_path / "run.ckpt", lambda step, mse: None)
    expected, found = straight.weights(), resumed.weights()
    assert sorted(expected) == sorted(found)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_classifier_learns_and_counts_on_the_classes_of_a_second_source() -> None:
    sources = [bars(40), bars(40)]
    assert [sorted(set(one.tolist())) for one in labelled(sources)] == [[0, 1], [2, 3]]
    run = ClassifierTrainer(ClassifierSchedule(steps=40, batch=16, learning_rate=3e-3), [bars(40)], 16)
    losses: list[float] = []
    run.run(lambda step, loss: losses.append(loss), every=20)
    assert losses[-1] < losses[0]
    assert run.accuracies([bars(30)])[0] > 0.9
    with pytest.raises(ImageError, match="x has no label"):
        labelled([[Named("x", np.zeros((16, 16, 3), np.uint8))]])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    stack = np.stack([one.pixels[:, :, 0] for one in bars(30, 12)])
    labels = np.array([one.label for one in bars(30)], np.uint8)
    path = tmp_path / "bars.npz"
    np.savez(path, train_x=stack, train_y=labels, test_x=stack[:1] * 0, test_y=labels[:1])
    return path


def run_train(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["train", *map(str, arguments)], catch_exceptions=False)


def test_the_files_of_both_verbs_open_as_one_receiver(data: Path, tmp_path: Path) -> None:
    common = ("--data", data, "--side", 16, "--batch", 4, "--steps", 2, "--threads", 1, "--json")
    trx, classifier = tmp_path / "trx.safetensors", tmp_path / "classifier.safetensors"
    result = run_train("slf", *common, "--crossover", 0.1, "--split-seed", 3, "--out", trx)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["architecture"] == "slf"
    assert told["data_sets"][0] | {"pixels_sha256": ""} == {
        "name": "bars.npz",
        "split": "train part of 8:2",
        "split_seed": 3,
        "pictures": 24,
        "kept_out": 6,
        "pixels_sha256": "",
    }
    assert told["training"] == {"crossover": 0.1, "commitment": 0.25}
    assert told["metrics"]["size_bits"] == 64
    assert "--crossover 0.1" in told["command"]
    assert "/" not in told["command"]
    result = run_train("classifier", *common, "--data", data, "--out", classifier)
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)["metrics"]["accuracy"]) == 2
    assert json.loads(weights.read_metadata(classifier)["shape"]) == {"side": 16, "classes": 4}
    receiver = Slf.open({"weights": str(trx), "classifier": str(classifier)}, Half.DECODER)
    assert receiver.classify(np.zeros((16, 16, 3), np.uint8)) in range(4)


@pytest.mark.parametrize(
    ("verb", "more", "sentence"),
    [
        ("slf", ("--crossover", "0.1", "--side", "8"), "12x12 is larger than the 8x8"),
        ("slf", ("--crossover", "0.1", "--side", "18"), "side: must be a positive multiple of 4, got 18"),
        ("classifier", ("--side", "8"), "12x12 is larger than the 8x8"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    data: Path, tmp_path: Path, verb: str, more: tuple[str, ...], sentence: str
) -> None:
    out = tmp_path / "w.safetensors"
    result = run_train(verb, "--data", data, "--steps", 1, "--batch", 2, "--out", out, *more)
    assert (result.exit_code, out.exists()) == (2, False)
    assert sentence in result.output
    result = run_train(verb, "--data", data, "--out", tmp_path / "w.pt", *more)
    assert result.exit_code == 2
    assert "--out: must end in .safetensors" in result.output
