"""A picture as numbers that go on the air as they are: the halves of DeepJSCC and of the autoencoder.

An encoder gives a code of c numbers a position, normalised for each picture so that two of its numbers, which make one
complex symbol, have average power 1. There is no side information: the decoder is trained on normalised codes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SymbolTransmitter(nn.Module):
    """What the sender holds. encoder: images [B, 3, H, W] -> code [B, c, h, w], of any power."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        """images [B, 3, H, W] in [0, 1] -> normalised code [B, c, h, w]."""
        return normalised(self.encoder(images))


class SymbolReceiver(nn.Module):
    """What the receiver holds. decoder: code as received [B, c, h, w] -> images [B, 3, H, W]."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, code: Tensor) -> Tensor:
        """Code as received [B, c, h, w] -> images [B, 3, H, W], not clamped."""
        images: Tensor = self.decoder(code)
        return images


def normalised(code: Tensor) -> Tensor:
    """Code [B, c, h, w] -> the same with mean square 1/2 for each picture, so that a pair has average power 1."""
    return code * (2 * code.square().mean(dim=(1, 2, 3), keepdim=True)).clamp_min(1e-12).rsqrt()


def to_symbols(code: Tensor) -> Tensor:
    """Code [B, c, h, w], c * w even -> complex [B, h, w * c/2], numbers position by position.

    So a lost packet is a hole in the picture, not a stripe through its channels.
    """
    batch, channels, height, width = code.shape
    pairs = code.permute(0, 2, 3, 1).reshape(batch, height, width * channels // 2, 2)
    return torch.view_as_complex(pairs.contiguous())


def to_code(symbols: Tensor, channels: int) -> Tensor:
    """Complex [B, h, w * c/2] -> [B, c, h, w]."""
    batch, height, row = symbols.shape
    numbers = torch.view_as_real(symbols).reshape(batch, height, 2 * row // channels, channels)
    return numbers.permute(0, 3, 1, 2)


def rows_pair_up(shrink: int, channels: int) -> int:
    """What image sides must be a multiple of, so that the numbers of every row of the code make whole symbols."""
    return shrink * (1 + channels % 2)
