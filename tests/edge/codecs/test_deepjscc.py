"""DeepJSCC, and with it what it shares with the autoencoder (edge.codecs.symbol_codec)."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import deepjscc_attention, deepjscc_network, weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import CodecError, Half
from edge.codecs.deepjscc import DeepJSCC
from edge.codecs.deepjscc_attention import AttentionShape
from edge.codecs.deepjscc_network import DeepJSCCShape
from edge.codecs.split_network import Attention, SplitReceiver, SplitShape, SplitTransmitter
from edge.codecs.symbol_codec import PAIRING, pairing
from edge.segment import Kind

SHAPE = DeepJSCCShape(channels=3, filters=8)
PICTURE = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def written(path: Path, shape: DeepJSCCShape = SHAPE, snr_db: str = "none", **more: str) -> Path:
    torch.manual_seed(0)
    tensors = deepjscc_network.transmitter(shape).state_dict() | deepjscc_network.receiver(shape).state_dict()
    metadata = {"architecture": "deepjscc", "shape": json.dumps(asdict(shape)), "snr_db": snr_db}
    weights.write(path, tensors, metadata | {PAIRING: pairing(tensors)} | more)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("weights") / "small.safetensors")


@pytest.mark.parametrize(("channels", "ratio"), [(3, 1 / 32), (12, 1 / 8), (16, 1 / 6)])
def test_the_bandwidth_ratio_is_c_over_96_and_the_power_one(channels: int, ratio: float, tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", DeepJSCCShape(channels, 8))
    codec = DeepJSCC.open({"channels": str(channels), "weights": str(path)}, Half.ENCODER)
    segments = codec.encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert [segment.kind for segment in segments] == [Kind.SYMBOLS]
    assert metrics.compression_rate(segments, 64, 64) == ratio
    assert np.mean(np.abs(segments[0].values) ** 2) == pytest.approx(1, rel=1e-5)


def test_5_convolutions_a_side_of_the_strides_of_the_paper() -> None:
    tx, rx = deepjscc_network.transmitter(SHAPE), deepjscc_network.receiver(SHAPE)
    down = [m.stride[0] for m in tx.modules() if isinstance(m, torch.nn.Conv2d)]
    up = [m.stride[0] for m in rx.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert (down, up) == ([2, 2, 1, 1, 1], [1, 1, 1, 2, 2])


def test_halves_in_two_processes_make_what_both_make_together(file: Path) -> None:
    sender, receiver, both = (DeepJSCC.open({"weights": str(file)}, half) for half in Half)
    assert sender.describe() == receiver.describe() == both.describe()
    assert dict(sender.describe().options) == {"channels": "3", "snr_db": "none"}
    received = receiver.decode(sender.encode(PICTURE))
    assert (received.shape, received.dtype) == (PICTURE.shape, np.uint8)
    assert np.array_equal(received, both.decode(both.encode(PICTURE)))
    with pytest.raises(CodecError, match="this half has no decoder"):
        sender.decode(sender.encode(PICTURE))
    with pytest.raises(CodecError, match="this half has no encoder"):
        receiver.encode(PICTURE)


def test_ends_of_two_trainings_do_not_match_but_a_tuned_decoder_does(file: Path, tmp_path: Path) -> None:
    tensors = weights.read_tensors(file, ("",))
    tensors["decoder.body.0.bias"] += 1
    metadata = weights.read_metadata(file)
    weights.write(tmp_path / "tuned.safetensors", tensors, metadata)
    tensors["encoder.body.0.bias"] += 1
    weights.write(tmp_path / "other.safetensors", tensors, metadata | {PAIRING: pairing(tensors)})
    sender = DeepJSCC.open({"weights": str(file)}, Half.ENCODER)
    tuned, other = (
        DeepJSCC.open({"weights": str(tmp_path / f"{name}.safetensors")}, Half.DECODER) for name in ("tuned", "other")
    )
    assert tuned.describe() == sender.describe()
    assert other.describe() != sender.describe()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_whatever_arrived_gives_a_picture(file: Path, share: float) -> None:
    codec = DeepJSCC.open({"weights": str(file)}, Half.BOTH)
    (sent,) = codec.encode(PICTURE)
    present = np.random.default_rng(2).random(sent.values.shape) < share
    received = replace(sent, values=np.where(present, sent.values, 0).astype(np.complex64), present=present)
    assert codec.decode([received]).shape == PICTURE.shape


def test_a_lost_symbol_takes_the_positions_it_touches_and_no_others(file: Path) -> None:
    codec = DeepJSCC.open({"weights": str(file)}, Half.BOTH)
    (sent,) = codec.encode(PICTURE)  # 3 numbers a position: symbol 1 ends position 0 and begins position 1
    present = np.ones(sent.values.shape, np.bool_)
    present[2, 1] = False
    (clean,) = codec.inputs_from_segments([sent])
    (holed,) = codec.inputs_from_segments([replace(sent, present=present)])
    changed = (clean != holed).any(dim=1)[0]
    assert torch.nonzero(changed).tolist() == [[2, 0], [2, 1]]


def test_a_known_gain_is_divided_out(file: Path) -> None:
    codec = DeepJSCC.open({"weights": str(file)}, Half.BOTH)
    (sent,) = codec.encode(PICTURE)
    gain = np.full(sent.values.shape, 0.3 + 0.4j, np.complex64)
    difference = codec.decode([replace(sent, values=sent.values * gain, csi=gain)]).astype(int)
    assert np.abs(difference - codec.decode([sent]).astype(int)).max() <= 1


def test_it_can_be_fine_tuned_and_its_tensors_replaced(file: Path) -> None:
    codec = DeepJSCC.open({"weights": str(file)}, Half.BOTH)
    assert isinstance(codec, Adaptable)
    assert codec.codebook_tensors() == {}
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    (code,) = codec.quantize(codec.features(images))
    assert (code.shape, code.dtype) == ((2, 3, 4, 4), torch.float64)
    assert torch.allclose(2 * code.square().mean(dim=(1, 2, 3)), torch.ones(2, dtype=torch.float64))
    assert codec.reconstruct([code.float()]).shape == (2, 3, 16, 16)
    names = set(codec.decoder_tensors())
    assert names == {name for name in codec.parameters() if name.startswith("decoder.")}
    before, old = codec.decode(codec.encode(PICTURE)), codec.parameters()
    codec.replace({name: old[name] * 2 for name in names})
    assert not np.array_equal(codec.decode(codec.encode(PICTURE)), before)
    assert codec.describe().knowledge == codec.knowledge_with({})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": "0"}, r"codec\.options\.channels: must be an integer in \[1, 96\], got '0'"),
        ({"channels": "x"}, r"codec\.options\.channels: must be an integer"),
        ({"snr_db": "loud"}, r"codec\.options\.snr_db: must be a number of dB or none, got 'loud'"),
        ({"snr_db": "inf"}, r"codec\.options\.snr_db: must be a number of dB or none, got 'inf'"),
        ({"sacle": "4"}, r"codec\.options\.sacle: deepjscc has no such option"),
        ({"channels": "5"}, r"was trained at channels 3, not 5; set channels=3"),
        ({"snr_db": "10"}, r"was trained for snr_db none, not 10; set snr_db=none"),
    ],
)
def test_bad_options_are_named(file: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        DeepJSCC.open({"weights": str(file)} | options, Half.BOTH)


def test_snr_has_one_form_at_both_ends(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", snr_db="10")
    descriptions = [
        DeepJSCC.open({"weights": str(path), "snr_db": text}, Half.DECODER).describe() for text in ("10", "10.0", "1e1")
    ]
    assert descriptions[0] == descriptions[1] == descriptions[2]


def test_weights_that_do_not_say_what_belongs_together_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", **{PAIRING: ""})
    with pytest.raises(CodecError, match="which encoder and decoder belong together"):
        DeepJSCC.open({"weights": str(path)}, Half.BOTH)


def test_sides_must_make_whole_symbols(file: Path) -> None:
    codec = DeepJSCC.open({"weights": str(file)}, Half.ENCODER)
    codec.check_image(256, 264)
    with pytest.raises(CodecError, match=r"20x16 is not a multiple of 8 in both sides, which deepjscc needs; crop it"):
        codec.check_image(16, 20)


def test_segments_of_another_codec_are_refused(file: Path) -> None:
    codec = DeepJSCC.open({"weights": str(file)}, Half.BOTH)
    (sent,) = codec.encode(PICTURE)
    for segments in ([], [sent, sent], [replace(sent, values=sent.values[:, :-1])]):
        with pytest.raises(CodecError, match=r"deepjscc: expected symbols \[h, w \* 3/2\]"):
            codec.decode(segments)


def with_attention(path: Path, channels: int, **more: str) -> Path:
    torch.manual_seed(0)
    shape = AttentionShape(channels, filters=8, blocks=1)
    tensors = deepjscc_attention.transmitter(shape).state_dict() | deepjscc_attention.receiver(shape).state_dict()
    about = {
        "architecture": "deepjscc",
        "network": "attention",
        "shape": json.dumps(asdict(shape)),
        "snr_db": "none",
    }
    weights.write(path, tensors, about | {PAIRING: pairing(tensors)} | more)
    return path


@pytest.mark.parametrize(("channels", "symbols"), [(2, 64), (4, 128)])
def test_with_attention_it_takes_k_symbols_of_power_1_and_gives_a_picture(
    channels: int, symbols: int, tmp_path: Path
) -> None:
    path = with_attention(tmp_path / "w.safetensors", channels)
    codec = DeepJSCC.open({"channels": str(channels), "weights": str(path)}, Half.BOTH)
    picture = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    (sent,) = codec.encode(picture)
    assert sent.values.size == symbols
    assert np.mean(np.abs(sent.values) ** 2) == pytest.approx(1, rel=1e-5)
    assert codec.decode([sent]).shape == picture.shape
    assert codec.decode(codec.encode(PICTURE)).shape == PICTURE.shape  # fully convolutional


def test_attention_is_the_network_of_f_and_g_but_for_the_code() -> None:
    """Same layers, same sizes; the code's c takes the place of the bits, in f's last layer and g's first."""
    split, shape = SplitShape(), AttentionShape()
    for ours, theirs, layer in (
        (deepjscc_attention.transmitter(shape), SplitTransmitter(split), -1),
        (deepjscc_attention.receiver(shape), SplitReceiver(split), 0),
    ):
        mine = [(name, tensor.shape) for name, tensor in ours.state_dict().items()]
        its = [(name, tensor.shape) for name, tensor in theirs.state_dict().items()]
        assert [name for name, _ in mine] == [name for name, _ in its]
        differing = {name.rsplit(".", 1)[0] for (name, a), (_, b) in zip(mine, its, strict=True) if a != b}
        assert differing == {mine[layer][0].rsplit(".", 1)[0]}
        assert any(isinstance(module, Attention) for module in ours.modules())


def test_an_unknown_network_is_refused(tmp_path: Path) -> None:
    path = with_attention(tmp_path / "w.safetensors", 4, network="transformer")
    with pytest.raises(
        CodecError, match=r"w\.safetensors is for a network 'transformer', not one of convolutions, att"
    ):
        DeepJSCC.open({"channels": "4", "weights": str(path)}, Half.BOTH)
