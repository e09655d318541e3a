from __future__ import annotations

import pytest
import torch

from edge.codecs.symbol_code import normalised, rows_pair_up, to_code, to_symbols


@pytest.mark.parametrize(("channels", "width"), [(3, 4), (4, 5), (1, 2)])
def test_each_picture_has_average_power_exactly_one(channels: int, width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    code = torch.randn(4, channels, 3, width, generator=generator) * torch.tensor([0.1, 1, 10, 100]).view(4, 1, 1, 1)
    symbols = to_symbols(normalised(code))
    assert symbols.shape == (4, 3, width * channels // 2)
    assert symbols.abs().square().mean(dim=(1, 2)).tolist() == pytest.approx([1.0] * 4, rel=1e-5)


@pytest.mark.parametrize(("channels", "width"), [(3, 4), (4, 5), (1, 2)])
def test_symbols_come_back_as_the_code(channels: int, width: int) -> None:
    code = torch.randn(2, channels, 3, width, generator=torch.Generator().manual_seed(1))
    assert torch.equal(to_code(to_symbols(code), channels), code)


def test_a_position_is_a_run_of_symbols() -> None:
    code = torch.arange(8.0).view(1, 4, 1, 2)  # position 0 holds 0, 2, 4, 6
    assert to_symbols(code)[0, 0].tolist() == [0 + 2j, 4 + 6j, 1 + 3j, 5 + 7j]


def test_a_code_of_zeros_stays_finite() -> None:
    assert torch.equal(normalised(torch.zeros(1, 2, 2, 2)), torch.zeros(1, 2, 2, 2))


def test_an_odd_number_of_channels_needs_an_even_row() -> None:
    assert [rows_pair_up(4, channels) for channels in (1, 2, 3, 6)] == [8, 4, 8, 4]
