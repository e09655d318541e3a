"""Many pictures at once come out as one by one through the codec and the same channel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emulator.channels.dmc import KaryDMC
from emulator.channels.noise import NoiseKey, SegmentNoise
from tools.slf import transceivers
from tools.slf.data import Labelled
from tools.slf.transceivers import Judge, delivered, encoder_of, receiver_tensors, scored, sender_tensors

CROSSOVER = 0.2


@pytest.fixture(scope="module")
def pictures() -> Labelled:
    rng = np.random.default_rng(0)
    return Labelled(rng.integers(0, 256, (5, 32, 32, 3), np.uint8), np.arange(5))


def test_as_one_by_one(untrained: Path, pictures: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transceivers, "BATCH", 2)
    path = untrained / "slf-trx1.safetensors"
    sender = encoder_of(path, sender_tensors(path))
    receiver = Judge(untrained / "slf-classifier-mnist.safetensors", path).receiver(receiver_tensors(path))
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


def test_strangers_hold_what_their_files_do(untrained: Path) -> None:
    first, second = untrained / "slf-trx1.safetensors", untrained / "slf-trx2.safetensors"
    sender, receiver = sender_tensors(first), receiver_tensors(second)
    assert all(name.startswith("encoder.") or name == "codebook" for name in sender)
    assert all(name.startswith("decoder.") or name == "codebook" for name in receiver)
    assert not np.array_equal(sender["codebook"], receiver["codebook"])
    opened = encoder_of(first, {"codebook": receiver["codebook"]})
    assert np.array_equal(opened.parameters()["codebook"], receiver["codebook"])
