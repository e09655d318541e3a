"""The single-level codec: what is its own. What it shares with VQ-VAE-2 (edge.codecs.vq_codec) is in test_vqvae2.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge import metrics
from edge.codecs import weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import CodecError, Half
from edge.codecs.vqvae import VQVAE, shape_metadata
from edge.codecs.vqvae_network import ReceiverHalf, TransmitterHalf, VQVAEShape
from edge.segment import Kind

# the sizes of SLF, section II: a codebook of 16 entries of 16 dimensions
SHAPE = VQVAEShape(scale=4, channels=8, fine_channels=8, blocks=1, entries=16, dimension=16)
PICTURE = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def written(folder: Path, shape: VQVAEShape) -> Path:
    torch.manual_seed(0)
    path = folder / f"k{shape.entries}-d{shape.dimension}.safetensors"
    weights.write(path, TransmitterHalf(shape).state_dict() | ReceiverHalf(shape).state_dict(), shape_metadata(shape))
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("weights"), SHAPE)


def test_one_map_of_as_many_bits_as_the_codebook_of_the_file_asks_for(file: Path) -> None:
    codec = VQVAE.open({"weights": str(file)}, Half.BOTH)
    segments = codec.encode(PICTURE)
    (one,) = segments
    assert (one.kind, one.level, one.alphabet, one.values.shape) == (Kind.INDICES, 0, 16, (6, 8))
    assert metrics.compression_rate(segments, 24, 32) == 6 * 8 * 4 / (8 * 3 * 24 * 32)
    assert codec.decode(segments).shape == PICTURE.shape


def test_halves_in_two_processes_make_what_both_make_together(file: Path) -> None:
    sender, receiver, both = (VQVAE.open({"weights": str(file)}, half) for half in Half)
    assert sender.describe() == receiver.describe() == both.describe()
    assert dict(sender.describe().options) == {"scale": "4", "carry": "indices"}
    assert np.array_equal(receiver.decode(sender.encode(PICTURE)), both.decode(both.encode(PICTURE)))
    assert not any(name.startswith("decoder") for name in sender.parameters())
    assert not any(name.startswith("encoder") for name in receiver.parameters())


def test_features_cost_half_a_symbol_a_dimension(file: Path) -> None:
    codec = VQVAE.open({"weights": str(file), "carry": "features"}, Half.BOTH)
    symbols, side = codec.encode(PICTURE)
    assert (symbols.channel_uses, side.size_bits) == (6 * 8 * 16 // 2, 32)
    by_index = VQVAE.open({"weights": str(file)}, Half.BOTH)
    difference = codec.decode([symbols, side]).astype(int) - by_index.decode(by_index.encode(PICTURE)).astype(int)
    assert np.abs(difference).max() <= 1  # the same vectors, up to the rounding of the rms


def test_vectors_of_an_odd_dimension_cannot_be_paired(tmp_path: Path) -> None:
    path = written(tmp_path, replace(SHAPE, dimension=5))
    VQVAE.open({"weights": str(path)}, Half.BOTH)
    with pytest.raises(CodecError, match=r"codec\.options\.carry: vqvae cannot pair vectors of 5 numbers"):
        VQVAE.open({"weights": str(path), "carry": "features"}, Half.BOTH)


def test_two_maps_or_a_map_of_another_alphabet_are_refused(file: Path) -> None:
    codec = VQVAE.open({"weights": str(file)}, Half.BOTH)
    (one,) = codec.encode(PICTURE)
    with pytest.raises(CodecError, match="expected one map"):
        codec.decode([one, one])
    with pytest.raises(CodecError, match="expected indices of an alphabet of 16, got indices of 512"):
        codec.decode([replace(one, alphabet=512)])


def test_weights_of_vqvae2_are_refused() -> None:
    path = weights.shipped_folder() / "vqvae2-s4.safetensors"
    with pytest.raises(CodecError, match=r"vqvae2-s4\.safetensors holds a vqvae2, not a vqvae"):
        VQVAE.open({"weights": str(path)}, Half.BOTH)


def test_it_can_be_fine_tuned(file: Path) -> None:
    codec = VQVAE.open({"weights": str(file)}, Half.BOTH)
    assert isinstance(codec, Adaptable)
    assert codec.compared_map == 0
    assert list(codec.codebook_tensors()) == ["codebook.vectors"]
    (features,) = codec.features(torch.zeros(2, 3, 16, 16, dtype=torch.float64))
    assert (features.shape, features.dtype) == ((2, 16, 4, 4), torch.float64)
    assert codec.reconstruct(codec.quantize([features.float()])).shape == (2, 3, 16, 16)
