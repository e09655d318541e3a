"""The noise of Table I: none, channel or semantic noise, and which pretrained weights each method meets it with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """channel_snr_db: Es/N0 of a complex symbol. image_snr_db: "semantic noise", Gaussian on the picture before it is
    encoded, that far below its mean square. latent_suffix, jscc_suffix: the ends of the names of the weights that were
    trained for this (denoising training, FTSC section III-B)."""

    key: str
    title: str
    latent_suffix: str
    jscc_suffix: str
    channel_snr_db: float | None = None
    image_snr_db: float | None = None

    @property
    def noisy(self) -> bool:
        return self.channel_snr_db is not None or self.image_snr_db is not None


NONE = Condition("none", "No noise", "", "-none")
CHANNEL_20 = Condition("channel20", "20 dB channel noise", "-f20", "-20", channel_snr_db=20.0)
CHANNEL_10 = Condition("channel10", "10 dB channel noise", "-f10", "-10", channel_snr_db=10.0)
CHANNEL_0 = Condition("channel0", "0 dB channel noise", "-f0", "-0", channel_snr_db=0.0)
SEMANTIC_20 = Condition("semantic20", "20 dB semantic noise", "-i20", "-i20", image_snr_db=20.0)
SEMANTIC_10 = Condition("semantic10", "10 dB semantic noise", "-i10", "-i10", image_snr_db=10.0)

TABLE_1 = (NONE, CHANNEL_20, SEMANTIC_20, CHANNEL_10, SEMANTIC_10, CHANNEL_0)
FINE_TUNED = (NONE, CHANNEL_20, CHANNEL_10)
