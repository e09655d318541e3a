from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.split import DEMAPPER, LEVEL_BERS, PAIRING, Split, digest
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter
from edge.images import Named
from edge.train.crops import RandomCrops
from edge.train.export import export
from edge.train.loop import Schedule, Trainer
from edge.train.split import GradientSettings, SplitLearner, over_medium, psnr_over_medium, rise
from emulator.channels.torch_faces import TorchMultiLevelBSC

SHAPE = SplitShape(bits=20, channels=8, fine_channels=8, blocks=1)


def ramps() -> list[Named]:
    """Smooth pictures, which a small network learns in a few steps."""
    y, x = np.mgrid[0:48, 0:48]
    return [Named(f"r{i}", np.stack([x * 5, y * 5, (x + y) * i], axis=2).astype(np.uint8)) for i in range(3)]


def trainer(learner: SplitLearner, steps: int) -> Trainer:
    schedule = Schedule(steps=steps, batch=4, crop=16, learning_rate=0.01)
    return Trainer(learner, schedule, RandomCrops([ramps()], 16, 0))


@pytest.mark.parametrize(
    "learner",
    [
        lambda: SplitLearner(SHAPE, 0),
        lambda: SplitLearner(SHAPE, 0, lost=0.1),
        lambda: SplitLearner(SHAPE, 0, GradientSettings("vimco", samples=4)),
    ],
)
def test_learning_reduces_the_error(learner: Callable[[], SplitLearner]) -> None:
    errors: list[float] = []
    trainer(learner(), 45).run(None, lambda step, mse: errors.append(mse), every=15)
    assert errors[2] < 0.8 * errors[0]


def test_every_level_meets_its_own_bit_error_rate() -> None:
    # 10 levels of 2 bits at 64x64 positions, 10 pictures: 81 920 bits a level, binomial 4-sigma bands
    learner = SplitLearner(SHAPE, 0)
    sent = torch.ones(10, 20, 64, 64)
    received = over_medium(learner.medium, sent, torch.Generator().manual_seed(1))
    flipped = (received != sent).float().reshape(10, 10, -1).mean(dim=(0, 2))
    assert learner.level_bers[0] == pytest.approx(0.4)
    assert learner.level_bers[9] == pytest.approx(0.001)
    for share, ber in zip(flipped.tolist(), learner.level_bers, strict=True):
        assert abs(share - ber) < 4 * math.sqrt(ber * (1 - ber) / 81_920)


def test_the_medium_is_in_both_losses() -> None:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for gradient in (GradientSettings(), GradientSettings("vimco", 2)):
        learner = SplitLearner(SHAPE, 0, gradient)
        with torch.no_grad():
            errors = {learner.losses(images, torch.Generator().manual_seed(seed)).mse for seed in range(3)}
        assert len(errors) == 3
    quiet = SplitLearner(SHAPE, 0, worst=1e-12, best=1e-12)
    with torch.no_grad():
        assert len({quiet.losses(images, torch.Generator().manual_seed(seed)).mse for seed in range(3)}) == 1


def test_the_file_says_which_medium_and_halves_it_holds_and_opens_as_the_codec(tmp_path: Path) -> None:
    run, path = trainer(SplitLearner(SHAPE, 0, worst=0.2, best=0.01), 1), tmp_path / "w.safetensors"
    run.train_step()
    metadata = export(run, path, "", [], None, [])
    tensors = weights.read_tensors(path, ("",))
    assert metadata[PAIRING] == digest(tensors, "encoder")
    assert metadata[DEMAPPER] == digest(tensors, "decoder") != metadata[PAIRING]
    codec = Split.open({"weights": str(path)}, Half.BOTH)
    assert codec.level_bers == pytest.approx(json.loads(metadata[LEVEL_BERS]))
    assert (codec.level_bers[0], codec.level_bers[-1]) == (0.2, 0.01)
    assert set(codec.parameters()) == set(run.weights())


def test_psnr_over_a_perfect_medium_is_what_the_codec_reaches() -> None:
    learner = SplitLearner(SHAPE, 0)
    codec = Split(SHAPE, learner.level_bers, learner.tx.eval(), learner.rx.eval(), "")
    picture = ramps()[2].pixels[:32, :32]
    error = np.square(codec.decode(codec.encode(picture)).astype(float) / 255 - picture / 255).mean()
    images = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    perfect = TorchMultiLevelBSC([0.0] * 10)
    assert psnr_over_medium(learner.tx, learner.rx, perfect, images, 0) == pytest.approx(
        -10 * math.log10(error), abs=1e-3
    )


def test_a_rise_is_scored_with_the_averaged_weights_and_goes_on_for_its_time() -> None:
    learner = SplitLearner(SHAPE, 0)
    run = trainer(learner, 10**9)
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    points = list(rise(run, learner, images, seconds=0.3, every=0.1))
    assert [point.cpu_s for point in points] == sorted(point.cpu_s for point in points)
    assert points[-1].cpu_s >= 0.3
    assert points[-1].step == run.step
    tx, rx = SplitTransmitter(SHAPE), SplitReceiver(SHAPE)
    for half in (tx, rx):
        half.load_state_dict({name: run.weights()[name] for name in half.state_dict()})
    assert points[-1].psnr_db == pytest.approx(psnr_over_medium(tx, rx, learner.medium, images, 0), abs=1e-3)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"estimator": "reinforce"}, "estimator: must be one of straight-through, vimco, got 'reinforce'"),
        ({"estimator": "vimco", "samples": 1}, "samples: VIMCO needs at least 2, got 1"),
        ({"likelihood_scale": 0.0}, "likelihood_scale: must be above 0, got 0.0"),
    ],
)
def test_bad_settings_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GradientSettings(**fields)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"lost: must be in \[0, 1\), got 1"):
        SplitLearner(SHAPE, 0, lost=1.0)
