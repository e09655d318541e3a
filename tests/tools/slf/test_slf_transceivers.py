"""Many pictures at once come out as one by one through the codec and the same channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.slf_network import ClassifierPart, ClassifierShape, SlfReceiver, SlfShape, SlfTransmitter
from emulator.channels.dmc import KaryDMC
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.slf import transceivers
from tools.slf.data import Labelled
from tools.slf.transceivers import Judge, delivered, encoder_of, receiver_tensors, scored, sender_tensors

CROSSOVER = 0.2


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two untrained transceivers and a classifier."""
    folder = tmp_path_factory.mktemp("weights")
    for seed, name in enumerate(("slf-trx1", "slf-trx2")):
        torch.manual_seed(seed)
        sender, receiver = SlfTransmitter(SlfShape()), SlfReceiver(SlfShape())
        receiver.codebook = sender.codebook
        state = {k: v.detach().clone().contiguous() for k, v in (sender.state_dict() | receiver.state_dict()).items()}
        shape = '{"side": 32, "entries": 16, "dimension": 16}'
        weights.write(folder / f"{name}.safetensors", state, {"architecture": "slf", "shape": shape})
    part = ClassifierPart(ClassifierShape())
    state = {k: v.detach().clone().contiguous() for k, v in part.state_dict().items()}
    about = {"architecture": "slf-classifier", "shape": '{"side": 32, "classes": 10}'}
    weights.write(folder / "slf-classifier-mnist.safetensors", state, about)
    return folder


@pytest.fixture(scope="module")
def pictures() -> Labelled:
    rng = np.random.default_rng(0)
    return Labelled(rng.integers(0, 256, (5, 32, 32, 3), np.uint8), np.arange(5))


def test_as_one_by_one(files: Path, pictures: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transceivers, "BATCH", 2)
    path = files / "slf-trx1.safetensors"
    sender = encoder_of(path, sender_tensors(path))
    receiver = Judge(files / "slf-classifier-mnist.safetensors", path).receiver(receiver_tensors(path))
    received = delivered(sender, receiver, pictures.pixels, CROSSOVER, 7)
    key = NoiseKey(seed=7, link="up", receiver="rx", session="slf", purpose="payload")
    changed = 0
    for i, picture in enumerate(pictures.pixels):
        (segment,) = sender.encode(picture)
        sent = np.asarray(segment.values, np.uint16).reshape(-1)
        carried = KaryDMC(16, CROSSOVER)(sent, 0, SegmentNoise(key, i, 0))
        changed += int((carried != sent).sum())
        one = receiver.decode([type(segment)(segment.kind, carried.reshape(8, 8), alphabet=16)])
        assert np.abs(one.astype(int) - received[i].astype(int)).max() <= 1  # rounding of a batch's sums
    assert 40 < changed < 90  # 5 x 64 indices at 0.2: 64, sigma 7
    told = scored(sender, receiver, pictures, CROSSOVER, 7)
    error = (pictures.pixels.astype(float) - received) / 255
    assert told["mse"] == pytest.approx(float(np.mean(error**2)), rel=1e-5)
    seen = [receiver.classify(one) for one in received]
    assert told["accuracy"] == pytest.approx(np.mean(np.array(seen) == pictures.labels))


def test_strangers_hold_what_their_files_do(files: Path) -> None:
    first, second = files / "slf-trx1.safetensors", files / "slf-trx2.safetensors"
    sender, receiver = sender_tensors(first), receiver_tensors(second)
    assert all(name.startswith("encoder.") or name == "codebook" for name in sender)
    assert all(name.startswith("decoder.") or name == "codebook" for name in receiver)
    assert not np.array_equal(sender["codebook"], receiver["codebook"])
    opened = encoder_of(first, {"codebook": receiver["codebook"]})
    assert np.array_equal(opened.parameters()["codebook"], receiver["codebook"])
