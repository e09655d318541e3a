"""Windowed attention against its definition, token by token, and patches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from edge.codecs.swin_blocks import Block, Division, Merging, WindowAttention, gathered, scattered


def by_definition(attention: WindowAttention, tokens: Tensor) -> Tensor:
    """One picture [H, W, C], every token on its own: it attends to those between the same borders."""
    height, width, dimension = tokens.shape
    window, heads = attention.window, attention.heads
    per_head = dimension // heads
    shift = [window // 2 if attention.shifted and side > window else 0 for side in (height, width)]
    query, key, value = attention.qkv(tokens).reshape(height, width, 3, heads, per_head).unbind(2)
    result = torch.zeros(height, width, dimension)
    for y in range(height):
        for x in range(width):
            near = [
                (v, u)
                for v in range(height)
                for u in range(width)
                if (v - shift[0]) // min(window, height) == (y - shift[0]) // min(window, height)
                and (u - shift[1]) // min(window, width) == (x - shift[1]) // min(window, width)
            ]
            for head in range(heads):
                logits = torch.stack(
                    [
                        query[y, x, head] @ key[v, u, head] / math.sqrt(per_head)
                        + attention.position_bias[(y - v + window - 1) * (2 * window - 1) + x - u + window - 1, head]
                        for v, u in near
                    ]
                )
                weights = torch.softmax(logits, dim=0)
                seen = sum(w * value[v, u, head] for w, (v, u) in zip(weights, near, strict=True))
                result[y, x, head * per_head : (head + 1) * per_head] = seen
    out: Tensor = attention.out(result)
    return out


@pytest.mark.parametrize("size", [(8, 8), (4, 4), (2, 2), (6, 5), (3, 9), (1, 10)])
@pytest.mark.parametrize("shifted", [False, True])
@torch.no_grad()
def test_attention_is_what_it_is_by_definition_on_maps_of_any_size(size: tuple[int, int], shifted: bool) -> None:
    torch.manual_seed(0)
    attention = WindowAttention(8, 2, 4, shifted)
    attention.position_bias.normal_()
    tokens = torch.randn(2, *size, 8)
    expected = torch.stack([by_definition(attention, one) for one in tokens])
    assert torch.allclose(attention(tokens), expected, atol=1e-5)
    assert torch.allclose(attention(tokens[:1]), expected[:1], atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (6, 5)])
@pytest.mark.parametrize("shifted", [False, True])
@torch.no_grad()
def test_a_picture_alone_has_the_fast_kernel(size: tuple[int, int], shifted: bool) -> None:
    attention = WindowAttention(8, 2, 4, shifted)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # refuses what that one cannot do
        assert attention(torch.randn(1, *size, 8)).shape == (1, *size, 8)


@torch.no_grad()
def test_what_a_window_does_not_hold_does_not_matter() -> None:
    torch.manual_seed(0)
    attention = WindowAttention(8, 2, 4, shifted=False)
    tokens = torch.randn(1, 8, 8, 8)
    other = tokens.clone()
    other[:, 4:] += 1
    assert torch.equal(attention(tokens)[:, :4], attention(other)[:, :4])
    assert not torch.allclose(attention(tokens)[:, 4:], attention(other)[:, 4:])


def test_a_block_begins_as_its_skips_and_learns_by_both_branches() -> None:
    torch.manual_seed(0)
    block, tokens = Block(8, 2, 4, widening=2, shifted=False), torch.randn(1, 8, 8, 8)
    seen = block(tokens)
    assert torch.equal(seen, tokens)
    (seen * torch.randn(seen.shape)).sum().backward()
    for layer in (block.attention.out, block.mlp[-1]):
        assert bool(layer.weight.grad.any())  # type: ignore[union-attr]


def test_patches_are_squares_of_tokens_and_come_apart_again() -> None:
    tokens = torch.randn(2, 4, 6, 3)
    patches = gathered(tokens, 2)
    assert torch.equal(patches[0, 1, 2], tokens[0, 2:4, 4:6].reshape(-1))
    assert torch.equal(scattered(patches, 2), tokens)


@pytest.mark.parametrize("factor", [1, 2])
def test_merging_shrinks_and_division_enlarges(factor: int) -> None:
    tokens = torch.randn(2, 4, 8, 6)
    merged = Merging(6, 10, factor, normed=True)(tokens)
    assert merged.shape == (2, 4 // factor, 8 // factor, 10)
    assert Division(10, 6, factor)(merged).shape == tokens.shape
