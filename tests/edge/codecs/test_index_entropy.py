from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.exact_prior import as_fixed_point
from edge.codecs.index_prior import IndexPrior, PriorShape
from edge.codecs.index_prior import shape_metadata as prior_metadata
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.segment import Kind, Segment

SMALL = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, dimension=4)
PICTURE = np.random.default_rng(5).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def write_prior(path: Path, shape: PriorShape, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    books = torch.randn(2, shape.entries, shape.dimension)
    prior = IndexPrior(shape, books[0], books[1])
    tensors = {n: torch.from_numpy(as_fixed_point(p.detach().numpy())) for n, p in prior.named_parameters()}
    weights.write(path, tensors | dict(prior.named_buffers()), prior_metadata(shape))
    return path


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An untrained codec and an untrained prior: enough for everything but rate and quality."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    tensors = TransmitterHalf(SMALL).state_dict() | ReceiverHalf(SMALL).state_dict()
    weights.write(folder / "small.safetensors", tensors, shape_metadata(SMALL))
    prior = write_prior(folder / "prior.safetensors", PriorShape(dimension=4, hidden=16, query=8))
    return {"scale": "2", "weights": str(folder / "small.safetensors"), "prior": str(prior)}


def coded(options: dict[str, str], half: Half) -> VQVAE2:
    return VQVAE2.open(options | {"entropy": "prior"}, half)


def test_one_opaque_segment_decodes_to_the_same_picture_as_plain_indices(options: dict[str, str]) -> None:
    plain = VQVAE2.open(options, Half.BOTH)
    segments = coded(options, Half.ENCODER).encode(PICTURE)
    assert [(s.kind, s.level, s.values.ndim) for s in segments] == [(Kind.OPAQUE, 0, 1)]
    assert metrics.size_bits(segments) == 8 * segments[0].values.size
    assert np.array_equal(coded(options, Half.DECODER).decode(segments), plain.decode(plain.encode(PICTURE)))


@pytest.mark.parametrize("lost_from", [0, 3, 60, 400])
def test_lost_bytes_still_give_a_picture(options: dict[str, str], lost_from: int) -> None:
    (segment,) = coded(options, Half.ENCODER).encode(PICTURE)
    present = np.arange(segment.values.size) < lost_from
    values = np.where(present, segment.values, 0).astype(np.uint8)
    picture = coded(options, Half.DECODER).decode([replace(segment, values=values, present=present)])
    assert picture.shape == ((256, 256, 3) if lost_from < 6 else PICTURE.shape)


def test_damaged_bytes_still_give_a_picture(options: dict[str, str]) -> None:
    (segment,) = coded(options, Half.ENCODER).encode(PICTURE)
    values = segment.values.copy()
    values[20] ^= 0x55
    assert coded(options, Half.DECODER).decode([replace(segment, values=values)]).shape == PICTURE.shape


def test_the_other_kind_of_segments_is_refused(options: dict[str, str]) -> None:
    plain = VQVAE2.open(options, Half.ENCODER).encode(PICTURE)
    with pytest.raises(CodecError, match="expected 1 OPAQUE segment, got 2"):
        coded(options, Half.DECODER).decode(plain)
    with pytest.raises(CodecError, match="expected a top map"):
        VQVAE2.open(options, Half.DECODER).decode([Segment(Kind.OPAQUE, np.zeros(9, np.uint8))])


def test_ends_agree_only_with_the_same_coding_and_the_same_prior(options: dict[str, str], tmp_path: Path) -> None:
    with_prior = coded(options, Half.ENCODER).describe()
    assert with_prior.options["entropy"] == "prior"
    assert with_prior == coded(options, Half.DECODER).describe()
    assert VQVAE2.open(options, Half.DECODER).describe() != with_prior
    other = write_prior(tmp_path / "other.safetensors", PriorShape(dimension=4, hidden=16, query=8), seed=1)
    assert coded(options | {"prior": str(other)}, Half.DECODER).describe() != with_prior


def test_coding_follows_codebooks_that_are_replaced(options: dict[str, str]) -> None:
    sender, receiver = coded(options, Half.ENCODER), coded(options, Half.DECODER)
    before = receiver.describe()
    sender.encode(PICTURE)
    moved = {name: book + np.float32(0.01) * np.sign(book) for name, book in sender.parameters().items()}
    moved = {name: book for name, book in moved.items() if name.startswith("codebook")}
    sender.replace(moved)
    receiver.replace(moved)
    assert sender.describe() == receiver.describe() != before
    assert sender.describe().knowledge == coded(options, Half.ENCODER).knowledge_with(moved)
    plain = VQVAE2.open(options, Half.BOTH)
    plain.replace(moved)
    assert np.array_equal(receiver.decode(sender.encode(PICTURE)), plain.decode(plain.encode(PICTURE)))


def test_bad_options_are_named(options: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"codec\.options\.entropy: must be one of none, prior"):
        VQVAE2.open(options | {"entropy": "zip"}, Half.ENCODER)
    with pytest.raises(CodecError, match=r"codec\.options\.entropy: prior codes indices"):
        coded(options | {"carry": "features"}, Half.ENCODER)
    with pytest.raises(CodecError, match=r"codec\.options\.prior: small.safetensors holds a vqvae2"):
        coded(options | {"prior": options["weights"]}, Half.ENCODER)
    other = write_prior(tmp_path / "p8.safetensors", PriorShape(dimension=8, hidden=16, query=8))
    with pytest.raises(CodecError, match="trained for dimension 8, the codec has 4"):
        coded(options | {"prior": str(other)}, Half.ENCODER)
    held = weights.read_tensors(Path(options["prior"]), ("",))
    short = {name: tensor for name, tensor in held.items() if name != "top.second.bias"}
    weights.write(tmp_path / "short.safetensors", short, weights.read_metadata(Path(options["prior"])))
    with pytest.raises(CodecError, match="its tensors do not fit the prior"):
        coded(options | {"prior": str(tmp_path / "short.safetensors")}, Half.ENCODER)
