from __future__ import annotations

import pytest
import torch

from edge.codecs.vqvae2_network import ReceiverHalf, TransmitterHalf, VQVAE2Shape


@pytest.mark.parametrize(("scale", "top_scale"), [(2, 2), (4, 2), (8, 2), (16, 2), (2, 4), (2, 16), (4, 8)])
def test_maps_have_the_sizes_of_the_paper_and_the_picture_comes_back_whole(scale: int, top_scale: int) -> None:
    shape = VQVAE2Shape(
        scale=scale, channels=8, fine_channels=4, blocks=1, entries=16, dimension=4, top_scale=top_scale
    )
    height, width = 2 * shape.multiple, 3 * shape.multiple
    tx, rx = TransmitterHalf(shape), ReceiverHalf(shape)
    with torch.inference_mode():
        top, bottom = tx(torch.zeros(2, 3, height, width))
        picture = rx(top, bottom)
    assert top.shape == (2, height // scale // top_scale, width // scale // top_scale)
    assert bottom.shape == (2, height // scale, width // scale)
    assert picture.shape == (2, 3, height, width)


def test_the_halves_share_nothing_but_the_codebooks() -> None:
    shape = VQVAE2Shape(channels=8, fine_channels=4)
    tx, rx = TransmitterHalf(shape).state_dict(), ReceiverHalf(shape).state_dict()
    assert set(tx) & set(rx) == {"codebook_b.vectors", "codebook_t.vectors"}


def test_a_scale_of_another_paper_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scale: must be one of \(2, 4, 8, 16\), got 3"):
        VQVAE2Shape(scale=3)
    with pytest.raises(ValueError, match=r"top_scale: must be one of \(2, 4, 8, 16\), got 1"):
        VQVAE2Shape(top_scale=1)
