from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.leveled import AsksForLevels
from edge.codecs.split import LEVEL_BERS, PAIRING, UNKNOWN, Split, digest, received_bits
from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter, to_maps, to_vectors
from edge.segment import Kind, Segment

SHAPE = SplitShape(bits=20, channels=8, fine_channels=4, blocks=1)
BERS = [0.4 / 400 ** (i / 9) for i in range(10)]
PICTURE = np.random.default_rng(5).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def written(path: Path, **more: str) -> Path:
    torch.manual_seed(0)
    tensors = SplitTransmitter(SHAPE).state_dict() | SplitReceiver(SHAPE).state_dict()
    metadata = {"architecture": "split", "shape": json.dumps(asdict(SHAPE)), LEVEL_BERS: json.dumps(BERS)}
    weights.write(path, tensors, metadata | {PAIRING: digest(tensors, "encoder")} | more)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.fixture
def codec(file: Path) -> Split:
    return Split.open({"weights": str(file)}, Half.BOTH)


def test_a_picture_becomes_as_many_bits_of_every_level(codec: Split) -> None:
    segments = codec.encode(PICTURE)
    assert [segment.level for segment in segments] == list(range(10))
    assert {(segment.kind, segment.values.shape) for segment in segments} == {(Kind.BITS, (8, 12, 2))}
    assert metrics.size_bits(segments) == 20 * 8 * 12
    assert metrics.size_bits(codec.encode(PICTURE[:32, :32])) == codec.shape.message_bits == 1280
    assert any(segment.values.any() for segment in segments)


def test_halves_in_two_processes_make_what_both_make_together(file: Path, codec: Split) -> None:
    sender, receiver = (Split.open({"weights": str(file)}, half) for half in (Half.ENCODER, Half.DECODER))
    assert sender.describe() == receiver.describe() == codec.describe()
    told = sender.describe().options
    assert (told["message_bits"], told["levels"]) == ("1280", "10")
    assert [float(ber) for ber in told["level_bers"].split(",")] == pytest.approx(BERS, rel=1e-5)
    assert np.array_equal(receiver.decode(sender.encode(PICTURE)), codec.decode(codec.encode(PICTURE)))
    with pytest.raises(CodecError, match="this half has no decoder"):
        sender.decode(sender.encode(PICTURE))
    with pytest.raises(CodecError, match="this half has no encoder"):
        receiver.encode(PICTURE)
    assert {name.split(".")[0] for name in receiver.parameters()} == {"decoder"}


def test_it_asks_for_levels(codec: Split) -> None:
    assert isinstance(codec, AsksForLevels)
    assert list(codec.level_bers) == pytest.approx(BERS)
    sizes = [segment.size_bits for segment in codec.encode(PICTURE)]
    assert [size / sum(sizes) for size in sizes] == pytest.approx(list(codec.level_shares))


def test_segments_flattened_one_after_the_other_are_the_vector_of_the_paper(codec: Split) -> None:
    segments = codec.encode(PICTURE)
    vector = np.concatenate([segment.values.reshape(-1) for segment in segments])
    assert np.array_equal(to_vectors(received_bits(segments), 10)[0].numpy(), vector)
    assert torch.equal(to_maps(torch.from_numpy(vector)[None].float(), 10, 8, 12), received_bits(segments))


def test_missing_bits_are_neither_0_nor_1(codec: Split) -> None:
    segments = codec.encode(PICTURE)
    present = np.ones(segments[4].values.shape, np.bool_)
    present[2, 3] = False
    lost = replace(segments[4], present=present)
    given = received_bits([*segments[:4], lost, *segments[5:]])[0]
    assert given[8:10, 2, 3].tolist() == [UNKNOWN, UNKNOWN]
    assert int((given == UNKNOWN).sum()) == 2


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_whatever_arrived_gives_a_picture_in_any_order(codec: Split, share: float) -> None:
    rng = np.random.default_rng(2)

    def damaged(segment: Segment) -> Segment:
        present = rng.random(segment.values.shape) < share
        return replace(segment, values=np.where(present, segment.values, 0).astype(np.uint8), present=present)

    received = [damaged(segment) for segment in codec.encode(PICTURE)]
    assert codec.decode(received).shape == PICTURE.shape
    assert np.array_equal(codec.decode(received), codec.decode(received[::-1]))


def swap_levels(segments: list[Segment]) -> list[Segment]:
    return [replace(segments[0], level=10), *segments[1:]]


@pytest.mark.parametrize(
    "change",
    [
        lambda segments: segments[:-1],
        lambda segments: [*segments[:-1], segments[0]],
        swap_levels,
        lambda segments: [replace(segments[0], values=segments[0].values[:-1]), *segments[1:]],
        lambda segments: [replace(segment, values=segment.values[..., :1]) for segment in segments],
        lambda segments: [replace(segment, kind=Kind.OPAQUE) for segment in segments],
        lambda segments: [],
    ],
)
def test_segments_that_are_not_the_codecs_are_refused(
    codec: Split, change: Callable[[list[Segment]], list[Segment]]
) -> None:
    with pytest.raises(CodecError, match=r"split: expected bits \[h, w, 2\] of each level 0 to 9, got"):
        codec.decode(change(codec.encode(PICTURE)))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({PAIRING: ""}, "does not say which f and g belong together"),
        ({LEVEL_BERS: "high"}, "gives no usable level_bers"),
        ({LEVEL_BERS: '["a"]'}, "gives no usable level_bers"),
        ({LEVEL_BERS: "[0.1, 0.2]"}, "10 levels need as many bit error rates, got 2"),
        ({LEVEL_BERS: json.dumps([0.1] * 9 + [0.2])}, r"level_bers\[9\]: must not exceed level 8's 0.1, got 0.2"),
        ({LEVEL_BERS: json.dumps([0.6] * 10)}, r"level_bers\[0\]: must be in \[0, 0.5\], got 0.6"),
        ({"shape": json.dumps(asdict(SHAPE) | {"bits": 25})}, "bits: must be a multiple of the 10 levels"),
        ({"architecture": "deepjscc"}, "holds a deepjscc, not a split"),
    ],
)
def test_weight_files_that_cannot_be_used_are_named(tmp_path: Path, more: dict[str, str], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        Split.open({"weights": str(written(tmp_path / "w.safetensors", **more))}, Half.BOTH)


def test_unknown_options_and_unfitting_pictures_are_named(file: Path, codec: Split) -> None:
    with pytest.raises(CodecError, match="split has no such option"):
        Split.open({"weights": str(file), "bits": "20"}, Half.BOTH)
    with pytest.raises(
        CodecError, match="30x32 is not a multiple of 4 in both sides, which split needs; crop it to 28x32"
    ):
        codec.encode(PICTURE[:32, :30])


def test_a_tuned_demapper_stays_compatible_and_another_mapper_does_not(file: Path, tmp_path: Path) -> None:
    tensors, metadata = weights.read_tensors(file, ("",)), weights.read_metadata(file)
    tensors["decoder.body.0.bias"] += 1
    weights.write(tmp_path / "tuned.safetensors", tensors, metadata)
    tensors["encoder.body.1.bias"] += 1
    weights.write(tmp_path / "other.safetensors", tensors, metadata | {PAIRING: digest(tensors, "encoder")})
    own, tuned, other = (
        Split.open({"weights": str(path)}, Half.DECODER).describe()
        for path in (file, tmp_path / "tuned.safetensors", tmp_path / "other.safetensors")
    )
    assert tuned == own
    assert other != own
