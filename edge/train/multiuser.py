"""The procedures by which one encoder and several decoders can be trained (Nguyen et al., section III and fig. 2-4), as
configurations of one loop (edge.train.swin). What comes before one, such as an encoder that is frozen now, is in the
weights that it begins from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

from edge.adapt.distill import check_alpha
from edge.codecs.swin_network import VARIANTS


@dataclass(frozen=True)
class Procedure:
    """decoders: trained in turns, an epoch each, the last of them being the one of interest. encoder: trained with
    them; else it stays as it was taught. transfer: the last stages begin as those of the taught decoder, and freeze:
    they stay so. alpha: weight of the distillation from the taught decoder, eq. (5b). continued: each decoder begins as
    it was taught itself."""

    decoders: tuple[str, ...]
    encoder: bool
    transfer: bool = False
    freeze: bool = False
    alpha: float = 0.0
    continued: bool = False

    def __post_init__(self) -> None:
        check_alpha(self.alpha)
        if unknown := sorted(set(self.decoders) - set(VARIANTS)):
            raise ValueError(f"decoders: no decoder is called '{unknown[0]}'; choose of {', '.join(VARIANTS)}")
        if len(set(self.decoders)) != len(self.decoders) or not self.decoders:
            raise ValueError(f"decoders: must be one or more different ones, got {list(self.decoders)}")

    @property
    def taught(self) -> bool:
        """Whether it begins from a trained encoder and decoder."""
        return not self.encoder


_CONFIGURED = MappingProxyType(
    {
        "alone": Procedure(("low",), encoder=True),
        "iterative": Procedure(("high", "low"), encoder=True),
        "proposed": Procedure(("low",), encoder=False),
        "transfer": Procedure(("low",), encoder=False, transfer=True),
        "transfer-frozen": Procedure(("low",), encoder=False, transfer=True, freeze=True),
        "distill": Procedure(("low",), encoder=False, alpha=1.0),
        "continued": Procedure(("high",), encoder=False, continued=True),
    }
)
PROCEDURES = tuple(_CONFIGURED)


def configured(name: str, decoder: str = "low", alpha: float | None = None) -> Procedure:
    """The procedure of that name for this decoder; alpha only for `distill`. Raises ValueError."""
    if name not in _CONFIGURED:
        raise ValueError(f"procedure: must be one of {', '.join(PROCEDURES)}, got '{name}'")
    usual = _CONFIGURED[name]
    if alpha is not None and not usual.alpha:
        raise ValueError(f"alpha: '{name}' does not distil; leave it out")
    others = usual.decoders[:-1]
    if decoder in others:
        raise ValueError(f"decoder: '{name}' trains '{decoder}' beside the one of interest; choose another one")
    return replace(usual, decoders=(*others, decoder), alpha=usual.alpha if alpha is None else alpha)
