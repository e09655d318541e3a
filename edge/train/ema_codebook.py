"""Learning a codebook by exponential moving averages (the rule of VQ-VAE, van den Oord et al. 2017, appendix A.1).

The averages live here, in the trainer: a codec that is not being trained holds only the vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge.codecs.quantizer import Codebook


class EMACodebook:
    """Moves a Codebook's vectors towards the features assigned to them; revives vectors nobody uses."""

    def __init__(self, codebook: Codebook, decay: float = 0.99, revive_below: float = 0.05) -> None:
        """revive_below: a vector whose average number of assigned features a step falls below this is replaced by a
        random feature of the current batch, so that no entry of the codebook stays dead. The first batch replaces
        all vectors, unless `adopt` was called."""
        self.codebook = codebook
        self.decay = decay
        self.revive_below = revive_below
        self.counts = torch.ones(codebook.entries)
        self.sums = codebook.vectors.clone()
        self.started = False

    def adopt(self) -> None:
        """The codebook's vectors are worth keeping (they come from a trained network): go on from them."""
        self.sums.copy_(self.codebook.vectors)
        self.counts.fill_(1.0)
        self.started = True

    @torch.no_grad()
    def update(self, features: Tensor, indices: Tensor, generator: torch.Generator) -> None:
        """features [B, D, h, w] and their indices [B, h, w], from one training batch."""
        flat = features.detach().permute(0, 2, 3, 1).reshape(-1, self.codebook.dimension)
        if not self.started:
            self._restart(torch.arange(self.codebook.entries), flat, generator)
            self.started = True
            return
        chosen = indices.reshape(-1)
        counts = torch.bincount(chosen, minlength=self.codebook.entries).float()
        sums = torch.zeros_like(self.sums).index_add_(0, chosen, flat)
        self.counts.mul_(self.decay).add_(counts, alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        self.codebook.vectors.copy_(self.sums / self.counts.clamp_min(1e-5)[:, None])
        dead = torch.nonzero(self.counts < self.revive_below).flatten()
        if dead.numel():
            self._restart(dead, flat, generator)

    def _restart(self, entries: Tensor, flat: Tensor, generator: torch.Generator) -> None:
        picks = torch.randint(flat.shape[0], (entries.numel(),), generator=generator)
        self.sums[entries] = flat[picks]
        self.counts[entries] = 1.0
        self.codebook.vectors[entries] = flat[picks]

    def state_dict(self) -> dict[str, Tensor]:
        return {"counts": self.counts, "sums": self.sums, "started": torch.tensor(self.started)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])
        self.started = bool(state["started"])
