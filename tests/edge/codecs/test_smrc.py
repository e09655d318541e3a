from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import network_codec, registry, weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.smrc import Smrc
from edge.codecs.smrc_file import HEADS, heads_from, heads_json
from edge.codecs.smrc_network import HeadShape, SmrcReceiver, SmrcShape, SmrcTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.segment import Kind, Segment

EACH = tuple((one,) for one in range(10))
# h_11, h_21 (resolution), h_22 (semantics of five classes and the rest), h_31
SHAPE = SmrcShape(
    12,
    1,
    4,
    10,
    (
        HeadShape(1, 6, EACH),
        HeadShape(2, 4, EACH),
        HeadShape(2, 5, (*EACH[:5], (5, 6, 7, 8, 9))),
        HeadShape(3, 3, EACH),
    ),
)
PICTURE = np.random.default_rng(5).integers(0, 256, (12, 12, 3), dtype=np.uint8)


def written(path: Path, **more: str) -> Path:
    torch.manual_seed(0)
    tensors = SmrcTransmitter(SHAPE).state_dict() | SmrcReceiver(SHAPE).state_dict()
    sizes = asdict(SHAPE)
    heads = sizes.pop("heads")
    metadata = {"architecture": "smrc", "shape": json.dumps(sizes), HEADS: json.dumps(heads)}
    weights.write(path, tensors, metadata | {PAIRING: pairing(tensors)} | more)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.fixture
def codec(file: Path) -> Smrc:
    return Smrc.open({"weights": str(file)}, Half.BOTH)


def opened(file: Path, half: Half, layers: int) -> Smrc:
    return Smrc.open({"weights": str(file), "layers": str(layers)}, half)


def test_a_picture_becomes_a_sub_block_of_each_head_from_one_pass(codec: Smrc, monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[torch.Size] = []
    assert codec.transmitter is not None
    codec.transmitter.encoder.trunk.register_forward_hook(lambda _module, given, _result: passes.append(given[0].shape))
    segments = codec.encode(PICTURE)
    assert len(passes) == 1
    assert [(one.kind, one.values.shape, one.level) for one in segments] == [
        (Kind.SYMBOLS, (6,), 0),
        (Kind.SYMBOLS, (4,), 1),
        (Kind.SYMBOLS, (5,), 2),
        (Kind.SYMBOLS, (3,), 3),
    ]
    for one in segments:
        assert np.mean(np.abs(one.values) ** 2) == pytest.approx(1, rel=1e-5)


def test_halves_in_two_processes_make_what_both_make_together(file: Path, codec: Smrc) -> None:
    sender, receiver = (Smrc.open({"weights": str(file)}, half) for half in (Half.ENCODER, Half.DECODER))
    assert np.array_equal(receiver.decode(sender.encode(PICTURE)), codec.decode(codec.encode(PICTURE)))
    with pytest.raises(CodecError, match="this half has no decoder"):
        sender.decode(sender.encode(PICTURE))
    with pytest.raises(CodecError, match="this half has no encoder"):
        receiver.encode(PICTURE)
    with pytest.raises(CodecError, match="this half has no decoder"):
        sender.class_probabilities(PICTURE, 0)


def test_receivers_of_every_tier_have_one_sender_and_load_no_more_than_they_decode(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    original = weights.read_tensors

    def recording(path: Path, prefixes: tuple[str, ...]) -> dict[str, torch.Tensor]:
        tensors = original(path, prefixes)
        read.extend(tensors)
        return tensors

    monkeypatch.setattr(network_codec.weights, "read_tensors", recording)
    first = opened(file, Half.DECODER, 1)
    assert {".".join(name.split(".")[:2]) for name in read} == {"decoder.0", "extractor.0"}
    assert {".".join(name.split(".")[:2]) for name in first.parameters()} == {"decoder.0", "extractor.0"}
    second = opened(file, Half.DECODER, 2)
    assert {name.split(".")[1] for name in second.parameters()} == {"0", "1", "2"}
    sender = Smrc.open({"weights": str(file)}, Half.ENCODER)
    assert sender.describe() == first.describe() == second.describe()
    assert {name.split(".")[0] for name in sender.parameters()} == {"encoder"}
    assert [one.level for one in opened(file, Half.ENCODER, 1).encode(PICTURE)] == [0]


def test_the_best_decoder_that_the_sub_blocks_allow_is_used(file: Path, codec: Smrc) -> None:
    segments = codec.encode(PICTURE)
    alone = opened(file, Half.DECODER, 1)
    assert codec.decode_best(segments).block == 3
    assert codec.decode_best(segments[:3]).block == 1
    assert (codec.decode_best([segments[2], segments[0]]).block, codec.decode_best(segments[:1]).block) == (2, 0)
    assert np.array_equal(codec.decode(segments[:1]), alone.decode(segments[:1]))
    assert np.array_equal(alone.decode(segments), alone.decode(segments[:1]))  # the others are passed over
    assert not np.array_equal(codec.decode(segments[:2]), codec.decode(segments[:1]))
    of_head = codec.decode_block(segments, 2)
    assert (of_head.block, of_head.layer) == (2, 2)
    assert np.array_equal(of_head.picture, codec.decode([segments[0], segments[2]]))


def test_lost_upper_sub_blocks_leave_the_lower_picture_and_a_lost_first_still_gives_one(codec: Smrc) -> None:
    segments = codec.encode(PICTURE)

    def lost(segment: Segment) -> Segment:
        nothing = np.zeros(segment.values.shape, np.bool_)
        return replace(segment, values=np.zeros_like(segment.values), present=nothing)

    assert np.array_equal(
        codec.decode([segments[0], lost(segments[1]), lost(segments[2]), lost(segments[3])]),
        codec.decode(segments[:1]),
    )
    assert codec.decode([lost(segments[0])]).shape == (12, 12, 3)
    present = np.array([True, True, False, True, True, True])
    holed = replace(segments[0], values=np.where(present, segments[0].values, 0), present=present)
    assert codec.decode_best([holed]).block == 0


def test_a_known_fading_gain_is_divided_out(codec: Smrc) -> None:
    segments = codec.encode(PICTURE)
    gain = np.complex64(0.3 - 0.8j)
    faded = [
        replace(one, values=one.values * gain, csi=np.full(one.values.shape, gain, np.complex64)) for one in segments
    ]
    apart = codec.decode(faded).astype(int) - codec.decode(segments)
    assert np.abs(apart).max() <= 1


def test_a_gap_and_nothing_at_all_are_refused(codec: Smrc) -> None:
    segments = codec.encode(PICTURE)
    with pytest.raises(CodecError, match="layer 2 needs layers 1 to 2, and layer 1 is not among the segments; subscr"):
        codec.decode(segments[1:2])
    with pytest.raises(CodecError, match="layer 3 needs layers 1 to 3, and layer 2 is not among"):
        codec.decode([segments[0], segments[3]])
    with pytest.raises(CodecError, match="got no sub-block of layers 1 to 3; send layer 1 at least"):
        codec.decode([])
    with pytest.raises(CodecError, match="layer 2 needs layers 1 to 2, and layer 2 is not among"):
        codec.decode_block(segments[:1], 1)


def test_classes_come_from_the_extractor_of_the_layer(file: Path, codec: Smrc) -> None:
    probabilities = [codec.class_probabilities(PICTURE, block) for block in range(4)]
    assert [len(one) for one in probabilities] == [10, 10, 6, 10]
    for one in probabilities:
        assert one.sum() == pytest.approx(1)
    first = opened(file, Half.DECODER, 1)
    np.testing.assert_array_equal(first.class_probabilities(PICTURE, 0), probabilities[0])
    with pytest.raises(CodecError, match="no extractor for sub-block 2; open more layers"):
        first.class_probabilities(PICTURE, 2)
    with pytest.raises(CodecError, match="no decoder for sub-block 2; open more layers"):
        first.decode_block(codec.encode(PICTURE), 2)


@pytest.mark.parametrize(("alphas", "picture_of", "class_of"), [((0.9, 1, 0.2, 0.5), 1, 2), ((0.9, 0, 0.5, 1), 2, 1)])
def test_of_several_heads_the_largest_alpha_gives_the_picture_and_the_smallest_the_class(
    tmp_path: Path, alphas: tuple[float, ...], picture_of: int, class_of: int
) -> None:
    goals = json.dumps({"goals": [{"alpha": alpha} for alpha in alphas]})
    codec = Smrc.open({"weights": str(written(tmp_path / "w.safetensors", training=goals))}, Half.BOTH)
    segments = codec.encode(PICTURE)
    best = codec.decode_best(segments[:3])  # h_11, h_21, h_22
    assert (best.block, best.judge, best.layer) == (picture_of, class_of, 2)
    assert np.array_equal(best.picture, codec.decode_block(segments, picture_of).picture)
    assert np.array_equal(best.seen, codec.decode_block(segments, class_of).picture)
    alone = codec.decode_best([segments[0], segments[class_of]])
    assert (alone.block, alone.judge) == (class_of, class_of)
    assert codec.decode_best(segments).judge == 3  # the highest layer that arrived, whatever its alpha


def test_equal_heads_and_files_without_alphas_have_the_first_head_answer(codec: Smrc) -> None:
    best = codec.decode_best(codec.encode(PICTURE)[:3])
    assert (best.block, best.judge) == (1, 1)


def test_names_and_eta_come_from_the_file_and_each_end_says_what_it_holds(file: Path, tmp_path: Path) -> None:
    heads = json.loads(weights.read_metadata(file)[HEADS])
    heads[2]["name"] = "semantics"
    del heads[0]["name"]  # as files have it that were written before heads had names
    more = {HEADS: json.dumps(heads), "eta": json.dumps({"by_layer": [1.25, 1.5], "first_layer": 1.1})}
    named = written(tmp_path / "w.safetensors", **more)
    codec = Smrc.open({"weights": str(named)}, Half.ENCODER)
    assert codec.shape.names == ("h11", "h21", "semantics", "h31")
    assert codec.etas == (1.1, 1.25, 1.25, 1.5)
    assert codec.parts == ["head h11", "head h21", "head semantics", "head h31"]
    assert opened(named, Half.DECODER, 1).parts == ["decoder h11", "extractor h11"]
    assert heads_from(heads_json(codec.shape.heads)) == codec.shape.heads
    assert opened(file, Half.DECODER, 1).etas == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda segments: [*segments, segments[0]],
        lambda segments: [replace(segments[0], level=4)],
        lambda segments: [replace(segments[0], level=1)],
        lambda segments: [Segment(Kind.OPAQUE, np.zeros(6, np.uint8))],
    ],
)
def test_segments_that_are_not_the_codecs_are_refused(
    codec: Smrc, change: Callable[[list[Segment]], list[Segment]]
) -> None:
    with pytest.raises(CodecError, match=r"expected symbols \[n\] of levels 0 to 3, once each, n being \[6, 4, 5, 3\]"):
        codec.decode(change(codec.encode(PICTURE)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": "4"}, r"codec.options.layers: small.safetensors has layers 1 to 3, of which .* got '4'; give"),
        ({"layers": "0"}, "of which the first few are taken, without a gap, got '0'; give their number"),
        ({"layers": "1,3"}, "of which the first few are taken, without a gap, got '1,3'; give their number"),
        ({"layers": "two"}, "without a gap, got 'two'; give their number"),
        ({"heads": "1"}, "smrc has no such option"),
    ],
)
def test_bad_options_are_named(file: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        Smrc.open({"weights": str(file)} | options, Half.DECODER)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({PAIRING: ""}, "does not say which encoder and decoder belong together"),
        ({HEADS: "[]"}, "gives no usable network shape .heads: layers must be 1, 2"),
        ({HEADS: '[{"layer": 1}]'}, "gives no usable network shape"),
        ({HEADS: "high"}, "gives no usable network shape"),
        ({"shape": '{"symbols": true}'}, "symbols: must be an integer in .1, 4096., got True"),
        ({"shape": '{"weighing": 1}'}, "weighing: must be true or false, got 1"),
        ({"training": "7"}, "its metadata 'training' is not what training writes; train it again"),
        ({"eta": "much"}, "its metadata 'eta' is not what training writes"),
        ({"architecture": "slf"}, "holds a slf, not a smrc"),
    ],
)
def test_weight_files_that_cannot_be_used_are_named(tmp_path: Path, more: dict[str, str], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        Smrc.open({"weights": str(written(tmp_path / "w.safetensors", **more))}, Half.BOTH)


def test_the_registry_knows_it_and_other_sizes_of_pictures_are_refused(codec: Smrc) -> None:
    assert registry.load("smrc") is Smrc
    with pytest.raises(CodecError, match="image: 16x12 is not the 12x12 that these weights are for; pad or scale it"):
        codec.encode(np.zeros((12, 16, 3), np.uint8))
