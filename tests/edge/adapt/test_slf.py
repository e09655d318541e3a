from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.adapt.slf import VirtualTransceiver, check_upload, own_pictures, uploaded_names
from edge.adapt.slf_settings import SlfSettings
from edge.codecs import weights
from edge.codecs.contract import Half
from edge.codecs.raw import Raw
from edge.codecs.slf import Slf
from edge.codecs.slf_network import SlfReceiver, SlfShape, SlfTransmitter
from edge.codecs.tensors import TensorError
from edge.images import ImageError

SHAPE = SlfShape(side=16)
SETTINGS = SlfSettings(2, steps=4, batch=8, learning_rate=1e-3)


def written(folder: Path, shape: SlfShape, seed: int) -> Path:
    torch.manual_seed(seed)
    tensors = SlfTransmitter(shape).state_dict() | SlfReceiver(shape).state_dict()
    path = folder / f"trx{seed}.safetensors"
    weights.write(path, tensors, {"architecture": "slf", "shape": json.dumps(asdict(shape))})
    return path


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Slf:
    return Slf.open({"weights": str(written(tmp_path_factory.mktemp("tx"), SHAPE, 1))}, Half.ENCODER)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[Any]]:
    """phi of a stranger."""
    return Slf.open({"weights": str(written(tmp_path_factory.mktemp("rx"), SHAPE, 2))}, Half.DECODER).parameters()


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """Discs of random size, place and colour."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:16, 0:16]
    discs = []
    for _ in range(64):
        radius, top, left = rng.uniform(3, 7), rng.uniform(4, 12), rng.uniform(4, 12)
        inside = (y - top) ** 2 + (x - left) ** 2 < radius**2
        discs.append(inside[:, :, None] * rng.integers(100, 256, 3))
    return np.array(discs, np.uint8)


def run(virtual: VirtualTransceiver) -> VirtualTransceiver:
    while not virtual.finished:
        virtual.advance(3)
    return virtual


@pytest.mark.parametrize("freeze", range(5))
def test_what_changes_is_what_is_uploaded_and_nothing_else(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8], freeze: int
) -> None:
    held = sender.parameters()
    virtual = run(VirtualTransceiver(sender, decoder, pictures, 0.01, replace(SETTINGS, freeze=freeze)))
    result = virtual.result()
    after = {name: value.detach().numpy() for name, value in virtual._receiver.state_dict().items()}
    assert set(after) == set(decoder)
    different = sorted(name for name, value in after.items() if not np.array_equal(value, decoder[name]))
    assert sorted(result.changed) == different == uploaded_names(freeze, decoder)
    assert all(np.array_equal(result.changed[name], after[name]) for name in different)
    assert np.array_equal(result.encoder["codebook"], after["codebook"])
    assert set(result.encoder) == set(held)
    assert all(not np.array_equal(result.encoder[name], held[name]) for name in held)
    assert all(np.array_equal(value, held[name]) for name, value in sender.parameters().items())  # only read
    check_upload(result.changed, decoder, freeze)


def test_layers_are_frozen_from_the_last(decoder: dict[str, Any]) -> None:
    sizes = [len(uploaded_names(freeze, decoder)) for freeze in range(5)]
    assert sizes == [7, 5, 3, 1, 0]
    assert uploaded_names(2, [*decoder, "classifier.layer1.weight"]) == [
        "codebook",
        "decoder.layer1.bias",
        "decoder.layer1.weight",
    ]
    assert uploaded_names(3, decoder) == ["codebook"]


@pytest.mark.parametrize("freeze", [0, 2])
def test_alignment_reduces_the_error(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8], freeze: int
) -> None:
    settings = SlfSettings(freeze, steps=40, batch=16, learning_rate=3e-3)
    result = run(VirtualTransceiver(sender, decoder, pictures, 0.01, settings)).result()
    assert result.mse_after < 0.9 * result.mse_before
    assert result.pictures == 58  # of 64: a tenth is kept back


def test_freezing_more_costs_no_more_operations(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8]
) -> None:
    costs = []
    for freeze in range(5):
        virtual = VirtualTransceiver(sender, decoder, pictures, 0.0, replace(SETTINGS, freeze=freeze, steps=2))
        costs.append(run(virtual).result().flops)
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 1.2 * costs[4]
    # forward alone: two a multiply-add, by hand
    encoder = 24 * 3 * 16 * 8**2 + 48 * 24 * 16 * 4**2 + 16 * 48 * 9 * 4**2
    layers = 16 * 19 * 16 * 4**2 + 84 * 19 * 9 * 8**2 + 84 * 3 * 36 * 8**2
    forward = 2 * (encoder + layers + 16 * 16 * 4**2) * SETTINGS.batch
    # backward: the weights' gradients of what is trained, the inputs' of all but the first layer
    inputs = 2 * (encoder - 24 * 3 * 16 * 8**2 + layers) * SETTINGS.batch
    assert costs[0] / 2 == forward + 2 * (encoder + layers) * SETTINGS.batch + inputs
    assert costs[4] / 2 == forward + 2 * encoder * SETTINGS.batch + inputs


def test_a_killed_run_goes_on_exactly(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    def fresh() -> VirtualTransceiver:
        return VirtualTransceiver(sender, decoder, pictures, 0.05, replace(SETTINGS, steps=6))

    whole = run(fresh()).result()
    killed, path = fresh(), tmp_path / "state" / "tuning.ckpt"
    killed.advance(4)
    killed.save(path)
    resumed = fresh()
    resumed.resume(path)
    assert resumed.step == 4
    again = run(resumed).result()
    assert again.flops == whole.flops
    assert again.mse_after == whole.mse_after
    for name, value in (whole.encoder | whole.changed).items():
        assert np.array_equal((again.encoder | again.changed)[name], value), name


def test_a_checkpoint_that_is_not_this_ones_changes_nothing(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "tuning.ckpt"
    other = VirtualTransceiver(sender, decoder, pictures, 0.05, SETTINGS)
    other.advance(2)
    other.save(path)
    virtual = VirtualTransceiver(sender, decoder, pictures, 0.04, SETTINGS)
    before = virtual.result().encoder
    for refused in ("other settings", "not a whole checkpoint", "not a whole checkpoint"):
        with pytest.raises(AdaptError, match=refused):
            virtual.resume(path)
        path.write_bytes(path.read_bytes()[:-100] if refused == "other settings" else b"")
    assert virtual.step == 0
    assert all(np.array_equal(value, before[name]) for name, value in virtual.result().encoder.items())


def test_a_loss_that_is_not_finite_is_said(sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8]) -> None:
    virtual = VirtualTransceiver(sender, decoder, pictures, 0.0, replace(SETTINGS, learning_rate=1.0, steps=400))
    virtual._receiver.codebook.data.fill_(1e30)
    with pytest.raises(AdaptError, match=r"the loss is .* at step 1; lower align\.learning_rate"):
        virtual.advance(400)


def test_tensors_and_pictures_that_do_not_fit_are_refused(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8], tmp_path: Path
) -> None:
    with pytest.raises(AdaptError, match="codec raw: only the encoder half of slf"):
        VirtualTransceiver(Raw.open({}, Half.ENCODER), decoder, pictures, 0.0, SETTINGS)
    for wrong in (pictures[:3], pictures[:, :8], pictures.astype(np.float32)):
        with pytest.raises(AdaptError, match=r"align\.data: must be at least 4 pictures, uint8 \[N, 16, 16, 3\]"):
            VirtualTransceiver(sender, decoder, wrong, 0.0, SETTINGS)
    with pytest.raises(AdaptError, match="crossover: must be a probability"):
        VirtualTransceiver(sender, decoder, pictures, 1.5, SETTINGS)
    without = {name: value for name, value in decoder.items() if name != "codebook"}
    with pytest.raises(AdaptError, match="decoder: lacks the tensor codebook"):
        VirtualTransceiver(sender, without, pictures, 0.0, SETTINGS)
    wide = Slf.open({"weights": str(written(tmp_path, SlfShape(side=16, entries=32), 3))}, Half.DECODER).parameters()
    with pytest.raises(AdaptError, match=r"decoder: tensors\.codebook: shape must be \[16, 16\], got \[32, 16\]"):
        VirtualTransceiver(sender, wide, pictures, 0.0, SETTINGS)


def test_a_classifier_that_came_along_is_left_alone(
    sender: Slf, decoder: dict[str, Any], pictures: NDArray[np.uint8]
) -> None:
    along = decoder | {"classifier.layer1.weight": np.ones((2, 2), np.float32)}
    virtual = run(VirtualTransceiver(sender, along, pictures, 0.0, replace(SETTINGS, freeze=0)))
    assert sorted(virtual.result().changed) == sorted(decoder)


def test_an_upload_must_be_whole_and_nothing_more(decoder: dict[str, Any]) -> None:
    good = {name: decoder[name] for name in uploaded_names(2, decoder)}
    check_upload(good, decoder, 2)
    check_upload({}, decoder, 4)
    missing = {name: value for name, value in good.items() if name != "codebook"}
    bad: list[tuple[dict[str, Any], str]] = [
        (missing, r"tensors\.codebook: missing"),
        (good | {"decoder.layer3.bias": decoder["decoder.layer3.bias"]}, r"decoder\.layer3\.bias: does not belong"),
        (good | {"codebook": good["codebook"][:8]}, "shape must be"),
        (good | {"codebook": good["codebook"].astype(np.float64)}, "dtype must be"),
        (good | {"codebook": np.full_like(good["codebook"], np.nan)}, "not finite"),
    ]
    for offered, reason in bad:
        with pytest.raises(TensorError, match=reason):
            check_upload(offered, decoder, 2)
    with pytest.raises(TensorError, match="does not belong into an upload with freeze=4"):
        check_upload(good, decoder, 4)


def test_own_pictures_come_from_a_sample_or_a_path_and_are_framed(tmp_path: Path) -> None:
    digits = own_pictures("mnist_train", 3, 32)
    assert digits.shape == (3, 32, 32, 3)
    assert digits[:, 2:30, 2:30].any()
    assert not digits[:, :2].any()
    stack = np.random.default_rng(1).integers(0, 256, (5, 30, 30), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", train_x=stack, test_x=stack[:1])
    found = own_pictures(str(tmp_path / "own.npz"), 0, 32)
    assert np.array_equal(found[:, 1:31, 1:31, 0], stack)
    with pytest.raises(ImageError, match="30x30 is larger than the 16x16"):
        own_pictures(str(tmp_path / "own.npz"), 0, 16)
    with pytest.raises(ImageError, match="no such file"):
        own_pictures("mnist_trian", 0, 32)
