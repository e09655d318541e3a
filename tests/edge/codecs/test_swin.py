"""The codec: one encoder pass, any decoder, any size of picture."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import CodecError, Half
from edge.codecs.swin import Swin
from edge.codecs.swin_network import VARIANTS, SwinReceiver, SwinShape, SwinTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.images import Picture
from edge.segment import Kind

SHAPE = SwinShape(shrink=16, numbers=96, width=8, growth=4, head=4, window=4, widening=1)


def picture(height: int, width: int) -> Picture:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def written(path: Path, held: Sequence[str] = tuple(VARIANTS), **more: str) -> Path:
    torch.manual_seed(0)
    halves = [SwinTransmitter(SHAPE), *(SwinReceiver(SHAPE, one) for one in held)]
    tensors = {name: tensor for half in halves for name, tensor in half.state_dict().items()}
    for tensor in tensors.values():
        if not tensor.any():  # so at first, and then neither the SNR nor any neighbour would matter
            tensor.normal_(std=0.3)
    metadata = {"architecture": "swin", "shape": json.dumps(asdict(SHAPE)), PAIRING: pairing(tensors)}
    weights.write(path, tensors, metadata | {"decoders": json.dumps(held), "snrs_db": "[1, 3, 5, 7]"} | more)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("weights") / "small.safetensors")


def opened(file: Path, half: Half, **options: str) -> Swin:
    return Swin.open({"weights": str(file)} | options, half)


def test_one_sixteenth_of_unit_power_in_one_segment(file: Path) -> None:
    segments = opened(file, Half.ENCODER).encode(picture(48, 64))
    assert [segment.kind for segment in segments] == [Kind.SYMBOLS]
    assert segments[0].values.shape == (3, 4 * 48)
    assert metrics.compression_rate(segments, 48, 64) == 1 / 16
    assert np.mean(np.abs(segments[0].values) ** 2) == pytest.approx(1, rel=1e-5)


def test_one_encoder_pass_serves_every_decoder(file: Path) -> None:
    sender = opened(file, Half.ENCODER)
    sent, made = sender.encode(picture(32, 32)), {}
    for variant in VARIANTS:
        receiver = opened(file, Half.DECODER, decoder=variant)
        assert receiver.variant == variant
        assert receiver.describe() == sender.describe()
        assert {name.split(".")[1] for name in receiver.parameters()} == {variant}
        made[variant] = receiver.decode(sent)
        assert made[variant].shape == (32, 32, 3)
    assert not np.array_equal(made["high"], made["low"])
    with pytest.raises(CodecError, match="this half has no decoder"):
        sender.decode(sent)
    with pytest.raises(CodecError, match="this half has no encoder"):
        opened(file, Half.DECODER).encode(picture(32, 32))


@pytest.mark.parametrize(("height", "width"), [(27, 41), (32, 33), (1, 16), (96, 80)])
def test_a_picture_of_any_size_is_what_padding_by_hand_makes_of_it(file: Path, height: int, width: int) -> None:
    codec, small = opened(file, Half.BOTH), picture(height, width)
    rows, columns = -(-height // 16) * 16, -(-width // 16) * 16
    by_hand = small[np.minimum(np.arange(rows), height - 1)][:, np.minimum(np.arange(columns), width - 1)]
    sent = codec.encode(small)
    assert np.array_equal(sent[0].values, codec.encode(by_hand)[0].values)
    assert np.array_equal(codec.decode(sent), codec.decode(codec.encode(by_hand))[:height, :width])
    padded = (rows, columns) != (height, width)
    assert [segment.kind for segment in sent[1:]] == [Kind.OPAQUE] * padded
    if padded:
        assert sent[1].values.tolist() == [rows - height, columns - width]
        assert metrics.compression_rate(sent, rows, columns) == pytest.approx(1 / 16 + 16 / (3 * rows * columns))


def test_without_the_two_bytes_the_padding_stays(file: Path) -> None:
    codec = opened(file, Half.BOTH)
    symbols, side = codec.encode(picture(27, 41))
    lost = replace(side, values=np.zeros(2, np.uint8), present=np.zeros(2, np.bool_))
    garbled = replace(side, values=np.full(2, 255, np.uint8))
    for received in ([symbols, lost], [symbols, garbled], [symbols]):
        assert codec.decode(received).shape == (32, 48, 3)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_whatever_arrived_gives_a_picture(file: Path, share: float) -> None:
    codec = opened(file, Half.BOTH)
    symbols, side = codec.encode(picture(27, 41))
    present = np.random.default_rng(2).random(symbols.values.shape) < share
    received = replace(symbols, values=np.where(present, symbols.values, 0).astype(np.complex64), present=present)
    assert codec.decode([received, side]).shape == (27, 41, 3)


def test_each_end_is_told_its_own_snr(file: Path) -> None:
    tx = {snr: opened(file, Half.ENCODER, snr_db=snr) for snr in ("1", "7")}
    rx = {snr: opened(file, Half.DECODER, snr_db=snr) for snr in ("1", "7")}
    assert tx["1"].describe() == rx["7"].describe()
    sent = {snr: codec.encode(picture(32, 32)) for snr, codec in tx.items()}
    assert not np.allclose(sent["1"][0].values, sent["7"][0].values)
    assert not np.array_equal(rx["1"].decode(sent["1"]), rx["7"].decode(sent["1"]))


def test_an_snr_outside_those_trained_at_is_warned_of_and_taken_for_the_nearest(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        outside = opened(file, Half.ENCODER, snr_db="12")
    assert caplog.messages == [
        "codec.options.snr_db: 12 is outside the 1 to 7 dB that small.safetensors was trained at; it is told 7"
    ]
    caplog.clear()
    inside = opened(file, Half.ENCODER, snr_db="7")
    assert not caplog.messages
    assert np.array_equal(outside.encode(picture(32, 32))[0].values, inside.encode(picture(32, 32))[0].values)


def test_a_whole_decoder_of_another_variant_takes_the_place_of_the_one_in_force(file: Path) -> None:
    receiver, other = opened(file, Half.DECODER, decoder="low", snr_db="1"), opened(file, Half.DECODER, snr_db="1")
    sent = opened(file, Half.ENCODER).encode(picture(32, 32))
    before, pushed = receiver.decode(sent), other.parameters()
    part = dict(pushed)
    del part["decoder.high.channel.layers.0.bias"]
    with pytest.raises(
        CodecError, match=r"decoder\.high\.channel\.layers\.0\.bias: missing; to change to decoder 'high'"
    ):
        receiver.replace(part)
    wrong = pushed | {"decoder.high.channel.layers.0.bias": np.zeros(3, np.float32)}
    with pytest.raises(CodecError, match=r"decoder\.high\.channel\.layers\.0\.bias: shape must be"):
        receiver.replace(wrong)
    assert receiver.variant == "low"
    assert np.array_equal(receiver.decode(sent), before)
    receiver.replace(pushed)
    assert receiver.variant == "high"
    held = receiver.parameters()
    assert all(np.array_equal(held[name], value) for name, value in pushed.items())
    apart = receiver.decode(sent).astype(int) - other.decode(sent)
    assert np.abs(apart).max() <= 1  # sums may be rounded otherwise where tensors lie otherwise in memory
    receiver.replace({"decoder.high.channel.layers.6.bias": np.full(20, 9, np.float32)})
    assert not np.array_equal(receiver.decode(sent), other.decode(sent))


def test_it_can_be_fine_tuned_where_the_patching_divides(file: Path) -> None:
    codec = opened(file, Half.BOTH, decoder="lowest")
    assert isinstance(codec, Adaptable)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    (code,) = codec.quantize(codec.features(images))
    assert code.shape == (2, 96, 2, 2)
    assert codec.reconstruct([code]).shape == images.shape
    assert codec.features(images.double())[0].dtype == torch.float64
    assert set(codec.decoder_tensors()) == {n for n in codec.parameters() if n.startswith("decoder.lowest.")}
    with pytest.raises(CodecError, match="20x20 is not a multiple of 16 in both sides, which fine-tuning swin needs"):
        codec.features(torch.rand(1, 3, 20, 20))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder": "middle"}, r"codec\.options\.decoder: small\.safetensors holds high, low, lowest, not 'middle'"),
        ({"snr_db": "loud"}, r"codec\.options\.snr_db: must be a number of dB, got 'loud'"),
        ({"snr_db": "inf"}, r"codec\.options\.snr_db: must be a number of dB, got 'inf'"),
        ({"variant": "high"}, r"codec\.options\.variant: swin has no such option"),
    ],
)
def test_bad_options_are_named(file: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        opened(file, Half.BOTH, **options)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({PAIRING: ""}, "which encoder and decoders belong together"),
        ({"decoders": '["giant"]'}, r"w\.safetensors: its decoders are \['giant'\], not among high"),
        ({"decoders": "7"}, r"w\.safetensors: .*; train it again"),
        ({"snrs_db": "[]"}, r"w\.safetensors: snrs_db must be a list of numbers, got \[\]"),
    ],
)
def test_files_that_do_not_say_what_they_hold_are_refused(
    tmp_path: Path, metadata: dict[str, str], message: str
) -> None:
    path = written(tmp_path / "w.safetensors", **metadata)
    with pytest.raises(CodecError, match=message):
        opened(path, Half.BOTH)


def test_a_file_of_one_decoder_opens_it(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", ("low",))
    assert opened(path, Half.DECODER).variant == "low"


def test_segments_of_another_codec_are_refused(file: Path) -> None:
    codec = opened(file, Half.BOTH)
    symbols, side = codec.encode(picture(20, 20))
    with pytest.raises(CodecError, match=r"swin: expected symbols \[h, w \* 96/2\]"):
        codec.decode([side])
    for received in ([symbols, symbols], [symbols, side, side]):
        with pytest.raises(CodecError, match="swin: expected symbols, and at most 2 bytes beside them"):
            codec.decode(received)
