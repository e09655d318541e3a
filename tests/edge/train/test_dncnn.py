from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.adapt import denoise
from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.requantize import cleaned
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.images import Named
from edge.train.dncnn import DnCNNSchedule, DnCNNTrainer, export_dncnn
from edge.train.dncnn_score import score
from edge.train.impairment import noisy

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, entries=16, dimension=4)
RNG = np.random.default_rng(0)
PICTURES = [[Named(f"p{k}", RNG.integers(0, 256, (40, 40, 3)).astype(np.uint8)) for k in range(4)]]


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> VQVAE2:
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(0)
    weights.write(path, TransmitterHalf(SHAPE).state_dict() | ReceiverHalf(SHAPE).state_dict(), shape_metadata(SHAPE))
    return VQVAE2.open({"scale": "2", "weights": str(path)}, Half.BOTH)


def test_training_removes_noise_from_maps_it_has_not_seen_and_the_file_does_too(codec: VQVAE2, tmp_path: Path) -> None:
    trainer = DnCNNTrainer(codec, DnCNNSchedule(steps=60, batch=4, crop=32, learning_rate=3e-3), PICTURES)
    losses: list[float] = []
    trainer.run(lambda step, loss: losses.append(loss), every=20)
    assert losses[-1] < losses[0]
    path = tmp_path / "dncnn-s2.safetensors"
    metadata = export_dncnn(trainer, path, codec.describe(), "edge-codec train dncnn", [], None)
    assert weights.read_metadata(path) == metadata
    loaded = denoise.load(path, codec.describe())
    unseen = torch.from_numpy(RNG.random((2, 3, 32, 32), dtype=np.float32))
    with torch.no_grad():
        clean = codec.quantize(codec.features(unseen))
    generator = torch.Generator().manual_seed(3)
    received = [
        cleaned(noisy(one, 5.0, generator), book)
        for one, book in zip(clean, codec.codebook_tensors().values(), strict=True)
    ]
    for sent, got, after in zip(clean, received, denoise.denoised(loaded, received), strict=True):
        assert (after - sent).pow(2).mean() < (got - sent).pow(2).mean()


def test_a_dncnn_may_also_meet_maps_as_the_channel_leaves_them(codec: VQVAE2) -> None:
    """For comparison: the same crops and noise, but nothing is requantised before the network."""
    schedule = DnCNNSchedule(steps=1, batch=2, crop=32, lowest_snr_db=0, highest_snr_db=0)
    behind, alone = (DnCNNTrainer(codec, schedule, PICTURES, requantized=both) for both in (True, False))
    assert alone.train_step() > behind.train_step()  # the networks begin as the identity, and at 0 dB all noise is left


def test_held_out_metrics_tell_denoisers_from_requantisation_alone(codec: VQVAE2) -> None:
    trainer = DnCNNTrainer(codec, DnCNNSchedule(steps=60, batch=4, crop=32, learning_rate=3e-3), PICTURES)
    pictures = [Named(f"u{k}", RNG.integers(0, 256, (32, 32, 3)).astype(np.uint8)) for k in range(3)]
    (untrained,) = score(codec, trainer.denoisers, pictures, [5.0], seed=1)
    assert untrained["noise_left"] == untrained["noise_left_requantized"]  # the identity
    assert untrained["psnr_db"] == untrained["psnr_requantized_db"]
    trainer.run(lambda step, loss: None)
    low, high = score(codec, trainer.denoisers, pictures, [5.0, 60.0], seed=1)
    assert low["noise_left_requantized"] == untrained["noise_left_requantized"]
    assert low["noise_left"] < low["noise_left_requantized"] < 1
    assert high["noise_left_requantized"] < 1e-3  # next to no noise: every likely vector is the one that was sent
    assert score(codec, trainer.denoisers, pictures, [5.0], seed=1) == [low]


def test_same_seed_same_network(codec: VQVAE2) -> None:
    def trained() -> dict[str, torch.Tensor]:
        trainer = DnCNNTrainer(codec, DnCNNSchedule(steps=3, batch=2, crop=32), PICTURES)
        trainer.run(lambda step, loss: None)
        return trainer.denoisers.state_dict()

    one, other = trained(), trained()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_bad_schedules_are_refused() -> None:
    with pytest.raises(ValueError, match="steps: must be at least 1, got 0"):
        DnCNNSchedule(steps=0)
    with pytest.raises(ValueError, match=r"lowest_snr_db: must be at most highest_snr_db \(0\), got 20"):
        DnCNNSchedule(lowest_snr_db=20, highest_snr_db=0)
