from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import images
from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.vqvae2 import VQVAE2
from edge.codecs.vqvae2_network import VQVAE2Shape
from edge.images import Named
from edge.train.crops import RandomCrops
from edge.train.export import data_set, export
from edge.train.impairment import Impairment
from edge.train.loop import Schedule, Trainer
from edge.train.vqvae2 import VQVAE2Learner

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8)


@pytest.fixture
def pictures() -> list[Named]:
    rng = np.random.default_rng(0)
    return [Named(f"p{i}", rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)) for i in range(2)]


def test_the_file_holds_the_run_and_tells_its_story(tmp_path: Path, pictures: list[Named]) -> None:
    learner = VQVAE2Learner(SHAPE, 5, Impairment(feature_snr_db=10.0))
    run = Trainer(learner, Schedule(steps=2, batch=2, crop=16, seed=5), RandomCrops([pictures], 16, 5, resize=24))
    run.train_step()
    path = tmp_path / "w.safetensors"
    learned = data_set(Path("some/where/set.tar"), "train", pictures)
    metadata = export(run, path, "edge-codec train vqvae2", [learned], learned, pictures[:1])
    assert weights.read_metadata(path) == metadata
    told = weights.described(metadata)
    assert (told["seed"], told["steps_done"], told["schedule"]["steps"]) == ("5", "1", 2)
    assert told["training"] == {
        "impairment": {"image_snr_db": None, "feature_snr_db": 10.0, "index_ber": None},
        "beta": 0.25,
    }
    assert (told["resize"], told["started_from"]) == ("24", "random weights")
    assert told["data_sets"][0]["name"] == "set.tar"
    assert told["metrics"]["on"]["pictures"] == 2
    assert told["metrics"]["rho"] == (16 * 16 + 8 * 8) * 9 / (8 * 3 * 32 * 32)
    assert len(told["code_version"]["code_sha256"]) == 64
    codec = VQVAE2.open({"scale": "2", "weights": str(path)}, Half.BOTH)
    assert codec.transmitter is not None
    opened, trained = codec.transmitter.state_dict(), run.weights()
    for name in opened:  # networks are stored in half precision, codebooks exactly
        stored = trained[name] if name.startswith("codebook") else trained[name].half().float()
        assert torch.equal(opened[name], stored), name


def test_without_test_pictures_there_are_no_metrics(tmp_path: Path, pictures: list[Named]) -> None:
    schedule = Schedule(steps=1, batch=1, crop=16)
    run = Trainer(VQVAE2Learner(SHAPE, 0), schedule, RandomCrops([pictures], 16, 0))
    assert "metrics" not in export(run, tmp_path / "w.safetensors", "", [], None, [])


def test_the_file_says_what_it_was_started_from(tmp_path: Path, pictures: list[Named]) -> None:
    learner = VQVAE2Learner(SHAPE, 0)
    learner.begin_from(VQVAE2Learner(SHAPE, 1).state(), "before.safetensors")
    run = Trainer(learner, Schedule(steps=1, batch=1, crop=16), RandomCrops([pictures], 16, 0))
    metadata = export(run, tmp_path / "w.safetensors", "", [], None, [])
    assert metadata["started_from"].startswith("before.safetensors: ")


def test_a_data_sets_digest_is_of_the_pixels_not_the_container(tmp_path: Path, pictures: list[Named]) -> None:
    for picture in pictures:
        (tmp_path / f"{picture.name}.png").write_bytes(images.png_bytes(picture.pixels))
    np.savez(tmp_path / "set.npz", x=np.stack([p.pixels for p in pictures]))
    from_folder = data_set(tmp_path, "train", list(images.read(tmp_path)))
    from_npz = data_set(tmp_path / "set.npz", "train", list(images.read(tmp_path / "set.npz")))
    assert from_folder["pixels_sha256"] == from_npz["pixels_sha256"]
    assert json.dumps(from_npz)  # it goes into metadata
