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
from edge.train.export import data_set, export_vqvae2
from edge.train.vqvae2 import Schedule, Trainer

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8)


@pytest.fixture
def pictures() -> list[Named]:
    rng = np.random.default_rng(0)
    return [Named(f"p{i}", rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)) for i in range(2)]


def test_the_file_holds_the_run_and_tells_its_story(tmp_path: Path, pictures: list[Named]) -> None:
    run = Trainer(SHAPE, Schedule(steps=2, batch=2, crop=16, seed=5), pictures)
    run.train_step()
    path = tmp_path / "w.safetensors"
    learned = data_set(Path("some/where/set.tar"), "train", pictures)
    metadata = export_vqvae2(run, path, "edge-codec train vqvae2", [learned], learned, pictures[:1])
    assert weights.read_metadata(path) == metadata
    told = weights.described(metadata)
    assert (told["seed"], told["steps_done"], told["schedule"]["steps"]) == ("5", "1", 2)
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
    run = Trainer(SHAPE, Schedule(steps=1, batch=1, crop=16), pictures)
    assert "metrics" not in export_vqvae2(run, tmp_path / "w.safetensors", "", [], None, [])


def test_a_data_sets_digest_is_of_the_pixels_not_the_container(tmp_path: Path, pictures: list[Named]) -> None:
    for picture in pictures:
        (tmp_path / f"{picture.name}.png").write_bytes(images.png_bytes(picture.pixels))
    np.savez(tmp_path / "set.npz", x=np.stack([p.pixels for p in pictures]))
    from_folder = data_set(tmp_path, "train", list(images.read(tmp_path)))
    from_npz = data_set(tmp_path / "set.npz", "train", list(images.read(tmp_path / "set.npz")))
    assert from_folder["pixels_sha256"] == from_npz["pixels_sha256"]
    assert json.dumps(from_npz)  # it goes into metadata
