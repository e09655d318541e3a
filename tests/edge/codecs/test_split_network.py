from __future__ import annotations

import pytest
import torch

from edge.codecs.split_network import SplitReceiver, SplitShape, SplitTransmitter, to_maps, to_vectors


@pytest.mark.parametrize(("bits", "shrink", "message_bits"), [(20, 4, 1280), (40, 4, 2560), (80, 8, 1280)])
def test_halves_of_every_shape_fit_together(bits: int, shrink: int, message_bits: int) -> None:
    shape = SplitShape(bits, 10, shrink, channels=8, fine_channels=4, blocks=1)
    assert shape.message_bits == message_bits
    images = torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    log_odds = SplitTransmitter(shape)(images)
    assert log_odds.shape == (2, bits, 32 // shrink, 64 // shrink)
    assert SplitReceiver(shape)((log_odds > 0).float()).shape == images.shape


def test_vectors_hold_level_after_level_and_within_one_position_after_position() -> None:
    maps = torch.arange(2 * 6 * 2 * 3).reshape(2, 6, 2, 3)  # 3 levels of 2 bits at 2x3 positions
    vectors = to_vectors(maps, 3)
    expected = [
        maps[1, 2 * level + k, y, x] for level in range(3) for y in range(2) for x in range(3) for k in range(2)
    ]
    assert vectors[1].tolist() == [int(value) for value in expected]
    assert torch.equal(to_maps(vectors, 3, 2, 3), maps)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bits": 25}, "bits: must be a multiple of the 10 levels, got 25"),
        ({"shrink": 5}, "shrink: must be 4 or 8, got 5"),
        ({"levels": 1}, "levels: must be at least 2, got 1"),
    ],
)
def test_bad_sizes_are_named(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SplitShape(**fields)
