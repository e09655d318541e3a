"""The loop that all trainings share, on VQ-VAE-2, which uses all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs.vqvae2_network import VQVAE2Shape
from edge.images import Named
from edge.train.crops import RandomCrops
from edge.train.impairment import Impairment
from edge.train.loop import Schedule, Trainer
from edge.train.vqvae2 import VQVAE2Learner

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, entries=16, dimension=4)


def ramps() -> list[Named]:
    """Smooth pictures, which a small network learns in a few steps."""
    y, x = np.mgrid[0:48, 0:48]
    return [Named(f"r{i}", np.stack([x * 5, y * 5, (x + y) * i], axis=2).astype(np.uint8)) for i in range(3)]


def trainer(steps: int = 6, seed: int = 0) -> Trainer:
    schedule = Schedule(steps=steps, batch=2, crop=16, seed=seed)
    return Trainer(VQVAE2Learner(SHAPE, seed), schedule, RandomCrops([ramps()], 16, seed))


def silent(step: int, mse: float) -> None:
    assert step > 0
    assert mse >= 0


def test_one_seed_gives_one_result_and_another_seed_another() -> None:
    runs = []
    for seed in (0, 0, 1):
        run = trainer(seed=seed)
        run.run(None, silent)
        runs.append(run.weights())
    first, again, other = runs
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["codebook_b.vectors"], other["codebook_b.vectors"])


def test_a_run_that_was_stopped_and_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    straight = trainer()
    straight.run(None, silent)
    paused = trainer()
    for _ in range(3):
        paused.train_step()
    paused.save(tmp_path / "run.ckpt")
    resumed = trainer()
    resumed.run(tmp_path / "run.ckpt", silent)
    expected, found = straight.weights(), resumed.weights()
    assert resumed.step == 6
    assert all(torch.equal(expected[k], found[k]) for k in expected)


def test_weights_are_the_averages_and_taking_them_does_not_disturb_the_run() -> None:
    run = trainer()
    run.train_step()
    trained = [p.detach().clone() for p in run.parameters]
    weights = run.weights()
    assert all(torch.equal(p, t) for p, t in zip(run.parameters, trained, strict=True))
    assert torch.equal(weights["encoder_b.to_code.bias"], dict(zip(_names(run), run.kept, strict=True))["to_code.bias"])


def _names(run: Trainer) -> list[str]:
    names = [name for half in run.learner.halves for name, _ in half.named_parameters()]
    return [name.removeprefix("encoder_b.") for name in names]


def test_a_checkpoint_of_other_settings_or_no_checkpoint_at_all_is_refused(tmp_path: Path) -> None:
    trainer(seed=1).save(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"other\.ckpt: was written by a run with other settings"):
        trainer(seed=0).load(tmp_path / "other.ckpt")
    whole = (tmp_path / "other.ckpt").read_bytes()
    for name, data in (("cut", whole[: len(whole) // 2]), ("empty", b""), ("text", b"hello there")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}: not a whole checkpoint"):
            trainer().load(tmp_path / name)


def test_a_checkpoint_of_other_noise_or_another_size_of_picture_is_refused(tmp_path: Path) -> None:
    trainer().save(tmp_path / "run.ckpt")
    schedule = Schedule(steps=6, batch=2, crop=16)
    noisy = VQVAE2Learner(SHAPE, 0, Impairment(feature_snr_db=10.0))
    for other in (
        Trainer(noisy, schedule, RandomCrops([ramps()], 16, 0)),
        Trainer(VQVAE2Learner(SHAPE, 0), schedule, RandomCrops([ramps()], 16, 0, resize=32)),
    ):
        with pytest.raises(ValueError, match="was written by a run with other settings"):
            other.load(tmp_path / "run.ckpt")


def test_a_run_begins_from_what_fits_and_says_so() -> None:
    first = trainer()
    first.train_step()
    tensors = first.weights()
    again = VQVAE2Learner(SHAPE, seed=1)
    again.begin_from(tensors, "first.safetensors")
    assert again.taken == f"first.safetensors: {len(tensors)} of {len(tensors)} tensors"
    assert all(torch.equal(value, tensors[name]) for name, value in again.state().items())
    other_top = VQVAE2Learner(replace(SHAPE, top_scale=4), seed=1)
    other_top.begin_from(tensors, "first.safetensors")
    state = other_top.state()
    assert torch.equal(state["encoder_b.to_code.weight"], tensors["encoder_b.to_code.weight"])
    assert "encoder_t.body.2.weight" in state  # the second halving, which only this network has
    assert not other_top.taken.endswith(f"{len(state)} of {len(state)} tensors")


def test_a_run_that_begins_from_weights_keeps_their_codebook() -> None:
    tensors = trainer().weights()
    learner = VQVAE2Learner(SHAPE, seed=1)
    learner.begin_from(tensors, "first")
    run = Trainer(learner, Schedule(steps=1, batch=2, crop=16), RandomCrops([ramps()], 16, 0))
    run.train_step()
    # one step of an average of decay 0.99 moves a used vector by a hundredth, and an unused one not at all
    moved = (learner.tx.codebook_b.vectors - tensors["codebook_b.vectors"]).abs().amax(1)
    assert int((moved == 0).sum()) + int((moved < 0.1).sum()) >= 16


def test_weights_of_nothing_that_fits_are_refused() -> None:
    with pytest.raises(ValueError, match="--from: odd holds no tensor that fits this network"):
        VQVAE2Learner(SHAPE, 0).begin_from({"x": torch.zeros(1)}, "odd")


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    run = trainer()
    with torch.no_grad():
        run.parameters[0].fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="lower --learning-rate"):
        run.train_step()


def test_the_learning_rate_warms_up_and_ends_at_a_fiftieth() -> None:
    schedule = Schedule(steps=1000, learning_rate=1e-3)
    assert schedule.rate_at(0) == pytest.approx(1e-5)
    assert max(schedule.rate_at(step) for step in range(1000)) == pytest.approx(1e-3, rel=0.05)
    assert schedule.rate_at(1000) == pytest.approx(2e-5)


@pytest.mark.parametrize("name", ["steps", "batch", "crop"])
def test_sizes_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: must be at least 1, got 0"):
        Schedule(**{name: 0})
