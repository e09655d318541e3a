"""The sizes that Table I of SLF asks for."""

from __future__ import annotations

import pytest
import torch

from edge.codecs.slf_network import ClassifierPart, ClassifierShape, Decoder, SlfReceiver, SlfShape, SlfTransmitter


def test_shapes_of_what_goes_in_and_out() -> None:
    shape = SlfShape(entries=8, dimension=4, side=16)
    images = torch.rand(2, 3, 16, 16)
    indices = SlfTransmitter(shape)(images)
    assert indices.shape == (2, 4, 4)
    assert SlfReceiver(shape)(indices).shape == images.shape
    assert ClassifierPart(ClassifierShape(side=16, classes=5)).classifier(images).shape == (2, 5)


@pytest.mark.parametrize(("frozen", "paper_kb"), [(0, 114), (1, 76), (2, 22)])
def test_float32_uploads_are_within_10_percent_of_table_1(frozen: int, paper_kb: int) -> None:
    decoder = Decoder(SlfShape())
    layers = [decoder.layer1, decoder.layer2, decoder.layer3][: 3 - frozen]
    size_bytes = 4 * (16 * 16 + sum(p.numel() for layer in layers for p in layer.parameters()))
    assert size_bytes / 1000 == pytest.approx(paper_kb, rel=0.1)


def test_a_classifier_is_small() -> None:
    assert 4 * sum(p.numel() for p in ClassifierPart(ClassifierShape(classes=20)).parameters()) < 300_000


@pytest.mark.parametrize("fields", [{"side": 30}, {"side": 0}, {"entries": 1}, {"dimension": 0}])
def test_a_size_that_cannot_be_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))}: must be"):
        SlfShape(**fields)


@pytest.mark.parametrize("fields", [{"side": 30}, {"classes": 1}])
def test_a_classifier_that_cannot_be_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(fields))}: must be"):
        ClassifierShape(**fields)
