"""What each codec's training adds to the loop: its loss falls, and its file opens as that codec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import registry
from edge.codecs.autoencoder_network import AutoencoderShape
from edge.codecs.contract import Half
from edge.codecs.deepjscc_attention import AttentionShape
from edge.codecs.deepjscc_network import DeepJSCCShape
from edge.codecs.vqvae2_network import VQVAE2Shape
from edge.codecs.vqvae_network import VQVAEShape
from edge.images import Named
from edge.train.autoencoder import AutoencoderLearner
from edge.train.crops import RandomCrops
from edge.train.deepjscc import DeepJSCCLearner
from edge.train.export import export
from edge.train.impairment import Impairment
from edge.train.loop import Learner, Schedule, Trainer
from edge.train.vqvae import VQVAELearner
from edge.train.vqvae2 import VQVAE2Learner

VQ2 = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, entries=16, dimension=4, top_scale=4)
VQ = VQVAEShape(scale=4, channels=8, fine_channels=8, blocks=1, entries=16, dimension=4)
JSCC = DeepJSCCShape(channels=4, filters=8)
AUTO = AutoencoderShape(scale=4, channels=8, fine_channels=8, blocks=1)

LEARNERS: dict[str, Callable[[], Learner]] = {
    "vqvae2": lambda: VQVAE2Learner(VQ2, 0),
    "vqvae": lambda: VQVAELearner(VQ, 0),
    "vqvae noisy": lambda: VQVAELearner(VQ, 0, Impairment(20.0, 10.0, 0.01)),
    "deepjscc": lambda: DeepJSCCLearner(JSCC, 0),
    "deepjscc noisy": lambda: DeepJSCCLearner(JSCC, 0, 10.0, Impairment(image_snr_db=20.0)),
    "deepjscc with attention": lambda: DeepJSCCLearner(AttentionShape(4, filters=8, blocks=1), 0, 10.0),
    "autoencoder": lambda: AutoencoderLearner(AUTO, 0),
}


def ramps() -> list[Named]:
    """Smooth pictures, which a small network learns in a few steps."""
    y, x = np.mgrid[0:48, 0:48]
    return [Named(f"r{i}", np.stack([x * 5, y * 5, (x + y) * i], axis=2).astype(np.uint8)) for i in range(3)]


def trainer(learner: Learner, steps: int) -> Trainer:
    schedule = Schedule(steps=steps, batch=2, crop=16, learning_rate=0.01)
    return Trainer(learner, schedule, RandomCrops([ramps()], 16, 0))


@pytest.mark.parametrize("name", LEARNERS)
def test_learning_reduces_the_error(name: str) -> None:
    errors: list[float] = []
    trainer(LEARNERS[name](), 75).run(None, lambda step, mse: errors.append(mse), every=25)
    assert errors[2] < 0.8 * errors[0]


@pytest.mark.parametrize("name", LEARNERS)
def test_the_file_opens_as_the_codec_with_the_trained_weights(name: str, tmp_path: Path) -> None:
    run = trainer(LEARNERS[name](), 1)
    run.train_step()
    path = tmp_path / "w.safetensors"
    export(run, path, "", [], None, [])
    codec = registry.load(run.learner.architecture).open(run.learner.codec_options | {"weights": str(path)}, Half.BOTH)
    held = codec.parameters()  # type: ignore[attr-defined]
    trained = run.weights()
    assert set(held) == set(trained)
    for tensor, values in held.items():
        stored = trained[tensor] if tensor.startswith("codebook") else trained[tensor].half().float()
        assert torch.equal(torch.from_numpy(values), stored), tensor


def test_the_channels_noise_is_in_the_loss() -> None:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    errors = {}
    for snr_db in (None, -20.0):
        learner = DeepJSCCLearner(JSCC, 0, snr_db)
        with torch.no_grad():
            errors[snr_db] = [learner.losses(images, torch.Generator().manual_seed(i)).mse for i in range(2)]
    assert errors[None][0] == errors[None][1]
    assert errors[-20.0][0] != errors[-20.0][1]


def test_clean_pictures_are_the_labels_of_noisy_ones() -> None:
    # at -20 dB the picture is noise; were it also the label, the loss of a network that answers grey would be larger
    images = torch.full((4, 3, 16, 16), 0.5)
    learner = VQVAELearner(VQ, 0, Impairment(image_snr_db=-20.0))
    clean = VQVAELearner(VQ, 0)
    generator = torch.Generator().manual_seed(0)
    assert learner.losses(images, generator).mse < clean.losses(images, generator).mse + 0.05
