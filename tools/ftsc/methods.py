"""Every method that is not fine-tuned, as cells: a set's pictures through it at one condition and seed.

A function returns psnr_db and ssim a picture and the mean cost, or None, with a note in the setting, where weights or
the baseline are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from edge.codecs.contract import Codec, Half
from edge.codecs.jpeg import Jpeg
from edge.images import Named
from emulator.channels.ldpc import CRC_BITS, MAX_BLOCK_BITS, BlockPlan, Mcs
from emulator.channels.mcs import best_mcs
from tools.figures import over_bearers
from tools.ftsc import scoring
from tools.ftsc.baseline_jpeg import jpeg_over_ldpc
from tools.ftsc.conditions import TABLE_1, Condition
from tools.ftsc.data import SIDE, split
from tools.ftsc.models import Model, find
from tools.ftsc.setting import Setting

Cell = dict[str, Any]
BUDGET_BITS = 46080  # 9-bit indices of 64x64 and 32x32 positions: VQ-VAE-2 at scale 4 on 256x256


class SentOnce:
    """Encodes a set for a model once, whatever the number of channel seeds. Not shared between processes."""

    def __init__(self) -> None:
        self._key: tuple[str, ...] = ()
        self._kept: tuple[Codec, list[scoring.Sent]] | None = None

    def get(
        self, setting: Setting, model: Model, carry: str, set_key: str, condition: Condition, seed: int
    ) -> tuple[Codec, list[scoring.Sent]]:
        image_seed = seed if condition.image_snr_db is not None else 0
        key = (model.digest, carry, set_key, str(condition.image_snr_db), str(image_seed))
        if self._kept is None or self._key != key:
            codec = model.open({"carry": carry} if carry else {})
            sent = scoring.encode(codec, evaluation(setting, set_key), condition.image_snr_db, image_seed)
            self._key, self._kept = key, (codec, sent)
        return self._kept


def evaluation(setting: Setting, set_key: str) -> list[Named]:
    """The pictures of a set that are scored."""
    return split(setting.data, set_key).evaluation[: setting.pictures]


def pretrained(
    setting: Setting, once: SentOnce, name: str, set_key: str, condition: Condition, seed: int, carry: str
) -> Cell | None:
    """A pretrained codec as it is. carry: "features" or "indices" for the vector-quantised ones, "" for others."""
    model = find(setting.weights, name)
    if model is None:
        setting.skip(f"{name}: no such weight file")
        return None

    def compute() -> Cell:
        codec, sent = once.get(setting, model, carry, set_key, condition, seed)
        return scoring.run(codec, sent, over_bearers.analog(condition.channel_snr_db), seed)

    key = _key(setting, "pretrained", set_key, condition, seed)
    return dict(setting.cells.get({**key, "model": name, "weights": model.digest, "carry": carry}, compute))


def latent(setting: Setting, once: SentOnce, family: str, set_key: str, condition: Condition, seed: int) -> Cell | None:
    """family: vqvae2-s4 or vqvae-s4, trained for the condition. Channel noise meets the quantised features, as in the
    paper; without it indices cross, so that the cost is theirs."""
    name = family + condition.latent_suffix
    carry = "indices" if condition.channel_snr_db is None else "features"
    return pretrained(setting, once, name, set_key, condition, seed, carry)


def jscc(setting: Setting, once: SentOnce, set_key: str, condition: Condition, seed: int) -> Cell | None:
    """JSCC of Bourtsoulatze et al. trained for the condition, k/n = 1/32."""
    return pretrained(setting, once, "deepjscc-c3" + condition.jscc_suffix, set_key, condition, seed, "")


def jpeg_codec() -> Codec:
    """JPEG at the bits of VQ-VAE-2's indices at scale 4."""
    return Jpeg.open({"budget_bits": str(BUDGET_BITS)}, Half.BOTH)


def jpeg(setting: Setting, set_key: str, condition: Condition, seed: int) -> Cell:
    """JPEG of at most BUDGET_BITS, over 5G LDPC and QAM where the channel is noisy, in as many channel uses as the
    scheme of the best goodput takes."""
    snr_db = condition.channel_snr_db

    def compute() -> Cell:
        if snr_db is None:
            codec = jpeg_codec()
            return scoring.run(
                codec, scoring.encode(codec, evaluation(setting, set_key), condition.image_snr_db, seed), {}
            )
        mcs = best_mcs(snr_db, MAX_BLOCK_BITS, -(-BUDGET_BITS // (MAX_BLOCK_BITS - CRC_BITS)))
        return _jpeg_over_ldpc(setting, set_key, snr_db, seed, BlockPlan.of(BUDGET_BITS, mcs).symbols, mcs)

    return dict(setting.cells.get(_key(setting, "jpeg", set_key, condition, seed) | {"bits": BUDGET_BITS}, compute))


def jpeg_at_budget(
    setting: Setting, set_key: str, snr_db: float, seed: int, budget: float, shrink: bool = False
) -> Cell:
    """JPEG of the best quality whose coded symbols fit k/n = budget at this SNR, over LDPC and QAM for real. shrink:
    of the best size, too."""

    def compute() -> Cell:
        return _jpeg_over_ldpc(setting, set_key, snr_db, seed, round(3 * SIDE * SIDE * budget), None, shrink)

    what = "jpeg-shrunken" if shrink else "jpeg-budget"
    key = {"what": what, "set": set_key, "snr_db": snr_db, "seed": seed, "budget": budget}
    return dict(setting.cells.get(key | {"pictures": setting.pictures}, compute))


def _jpeg_over_ldpc(
    setting: Setting, set_key: str, snr_db: float, seed: int, symbols: int, mcs: Mcs | None, shrink: bool = False
) -> Cell:
    pictures = [named.pixels for named in evaluation(setting, set_key)]
    found = jpeg_over_ldpc(pictures, symbols, snr_db, seed, mcs, shrink)
    bits, used = [one.bits for one in found], [one.symbols for one in found]
    return {
        "psnr_db": [round(min(one.psnr_db, scoring.BEST_DB), 4) for one in found],
        "ssim": [round(one.ssim, 5) for one in found],
        "cost": scoring.as_cost(fmean(bits), fmean(used), pictures[0].size),
        "bits": bits,
        "symbols": used,
        "mcs": [one.mcs for one in found],
        "variants": [f"1/{one.shrink}" if shrink else f"q={one.quality}" for one in found],
        "outages": sum(one.outage for one in found),
    }


def channel(snr_db: float) -> Condition:
    """The condition of channel noise at one of the SNRs of Table I. Raises StopIteration for another."""
    return next(one for one in TABLE_1 if one.channel_snr_db == snr_db)


def _key(setting: Setting, what: str, set_key: str, condition: Condition, seed: int) -> dict[str, object]:
    return {
        "what": what,
        "set": set_key,
        "condition": condition.key,
        "seed": seed if condition.noisy else 0,
        "pictures": setting.pictures,
    }


def mean_cost(cells: Sequence[Cell], name: str) -> float:
    """Mean over seeds of one of the costs."""
    return fmean([cell["cost"][name] for cell in cells])
