"""The channel coder that `swin` has on both sides: seven fully connected layers, told the SNR, and a skip past them.

As WITT (Yang et al. 2023) has it, what the layers make of the tokens decides by how much each of their numbers is
scaled; the tokens themselves go past. The layers learn to read the tokens, not to change them: no gradient goes back
through their input.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

LAYERS = 7
MIDDLE_DB, SPREAD_DB = 4.0, 4.0  # the network is told (snr_db - middle) / spread


class ChannelCoder(nn.Module):
    """Tokens [B, H, W, C] both ways. Between two layers every number is scaled by what the SNR calls for. Begins as the
    skip alone."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        hidden = dimension * 3 // 2
        widths = [dimension, *[hidden] * (LAYERS - 1), dimension]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        self.scales = nn.Sequential(nn.Linear(1, hidden), nn.GELU(), nn.Linear(hidden, (LAYERS - 1) * hidden))
        *first, last = (layer for layer in self.layers if isinstance(layer, nn.Linear))
        for layer in first:  # torch's own start would leave a thousandth of the tokens, and nothing of the SNR
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, tokens: Tensor, snr_db: float) -> Tensor:
        told = torch.full((1,), (snr_db - MIDDLE_DB) / SPREAD_DB, dtype=tokens.dtype)
        scales = (2 * torch.sigmoid(self.scales(told))).chunk(LAYERS - 1)
        hidden = tokens.detach()
        for layer, scale in zip(list(self.layers)[:-1], scales, strict=True):
            hidden = nn.functional.gelu(layer(hidden) * scale)
        out: Tensor = tokens * (2 * torch.sigmoid(self.layers[-1](hidden)))
        return out
