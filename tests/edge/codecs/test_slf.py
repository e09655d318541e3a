from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import registry, weights
from edge.codecs.classifies import Classifies
from edge.codecs.contract import CodecError, Half
from edge.codecs.raw import Raw
from edge.codecs.slf import CLASSIFIER_ARCHITECTURE, Slf
from edge.codecs.slf_network import ClassifierPart, ClassifierShape, SlfReceiver, SlfShape, SlfTransmitter
from edge.codecs.tensors import TensorHolder
from edge.segment import Kind

PICTURE = np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def written(folder: Path, name: str, shape: SlfShape, seed: int) -> Path:
    torch.manual_seed(seed)
    transmitter, receiver = SlfTransmitter(shape), SlfReceiver(shape)
    receiver.codebook = transmitter.codebook
    tensors = {k: v.detach() for half in (transmitter, receiver) for k, v in half.state_dict().items()}
    path = folder / f"{name}.safetensors"
    weights.write(path, tensors, {"architecture": "slf", "shape": json.dumps(asdict(shape))})
    return path


def written_classifier(folder: Path, shape: ClassifierShape) -> Path:
    torch.manual_seed(7)
    path = folder / f"classifier{shape.side}.safetensors"
    metadata = {"architecture": CLASSIFIER_ARCHITECTURE, "shape": json.dumps(asdict(shape))}
    weights.write(path, ClassifierPart(shape).state_dict(), metadata)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def first(folder: Path) -> Path:
    return written(folder, "first", SlfShape(), 1)


@pytest.fixture(scope="module")
def second(folder: Path) -> Path:
    return written(folder, "second", SlfShape(), 2)


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Path:
    return written_classifier(folder, ClassifierShape(classes=20))


def opened(path: Path, half: Half, **more: str) -> Slf:
    return Slf.open({"weights": str(path)} | more, half)


def test_a_picture_is_64_indices_of_4_bits(first: Path) -> None:
    codec = opened(first, Half.BOTH)
    (one,) = segments = codec.encode(PICTURE)
    assert (one.kind, one.level, one.alphabet, one.values.shape) == (Kind.INDICES, 0, 16, (8, 8))
    assert metrics.size_bits(segments) == 256
    assert codec.decode(segments).shape == PICTURE.shape
    assert registry.load("slf") is Slf


def test_each_half_holds_its_own_tensors_and_the_codebook(first: Path, classifier: Path) -> None:
    sender, receiver = opened(first, Half.ENCODER), opened(first, Half.DECODER, classifier=str(classifier))
    assert isinstance(sender, TensorHolder)
    assert {name.partition(".")[0] for name in sender.parameters()} == {"encoder", "codebook"}
    assert {name.partition(".")[0] for name in receiver.parameters()} == {"codebook", "decoder", "classifier"}
    both = opened(first, Half.BOTH)
    assert np.array_equal(receiver.decode(sender.encode(PICTURE)), both.decode(both.encode(PICTURE)))
    book = np.flip(both.parameters()["codebook"], 0).copy()
    before = both.encode(PICTURE)[0].values
    both.replace({"codebook": book})  # one codebook for both halves
    assert np.array_equal(both.encode(PICTURE)[0].values, 15 - before)
    assert np.array_equal(both.decode(both.encode(PICTURE)), receiver.decode(sender.encode(PICTURE)))


def test_strangers_are_compatible_and_networks_of_other_sizes_are_not(folder: Path, first: Path, second: Path) -> None:
    assert opened(first, Half.ENCODER).describe() == opened(second, Half.DECODER).describe()
    for name, shape in {"k32": SlfShape(entries=32), "d8": SlfShape(dimension=8), "s16": SlfShape(side=16)}.items():
        other = opened(written(folder, name, shape, 1), Half.DECODER)
        assert other.describe() != opened(first, Half.ENCODER).describe(), name
    assert str(opened(first, Half.ENCODER).describe()) == "slf(dimension=16, entries=16, side=32)"


def test_a_name_is_that_of_a_shipped_file(monkeypatch: pytest.MonkeyPatch, first: Path, classifier: Path) -> None:
    monkeypatch.setattr(weights, "shipped_folder", lambda: first.parent)
    receiver = Slf.open({"weights": "first", "classifier": classifier.stem}, Half.DECODER)
    assert receiver.can_classify
    with pytest.raises(CodecError, match=r"slf-trx1\.safetensors: no such file"):
        Slf.open({}, Half.ENCODER)


def test_a_classifier_names_the_class_with_the_highest_score(first: Path, classifier: Path) -> None:
    receiver = opened(first, Half.DECODER, classifier=str(classifier))
    assert isinstance(receiver, Classifies)
    assert not isinstance(Raw.open({}, Half.DECODER), Classifies)
    part = ClassifierPart(ClassifierShape(classes=20))
    part.load_state_dict(weights.read_tensors(classifier, ("classifier.",)))
    scores = part.classifier(torch.from_numpy(PICTURE).permute(2, 0, 1)[None].float() / 255)
    assert scores.shape == (1, 20)
    assert receiver.classify(PICTURE) == int(scores.argmax())


def test_without_a_classifier_nothing_is_classified(folder: Path, first: Path) -> None:
    receiver = opened(first, Half.DECODER)
    assert not receiver.can_classify
    assert not opened(first, Half.ENCODER).can_classify
    with pytest.raises(CodecError, match=r"codec\.options\.classifier: none was opened"):
        receiver.classify(PICTURE)
    small = written_classifier(folder, ClassifierShape(side=16))
    with pytest.raises(CodecError, match="is for pictures of 16x16, the decoder's are 32x32"):
        opened(first, Half.DECODER, classifier=str(small))
    with pytest.raises(CodecError, match="holds a slf, not a slf-classifier"):
        opened(first, Half.DECODER, classifier=str(first))


def test_lost_indices_are_filled_in_from_their_neighbours(first: Path) -> None:
    sender, receiver = opened(first, Half.ENCODER), opened(first, Half.DECODER)
    grey = np.full((32, 32, 3), 90, np.uint8)
    (sent,) = sender.encode(grey)
    middle = np.ones((8, 8), bool)
    middle[2:6, 2:6] = False
    lossy = replace(sent, values=np.where(middle, sent.values, 0).astype(np.uint16), present=middle)
    whole = replace(sent, values=np.full((8, 8), sent.values[3, 3], np.uint16))
    holed = replace(whole, values=np.where(middle, whole.values, 0).astype(np.uint16), present=middle)
    assert np.array_equal(receiver.decode([holed]), receiver.decode([whole]))
    assert receiver.decode([lossy]).shape == grey.shape


def test_pictures_and_segments_of_another_size_are_refused(first: Path) -> None:
    codec = opened(first, Half.BOTH)
    with pytest.raises(CodecError, match="image: 28x28 is not the 32x32"):
        codec.check_image(28, 28)
    (one,) = codec.encode(PICTURE)
    with pytest.raises(CodecError, match=r"expected one map \[8, 8\], got \[\[4, 8\]\]"):
        codec.decode([replace(one, values=one.values[:4])])
    with pytest.raises(CodecError, match="expected indices of an alphabet of 16, got indices of 32"):
        codec.decode([replace(one, alphabet=32)])
    with pytest.raises(CodecError, match="this half has no decoder"):
        opened(first, Half.ENCODER).decode([one])
    with pytest.raises(CodecError, match="this half has no encoder"):
        opened(first, Half.DECODER).encode(PICTURE)
    with pytest.raises(CodecError, match="slf has no such option"):
        Slf.open({"scale": "4"}, Half.BOTH)
