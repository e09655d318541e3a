from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.smrc import Smrc
from edge.codecs.smrc_network import HeadShape, SmrcShape, equal_heads, normalised
from edge.images import ImageError, Named
from edge.train.export import export
from edge.train.loop import Schedule
from edge.train.smrc import Air, LabelledPictures, SmrcLearner, SmrcTrainer, Turns, carried
from edge.train.smrc_loss import HeadGoal
from edge.train.smrc_score import score

SHAPE = SmrcShape(12, 1, 8, 3, equal_heads(2, 4, 3))
GOALS = (HeadGoal(), HeadGoal())


def bars(count: int = 30) -> list[Named]:
    """Grey pictures whose class is where a bright bar lies."""
    rng = np.random.default_rng(0)
    pictures = []
    for place in range(count):
        grey = rng.integers(0, 60, (12, 12), dtype=np.uint8)
        grey[4 * (place % 3) : 4 * (place % 3) + 3] += 150
        pictures.append(Named(f"p{place}", np.repeat(grey[:, :, None], 3, axis=2), place % 3))
    return pictures


def trainer(steps: int, learner: SmrcLearner | None = None, turns: Turns | None = None) -> SmrcTrainer:
    pictures = LabelledPictures([bars()], 12, 0)
    schedule = Schedule(steps=steps, batch=8, crop=12, learning_rate=0.01, average=0.9)
    return SmrcTrainer(learner or SmrcLearner(SHAPE, GOALS, 0), schedule, pictures, turns or Turns(2, 8, 2))


def test_pictures_come_with_their_classes() -> None:
    pictures = LabelledPictures([bars()], 12, 0)
    images, labels = pictures.batch(50)
    assert images.shape == (50, 3, 12, 12)
    assert images[:, 0, :, 0].reshape(50, 3, 4).mean(dim=2).argmax(dim=1).tolist() == labels.tolist()
    assert (pictures.classes, pictures.colours) == (3, 1)
    with pytest.raises(ImageError, match="a has no label"):
        LabelledPictures([[Named("a", np.zeros((12, 12, 3), np.uint8))]], 12, 0)
    coloured = np.zeros((12, 12, 3), np.uint8)
    coloured[0, 0, 1] = 9
    assert LabelledPictures([[*bars(2), Named("c", coloured, 0)]], 12, 0).colours == 3


@pytest.mark.parametrize("layers", [1, 3])
def test_learning_reduces_the_error_and_finds_the_class_whatever_the_number_of_layers(layers: int) -> None:
    shape = SmrcShape(12, 1, 8, 3, equal_heads(layers, 4, 3))
    run = trainer(150, SmrcLearner(shape, (HeadGoal(),) * layers, 0, Air(15, 15)), Turns(5, 5, 5))
    errors: list[float] = []
    run.run(None, lambda step, mse: errors.append(mse), every=50)
    assert errors[-1] < 0.6 * errors[0]
    stack, labels = np.stack([one.pixels for one in bars()]), np.arange(30) % 3
    found = score(run.pair.tx, run.pair.rx, stack, labels, [15.0] * layers, 0)
    assert [one.layer for one in found] == list(range(1, layers + 1))
    assert found[-1].accuracy > 0.6  # a third by guessing


def test_codec_and_extractors_learn_in_turns() -> None:
    run = trainer(15, turns=Turns(2, 3, 2))
    changed = []
    for _ in range(15):
        before = {name: value.clone() for name, value in run.pair.state().items()}
        run.train_step()
        changed.append(
            {name.split(".")[0] for name, value in run.pair.state().items() if (value != before[name]).any()}
        )
    codec, extractors = {"encoder", "decoder"}, {"extractor"}
    assert (
        changed
        == [extractors] * 2
        + [codec] * 3
        + [extractors] * 2
        + [codec] * 3
        + [extractors] * 2
        + [codec]
        + [extractors] * 2
    )


def test_a_paused_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = trainer(6, turns=Turns(1, 2, 1))
    whole.run(None, lambda step, mse: None)
    first = trainer(6, turns=Turns(1, 2, 1))
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "c.ckpt")
    second = trainer(6, turns=Turns(1, 2, 1))
    second.run(tmp_path / "c.ckpt", lambda step, mse: None)
    for name, value in whole.weights().items():
        assert torch.equal(value, second.weights()[name]), name
    with pytest.raises(ValueError, match="was written by a run with other settings"):
        trainer(6, turns=Turns(1, 3, 1)).load(tmp_path / "c.ckpt")


@pytest.mark.parametrize("k_factor", [None, 4.0])
def test_every_packet_meets_its_own_snr(k_factor: float | None) -> None:
    # 4000 packets of 100 symbols: the noise that is left, times the gain's power over AWGN's mean of 1
    generator = torch.Generator().manual_seed(0)
    sent = normalised(torch.randn(4000, 200, generator=generator))
    snr_db = torch.tensor([0.0, 10.0]).repeat(2000)[:, None]
    error = 2 * (carried(sent, snr_db, k_factor, generator) - sent).square().mean(dim=1)
    low, high = error[::2], error[1::2]
    if k_factor is None:
        assert float(low.mean()) == pytest.approx(1, rel=0.02)
        assert float(high.mean()) == pytest.approx(0.1, rel=0.02)
    else:  # noise over |h|^2, of mean 1: 1 / median(|h|^2) in the median; |h|^2 at K = 4 has median 0.95 +- 0.04
        assert float(low.median()) == pytest.approx(1 / 0.95, rel=0.06)
        assert float(high.median()) == pytest.approx(0.1 / 0.95, rel=0.06)
        assert float(low.std()) > 0.3  # a gain of its own for every packet


def test_the_air_draws_an_snr_for_each_packet_of_each_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    blocks = {place: normalised(torch.randn(3000, 100, generator=generator)) for place in (0, 1)}
    received = Air(0, 20)(blocks, generator)
    errors_db = [10 * (2 * (received[i] - blocks[i]).square().mean(dim=1)).log10() for i in (0, 1)]
    for one in errors_db:  # uniform in [-20, 0]: mean -10, standard deviation 5.77, and 0.6 of estimating the noise
        assert float(one.mean()) == pytest.approx(-10, abs=0.5)
        assert float(one.std()) == pytest.approx(20 / math.sqrt(12), rel=0.05)
    assert abs(float(torch.corrcoef(torch.stack(errors_db))[0, 1])) < 0.08


@pytest.mark.parametrize("weighing", [False, True])
def test_the_file_opens_as_the_codec_of_the_same_heads(tmp_path: Path, weighing: bool) -> None:
    heads = (HeadShape(1, 4, ((0,), (1,), (2,))), HeadShape(2, 3, ((0, 2), (1,))))
    run = trainer(1, SmrcLearner(SmrcShape(12, 1, 8, 3, heads, weighing), (HeadGoal(), HeadGoal(beta=(1, 0))), 0))
    run.train_step()
    path = tmp_path / "w.safetensors"
    metadata = export(run, path, "", [], None, [])
    codec = Smrc.open({"weights": str(path)}, Half.BOTH)
    assert codec.shape == run.pair.shape
    assert set(codec.parameters()) == set(run.weights())
    told = weights.described(metadata)["training"]
    assert told["goals"][1]["beta"] == [1, 0]
    assert told["air"] == {"low_snr_db": 0.0, "high_snr_db": 15.0, "k_factor": None}


def test_scores_are_of_each_head_over_its_own_channel() -> None:
    torch.manual_seed(0)
    learner = SmrcLearner(SHAPE, GOALS, 0)
    stack, labels = np.stack([one.pixels for one in bars()]), np.arange(30) % 3
    found = score(learner.tx, learner.rx, stack, labels, [200.0, 200.0], 0)
    codec = Smrc(SHAPE, learner.tx.eval(), learner.rx.eval(), "")
    decoded = [codec.decode_best(codec.encode(one.pixels)) for one in bars()]
    mse = [np.square(one.picture / 255 - shown.pixels / 255).mean() for one, shown in zip(decoded, bars(), strict=True)]
    assert found[1].psnr_db == pytest.approx(np.mean(-10 * np.log10(mse)), abs=0.02)
    right = [codec.class_probabilities(one.picture, 1).argmax() == place % 3 for place, one in enumerate(decoded)]
    assert found[1].accuracy == pytest.approx(np.mean(right), abs=0.04)
    assert found[0].accuracy == pytest.approx(np.nanmean(found[0].recall))  # as many pictures of every class
    noisy = score(learner.tx, learner.rx, stack, labels, [200.0, -10.0], 0)
    assert noisy[0].psnr_db == pytest.approx(found[0].psnr_db)
    assert noisy[1].psnr_db != found[1].psnr_db
    with pytest.raises(ValueError, match="snrs_db: 2 sub-blocks need as many, got 1"):
        score(learner.tx, learner.rx, stack, labels, [0.0], 0)
    with pytest.raises(ValueError, match=r"snrs_db: must be finite, got \[0.0, inf\]"):
        score(learner.tx, learner.rx, stack, labels, [0.0, math.inf], 0)


def test_bad_settings_are_named() -> None:
    with pytest.raises(ValueError, match="heads: 2 heads need as many goals, got 1"):
        SmrcLearner(SHAPE, GOALS[:1], 0)
    with pytest.raises(ValueError, match=r"heads\[1\].beta: must have 3 entries"):
        SmrcLearner(SHAPE, (HeadGoal(), HeadGoal(beta=(1,))), 0)
    with pytest.raises(ValueError, match="semantic_scale: must be finite and >= 0, got -1"):
        SmrcLearner(SHAPE, GOALS, 0, semantic_scale=-1)
    with pytest.raises(ValueError, match="snr_db: must be two finite numbers, the lower first, got 5 and 0"):
        Air(5, 0)
    with pytest.raises(ValueError, match="k_factor: must be finite and >= 0"):
        Air(k_factor=-1)
    with pytest.raises(ValueError, match="extractors: must be at least 1, got 0"):
        Turns(5, 5, 0)
