"""The codecs that ship offer what fine-tuning needs, and what they offer agrees with their encode and decode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs import weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec, CodecError, Half
from edge.codecs.raw import Raw
from edge.codecs.vqvae2 import VQVAE2, shape_metadata
from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape

SHAPE = VQVAE2Shape(scale=2, channels=8, fine_channels=8, blocks=1, dimension=4)
PICTURE = np.random.default_rng(0).integers(0, 256, (16, 24, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.write(path, TransmitterHalf(SHAPE).state_dict() | ReceiverHalf(SHAPE).state_dict(), shape_metadata(SHAPE))
    return path


def opened(file: Path, half: Half = Half.BOTH) -> VQVAE2:
    return VQVAE2.open({"scale": "2", "weights": str(file)}, half)


def pixels(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.tensor(PICTURE).permute(2, 0, 1)[None].to(dtype) / 255


def test_vqvae2_is_adaptable_and_raw_is_not(file: Path) -> None:
    codec: Codec = opened(file)
    assert isinstance(codec, Adaptable)
    assert not isinstance(Raw.open({}, Half.BOTH), Adaptable)


def test_features_quantised_are_what_encode_sends(file: Path) -> None:
    codec = opened(file)
    with torch.no_grad():
        computed = codec.quantize(codec.features(pixels()))
    for one, received in zip(computed, codec.inputs_from_segments(codec.encode(PICTURE)), strict=True):
        assert torch.equal(one, received)


def test_reconstruct_is_what_decode_shows(file: Path) -> None:
    codec = opened(file)
    segments = codec.encode(PICTURE)
    with torch.no_grad():
        made = codec.reconstruct(codec.inputs_from_segments(segments))
    expected = made[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(codec.decode(segments), expected)


def test_the_compared_map_is_the_finest(file: Path) -> None:
    codec = opened(file)
    sizes = [one[0, 0].numel() for one in codec.features(pixels())]
    assert sizes[codec.compared_map] == max(sizes)


def test_gradients_reach_the_decoder_through_the_encoder_and_nothing_else(file: Path) -> None:
    codec = opened(file)
    decoder = codec.decoder_tensors()
    for tensor in decoder.values():
        tensor.requires_grad_(True)
    inputs = codec.inputs_from_segments(codec.encode(PICTURE))
    codec.features(codec.reconstruct(inputs))[codec.compared_map].square().mean().backward()
    assert all(tensor.grad is not None and bool(tensor.grad.isfinite().all()) for tensor in decoder.values())
    assert codec.transmitter is not None
    assert all(parameter.grad is None for parameter in codec.transmitter.parameters())


def test_float64_features_are_more_exact_and_leave_the_codec_as_it_was(file: Path) -> None:
    codec = opened(file)
    with torch.no_grad():
        single, double = codec.features(pixels()), codec.features(pixels(torch.float64))
        again = codec.features(pixels())
    for one, two, three in zip(single, double, again, strict=True):
        assert two.dtype == torch.float64
        torch.testing.assert_close(one.double(), two, atol=1e-4, rtol=1e-4)
        assert torch.equal(one, three)


def test_names_are_those_of_parameters_and_tensors_are_live(file: Path) -> None:
    codec = opened(file)
    held = codec.parameters()
    assert set(codec.decoder_tensors()) | set(codec.codebook_tensors()) <= set(held)
    assert not set(codec.decoder_tensors()) & set(codec.codebook_tensors())
    name, book = next(iter(codec.codebook_tensors().items()))
    codec.replace({name: held[name] + 1})
    np.testing.assert_array_equal(book.numpy(), held[name] + 1)


def test_knowledge_with_other_codebooks_is_what_describe_says_once_they_are_in_force(file: Path) -> None:
    codec = opened(file)
    assert codec.knowledge_with({}) == codec.describe().knowledge
    changed = {name: book.numpy() * 2 for name, book in codec.codebook_tensors().items()}
    promised = codec.knowledge_with(changed)
    assert promised != codec.describe().knowledge
    codec.replace(changed)
    assert codec.describe().knowledge == promised


def test_a_half_that_is_not_open_says_so(file: Path) -> None:
    with pytest.raises(CodecError, match="no encoder"):
        opened(file, Half.DECODER).features(pixels())
    sender = opened(file, Half.ENCODER)
    with pytest.raises(CodecError, match="no decoder"):
        sender.decoder_tensors()
    with pytest.raises(CodecError, match="no decoder"):
        sender.reconstruct(sender.inputs_from_segments(sender.encode(PICTURE)))
