from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edge import metrics, sample
from edge.codecs import weights
from edge.codecs.contract import CodecError, Half
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape
from edge.segment import Kind, Segment

SMALL = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, dimension=4)
PICTURE = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained network in a weight file: enough for everything but picture quality."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(0)
    tensors = TransmitterHalf(SMALL).state_dict() | ReceiverHalf(SMALL).state_dict()
    weights.write(path, tensors, shape_metadata(SMALL))
    return path


def options(path: Path, scale: int = 2) -> dict[str, str]:
    return {"scale": str(scale), "weights": str(path)}


def lost(segment: Segment, present: NDArray[np.bool_]) -> Segment:
    return replace(segment, values=np.where(present, segment.values, 0).astype(np.uint16), present=present)


def test_segments_are_top_then_bottom_with_nine_bit_indices(small: Path) -> None:
    top, bottom = VQVAE2.open(options(small), Half.ENCODER).encode(PICTURE)
    assert (top.kind, top.level, top.alphabet, top.values.shape) == (Kind.INDICES, 0, 512, (6, 8))
    assert (bottom.kind, bottom.level, bottom.alphabet, bottom.values.shape) == (Kind.INDICES, 1, 512, (12, 16))
    assert top.bits_per_element == bottom.bits_per_element == 9


@pytest.mark.parametrize(("scale", "bits"), [(2, 184320), (4, 46080), (8, 11520), (16, 2880)])
def test_rate_is_that_of_ftsc_to_the_bit(scale: int, bits: int) -> None:
    # eq. (10): (64*64 + 32*32) / (256*256*3) * 9/8 at s = 4; eq. (14) scales it by 4 for every halving of s
    segments = VQVAE2.open({"scale": str(scale)}, Half.ENCODER).encode(np.zeros((256, 256, 3), np.uint8))
    assert metrics.size_bits(segments) == bits
    rho_22 = (128 * 128 + 64 * 64) / (256 * 256 * 3) * 9 / 8
    assert metrics.compression_rate(segments, 256, 256) == 16 * rho_22 * 0.25 ** (scale.bit_length())


def test_each_half_holds_only_its_own_networks(small: Path) -> None:
    sender, receiver = VQVAE2.open(options(small), Half.ENCODER), VQVAE2.open(options(small), Half.DECODER)
    assert sender.receiver is None
    assert receiver.transmitter is None
    with pytest.raises(CodecError, match="this half has no decoder"):
        sender.decode(sender.encode(PICTURE))
    with pytest.raises(CodecError, match="this half has no encoder"):
        receiver.encode(PICTURE)


def test_halves_in_two_processes_make_what_both_make_together(small: Path) -> None:
    sender, receiver = VQVAE2.open(options(small), Half.ENCODER), VQVAE2.open(options(small), Half.DECODER)
    both = VQVAE2.open(options(small), Half.BOTH)
    received = receiver.decode(sender.encode(PICTURE))
    assert received.shape == PICTURE.shape
    assert received.dtype == np.uint8
    assert np.array_equal(received, both.decode(both.encode(PICTURE)))
    assert both.transmitter is not None
    assert both.receiver is not None
    assert both.transmitter.codebook_b is both.receiver.codebook_b


def test_opening_does_not_touch_the_global_random_state(small: Path) -> None:
    torch.manual_seed(9)
    before = torch.get_rng_state()
    VQVAE2.open(options(small), Half.BOTH)
    assert torch.equal(torch.get_rng_state(), before)


def test_descriptions_match_between_halves_and_not_between_codebooks(small: Path, tmp_path: Path) -> None:
    sender, receiver = VQVAE2.open(options(small), Half.ENCODER), VQVAE2.open(options(small), Half.DECODER)
    assert sender.describe() == receiver.describe()
    assert dict(sender.describe().options) == {"scale": "2", "top_scale": "2", "carry": "indices", "entropy": "none"}
    tensors = weights.read_tensors(small, ("",))
    tensors["codebook_t.vectors"][0, 0] += 1
    weights.write(tmp_path / "other.safetensors", tensors, shape_metadata(SMALL))
    other = VQVAE2.open(options(tmp_path / "other.safetensors"), Half.DECODER)
    assert other.describe() != receiver.describe()


def test_a_tuned_decoder_is_still_compatible(small: Path, tmp_path: Path) -> None:
    tensors = weights.read_tensors(small, ("",))
    tensors["decoder_b.body.0.bias"] += 1
    weights.write(tmp_path / "tuned.safetensors", tensors, shape_metadata(SMALL))
    tuned = VQVAE2.open(options(tmp_path / "tuned.safetensors"), Half.DECODER)
    assert tuned.describe() == VQVAE2.open(options(small), Half.ENCODER).describe()


def test_wrong_indices_change_the_picture_only_nearby(small: Path) -> None:
    codec = VQVAE2.open(options(small), Half.BOTH)
    top, bottom = codec.encode(np.zeros((64, 64, 3), np.uint8))
    wrong = bottom.values.copy()
    wrong[0, 0] ^= 0x1FF
    clean, noisy = codec.decode([top, bottom]), codec.decode([top, replace(bottom, values=wrong)])
    assert not np.array_equal(clean[:8, :8], noisy[:8, :8])
    assert np.array_equal(clean[32:, 32:], noisy[32:, 32:])


def test_an_index_outside_the_codebook_counts_as_missing(small: Path) -> None:
    codec = VQVAE2.open(options(small), Half.BOTH)
    top, bottom = codec.encode(PICTURE)
    present = np.ones(bottom.values.shape, np.bool_)
    present[3, 4] = False
    outside = bottom.values.copy()
    outside[3, 4] = 600
    expected = codec.decode([top, lost(bottom, present)])
    assert np.array_equal(codec.decode([top, replace(bottom, values=outside)]), expected)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_whatever_arrived_gives_a_picture(small: Path, share: float) -> None:
    codec = VQVAE2.open(options(small), Half.BOTH)
    rng = np.random.default_rng(2)
    received = codec.decode([lost(s, rng.random(s.values.shape) < share) for s in codec.encode(PICTURE)])
    assert received.shape == PICTURE.shape


def test_concealment_beats_index_zero_on_a_photograph() -> None:
    # the wire leaves zeros where nothing arrived; a decoder that took them for indices would lose several dB
    codec = VQVAE2.open({}, Half.BOTH)
    picture = sample.kodak()[0].pixels
    rng = np.random.default_rng(4)
    holed = [lost(s, rng.random(s.values.shape) < 0.8) for s in codec.encode(picture)]
    naive = codec.decode([replace(s, present=None) for s in holed])
    assert metrics.psnr(picture, codec.decode(holed)) > metrics.psnr(picture, naive) + 3


@pytest.mark.parametrize(("scale", "least_db"), [(2, 29.0), (4, 26.0), (8, 22.5), (16, 20.0)])
def test_shipped_weights_reach_the_targets_on_the_packaged_photographs(scale: int, least_db: float) -> None:
    sender, receiver = (VQVAE2.open({"scale": str(scale)}, half) for half in (Half.ENCODER, Half.DECODER))
    pictures = [named.pixels for named in sample.kodak()]
    scores_db = [metrics.psnr(picture, receiver.decode(sender.encode(picture))) for picture in pictures]
    assert np.mean(scores_db) >= least_db


@pytest.mark.parametrize(("height", "width"), [(20, 32), (32, 30), (0, 32)])
def test_sides_must_be_a_multiple(height: int, width: int) -> None:
    codec = VQVAE2.open({}, Half.ENCODER)
    fix = "crop it to" if height else "use a larger picture"
    with pytest.raises(CodecError, match=rf"{width}x{height} is not a multiple of 8 in both sides.*{fix}"):
        codec.check_image(height, width)
    with pytest.raises(CodecError, match="is not a multiple of 8"):
        codec.encode(np.zeros((height, width, 3), np.uint8))


def test_bad_options_are_named() -> None:
    with pytest.raises(CodecError, match=r"codec\.options\.scale: must be one of 2, 4, 8, 16, got '3'"):
        VQVAE2.open({"scale": "3"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.top_scale: must be one of 2, 4, 8, 16, got '1'"):
        VQVAE2.open({"top_scale": "1"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.carry: must be one of indices, features, got 'bits'"):
        VQVAE2.open({"carry": "bits"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.requantize: must be one of none, nearest, soft, got 'yes'"):
        VQVAE2.open({"requantize": "yes"}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.sacle: vqvae2 has no such option"):
        VQVAE2.open({"sacle": "4"}, Half.BOTH)


def test_weights_of_another_scale_are_refused(small: Path) -> None:
    with pytest.raises(CodecError, match=r"small\.safetensors was trained at scale 2, not 8; set scale=2"):
        VQVAE2.open(options(small, scale=8), Half.BOTH)


def test_weights_of_another_top_scale_are_refused(small: Path) -> None:
    with pytest.raises(CodecError, match=r"small\.safetensors was trained at top_scale 2, not 4; set top_scale=2"):
        VQVAE2.open(options(small) | {"top_scale": "4"}, Half.BOTH)


def test_weights_written_before_there_was_a_top_scale_still_open(small: Path, tmp_path: Path) -> None:
    fields = asdict(SMALL)
    del fields["top_scale"]
    path = tmp_path / "old.safetensors"
    weights.write(path, weights.read_tensors(small, ("",)), {"architecture": "vqvae2", "shape": json.dumps(fields)})
    assert VQVAE2.open(options(path), Half.BOTH).shape == SMALL


def test_a_smaller_top_map_costs_less_and_comes_back_whole(tmp_path: Path) -> None:
    shape = replace(SMALL, top_scale=8)
    path = tmp_path / "b2-t8.safetensors"
    weights.write(path, TransmitterHalf(shape).state_dict() | ReceiverHalf(shape).state_dict(), shape_metadata(shape))
    codec = VQVAE2.open(options(path) | {"top_scale": "8"}, Half.BOTH)
    top, bottom = codec.encode(np.zeros((32, 48, 3), np.uint8))
    assert (top.values.shape, bottom.values.shape) == ((2, 3), (16, 24))
    assert codec.decode([top, bottom]).shape == (32, 48, 3)
    with pytest.raises(CodecError, match="is not a multiple of 16 in both sides"):
        codec.check_image(24, 32)
    with pytest.raises(CodecError, match=r"a top map \[h, w\] and a bottom map \[8h, 8w\]"):
        codec.decode([replace(top, values=bottom.values), bottom])


def test_features_carry_the_vectors_that_the_indices_name(small: Path) -> None:
    by_index = VQVAE2.open(options(small), Half.BOTH)
    by_symbol = VQVAE2.open(options(small) | {"carry": "features"}, Half.BOTH)
    segments = by_symbol.encode(PICTURE)
    assert [s.kind for s in segments] == [Kind.SYMBOLS, Kind.SYMBOLS, Kind.OPAQUE]
    assert [s.values.shape for s in segments] == [(6, 8, 2), (12, 16, 2), (8,)]
    assert [s.level for s in segments[:2]] == [0, 1]
    wanted = by_index.inputs_from_segments(by_index.encode(PICTURE))
    for found, expected in zip(by_symbol.inputs_from_segments(segments), wanted, strict=True):
        assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert by_symbol.describe() != by_index.describe()  # the two ends must agree on it


def test_requantised_features_are_codewords_again(small: Path) -> None:
    plain = VQVAE2.open(options(small) | {"carry": "features"}, Half.BOTH)
    rounding = VQVAE2.open(options(small) | {"carry": "features", "requantize": "nearest"}, Half.DECODER)
    assert rounding.describe() == plain.describe()  # the receiver's own affair
    segments = plain.encode(PICTURE)
    jitter = np.random.default_rng(0).normal(0, 1e-4, segments[1].values.shape).astype(np.complex64)
    noisy = [segments[0], replace(segments[1], values=segments[1].values + jitter), segments[2]]
    sent = plain.inputs_from_segments(segments)[1]
    assert not torch.allclose(plain.inputs_from_segments(noisy)[1], sent, rtol=1e-6, atol=1e-7)
    assert torch.allclose(rounding.inputs_from_segments(noisy)[1], sent, rtol=1e-6, atol=1e-7)


def test_soft_requantisation_comes_closer_than_the_nearest_vectors_do(small: Path) -> None:
    given = options(small) | {"carry": "features"}
    sender = VQVAE2.open(given, Half.ENCODER)
    rounding, soft = (VQVAE2.open(given | {"requantize": way}, Half.DECODER) for way in ("nearest", "soft"))
    assert soft.describe() == sender.describe()
    segments = sender.encode(PICTURE)
    clean = soft.inputs_from_segments(segments)
    rng = np.random.default_rng(1)
    noisy = list(segments)
    for i in range(2):  # 3 dB: nearest vectors are often wrong ones
        shape = segments[i].values.shape
        noise = rng.normal(0, 0.5, (2, *shape))
        noisy[i] = replace(segments[i], values=(segments[i].values + noise[0] + 1j * noise[1]).astype(np.complex64))
    errors = [
        sum(float((a - b).square().sum()) for a, b in zip(way.inputs_from_segments(noisy), clean, strict=True))
        for way in (rounding, soft)
    ]
    assert errors[1] < 0.9 * errors[0]


def test_whatever_arrived_of_features_gives_a_picture(small: Path) -> None:
    codec = VQVAE2.open(options(small) | {"carry": "features"}, Half.BOTH)
    rng = np.random.default_rng(2)
    for share in (0.0, 0.5, 1.0):
        received = []
        for segment in codec.encode(PICTURE):
            present = rng.random(segment.values.shape) < share
            values = np.where(present, segment.values, 0).astype(segment.values.dtype)
            received.append(replace(segment, values=values, present=present))
        assert codec.decode(received).shape == PICTURE.shape


def test_segments_of_the_other_carriage_are_refused(small: Path) -> None:
    by_index = VQVAE2.open(options(small), Half.BOTH)
    by_symbol = VQVAE2.open(options(small) | {"carry": "features"}, Half.BOTH)
    with pytest.raises(CodecError, match="expected 2 maps of symbols"):
        by_symbol.decode(by_index.encode(PICTURE))
    with pytest.raises(CodecError, match="expected a top map"):
        by_index.decode(by_symbol.encode(PICTURE))


def test_truncated_weights_are_refused_with_the_files_name(small: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(small.read_bytes()[:-100])
    for half in (Half.ENCODER, Half.DECODER):
        with pytest.raises(CodecError, match=r"weights: cut\.safetensors: .*give a whole \.safetensors"):
            VQVAE2.open(options(cut), half)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "names no architecture"),
        ({"architecture": "unet"}, "holds a unet, not a vqvae2"),
        ({"architecture": "vqvae2"}, "no usable network shape"),
        ({"architecture": "vqvae2", "shape": "[]"}, "no usable network shape"),
        ({"architecture": "vqvae2", "shape": '{"scale": 2, "wings": 2}'}, "no usable network shape"),
        ({"architecture": "vqvae2", "shape": '{"scale": 2, "channels": 99999999}'}, r"integer in \[1, 4096\]"),
        (
            {"architecture": "vqvae2", "shape": json.dumps(asdict(replace(SMALL, channels=12)))},
            "do not fit the network",
        ),
    ],
)
def test_foreign_weights_are_refused(small: Path, tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    path = tmp_path / "foreign.safetensors"
    weights.write(path, weights.read_tensors(small, ("",)), metadata)
    with pytest.raises(CodecError, match=rf"foreign\.safetensors.*{message}"):
        VQVAE2.open(options(path), Half.BOTH)


def test_weights_with_only_one_half_serve_that_half(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "receiver.safetensors"
    weights.write(path, weights.read_tensors(small, ("decoder_", "codebook_")), shape_metadata(SMALL))
    assert VQVAE2.open(options(path), Half.DECODER).receiver is not None
    with pytest.raises(CodecError, match="do not fit the network"):
        VQVAE2.open(options(path), Half.ENCODER)


def test_segments_of_another_codec_are_refused(small: Path) -> None:
    codec = VQVAE2.open(options(small), Half.BOTH)
    top, bottom = codec.encode(PICTURE)
    for segments in ([], [top], [bottom, top], [top, bottom, bottom]):
        with pytest.raises(CodecError, match="expected a top map"):
            codec.decode(segments)
    with pytest.raises(CodecError, match=r"expected indices of an alphabet of 512, got indices of 256"):
        codec.decode([replace(top, alphabet=256), bottom])
