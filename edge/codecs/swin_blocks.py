"""The parts that Swin transformers are made of (Liu et al. 2021): windowed attention with relative position bias, the
block around it, merging and dividing patches. Maps of tokens are [B, H, W, C] everywhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge.codecs.swin_windows import Axis, offsets, order, visible


class WindowAttention(nn.Module):
    """Self-attention within windows; every second block moves them by half, so that neighbours meet."""

    def __init__(self, dimension: int, heads: int, window: int, shifted: bool) -> None:
        super().__init__()
        self.heads, self.window, self.shifted = heads, window, shifted
        self.qkv = nn.Linear(dimension, 3 * dimension)
        self.out = nn.Linear(dimension, dimension)
        self.position_bias = nn.Parameter(torch.empty((2 * window - 1) ** 2, heads))
        nn.init.trunc_normal_(self.position_bias, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, H, W, C] both ways."""
        batch, height, width, dimension = tokens.shape
        rows, columns = (Axis.of(side, self.window, self.shifted) for side in (height, width))
        windows, inside = rows.count * columns.count, rows.window * columns.window
        standing, places = order(rows, columns)
        cut = self.qkv(tokens.reshape(batch, height * width, dimension).index_select(1, standing))
        parts = cut.reshape(batch, windows, inside, 3, self.heads, dimension // self.heads)
        query, key, value = parts.permute(3, 0, 1, 4, 2, 5)  # each [B, windows, heads, N, C / heads]
        seen = _attended(query, key, value, self._mask(rows, columns))
        joined = self.out(seen.transpose(2, 3).reshape(batch, windows * inside, dimension))
        result: Tensor = joined.index_select(1, places).reshape(tokens.shape)
        return result

    def _mask(self, rows: Axis, columns: Axis) -> Tensor:
        """What is added to the attention's logits: [windows, heads, N, N], or [1, heads, N, N] where all windows are
        alike."""
        inside = rows.window * columns.window
        bias = self.position_bias[offsets(rows.window, columns.window, self.window)]
        bias = bias.reshape(1, inside, inside, self.heads).permute(0, 3, 1, 2)
        seen = visible(rows, columns)
        return bias if seen is None else bias.where(seen, -torch.inf)


def _attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """[B, windows, heads, N, C / heads] each, and the same. The fast kernel takes four dimensions only, and there is
    one picture at a time wherever speed matters most."""
    if len(query) > 1:
        return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return nn.functional.scaled_dot_product_attention(query[0], key[0], value[0], attn_mask=mask)[None]


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)). [B, H, W, C] both ways.

    Both branches begin as zero, so that training begins with what merging and dividing can do alone; a random start
    of them cost more than 1 dB after 1500 steps, and learning rates above 5e-4 (docs/multiuser.md).
    """

    def __init__(self, dimension: int, heads: int, window: int, widening: int, shifted: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dimension), nn.LayerNorm(dimension)
        self.attention = WindowAttention(dimension, heads, window, shifted)
        wide = widening * dimension
        last = nn.Linear(wide, dimension)
        self.mlp = nn.Sequential(nn.Linear(dimension, wide), nn.GELU(), last)
        for branch in (self.attention.out, last):
            nn.init.zeros_(branch.weight)
            nn.init.zeros_(branch.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out


class Merging(nn.Module):
    """Patches of factor x factor tokens become one each: [B, f h, f w, C] -> [B, h, w, C'].

    normed: whether a patch is normalised first. Not where tokens are pixels: it would lose brightness and contrast.
    """

    def __init__(self, before: int, after: int, factor: int, normed: bool) -> None:
        super().__init__()
        self.factor = factor
        gathered = before * factor**2
        self.norm = nn.LayerNorm(gathered) if normed else nn.Identity()
        self.linear = nn.Linear(gathered, after)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.linear(self.norm(gathered(tokens, self.factor)))
        return out


class Division(nn.Module):
    """Each token becomes a patch of factor x factor: [B, h, w, C] -> [B, f h, f w, C']."""

    def __init__(self, before: int, after: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.norm = nn.LayerNorm(before)
        self.linear = nn.Linear(before, after * factor**2)

    def forward(self, tokens: Tensor) -> Tensor:
        return scattered(self.linear(self.norm(tokens)), self.factor)


def gathered(tokens: Tensor, factor: int) -> Tensor:
    """[B, f h, f w, C] -> [B, h, w, f f C]."""
    batch, height, width, dimension = tokens.shape
    patches = tokens.reshape(batch, height // factor, factor, width // factor, factor * dimension).transpose(2, 3)
    return patches.reshape(batch, height // factor, width // factor, factor * factor * dimension)


def scattered(tokens: Tensor, factor: int) -> Tensor:
    """What `gathered` did, undone."""
    batch, height, width, dimension = tokens.shape
    patches = tokens.reshape(batch, height, width, factor, dimension // factor).transpose(2, 3)
    return patches.reshape(batch, height * factor, width * factor, dimension // factor**2)
