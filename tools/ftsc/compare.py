"""VQ-VAE-2, JPEG and JSCC at equal channel uses: complex symbols over values of the picture, k/n = 1/32 and 1/8.

Everything crosses the same AWGN channel at 20, 10 and 0 dB. Bits (VQ-VAE-2's indices, JPEG's scan) are protected by 5G
LDPC and QAM with the scheme of the best goodput at that SNR, decoded for real; JSCC sends its symbols as they are.
For each picture the sender takes the finest VQ-VAE-2 variant whose symbols fit (scale 2 to 16, 9-bit indices or the
entropy coder) and says which in MODE_BITS, as JPEG takes the best quality that fits. "JPEG, shrunken" may also send the
picture 2, 4 or 8 times smaller, in each direction, and enlarge it at the receiver: the JPEG that no cliff stops. So may
"VQ-VAE-2, shrunken", to any of SIDES; its sender decodes for itself to choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import click

from edge import metrics
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec
from edge.codecs.jpeg_shrink import scaled
from edge.segment import Kind, Segment
from emulator.bearers.ldpc_qam import LdpcBlocks
from tools.figures import over_bearers, plots
from tools.figures.results import Banded, Row
from tools.figures.setting import write
from tools.ftsc import methods, results, scoring, tuning
from tools.ftsc.conditions import NONE
from tools.ftsc.data import SETS, SIDE, TESTING
from tools.ftsc.methods import Cell, SentOnce
from tools.ftsc.models import Model, Prior, find, find_prior
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import Task

SETS_SHOWN = (*TESTING, "kodak")
SNRS_DB = (20.0, 10.0, 0.0)
JSCC_CHANNELS = {1 / 32: 3, 1 / 8: 12}  # k/n = c/96
SCALES = (2, 4, 8, 16)
MODE_BITS = 3  # names the variant: four scales, with or without entropy coder; counted with the picture
SIDES = (
    256,
    192,
    160,
    128,
    96,
    64,
)  # to which "VQ-VAE-2, shrunken" may scale a picture: what the coarsest scale divides
SIDE_BITS = 3  # names the side; counted with the picture
REMARKS = (
    "symbols: mean complex channel uses of a picture, LDPC's CRC and padding included; budget_symbols bounds each one.",
    "bits: mean payload bits before LDPC. mcs: the scheme and how many pictures used it.",
    "VQ-VAE-2 PT: as pretrained without noise. DFT: each scale fine-tuned on the set's 32 pictures over clean lessons, "
    "seed 0; not for Kodak, which has no fine-tuning part.",
    "outages: pictures for which nothing fitted or nothing usable arrived; they count with what the receiver shows.",
    "JPEG, shrunken: for each picture the best PSNR over sizes 1, 1/2, 1/4, 1/8 (variant), each at the best quality "
    "that fits; a byte more names the size.",
    "VQ-VAE-2, shrunken: as pretrained; for each picture the best PSNR over sides of 256 to 64 pixels and all variants "
    "that fit; three bits more name the side.",
    "JSCC: weights trained for this SNR, k/n exactly the budget.",
)
OURS = ("VQ-VAE-2 PT", "VQ-VAE-2 DFT", "VQ-VAE-2, shrunken")
RIVALS = {"JPEG+LDPC": "jpeg", "JPEG, shrunken": "jpeg_shrunken", "JSCC": "jscc"}


@dataclass(frozen=True)
class Variant:
    """One way to send a picture by VQ-VAE-2, finest first in `variants`."""

    model: Model
    scale: int
    prior: Prior | None

    @property
    def name(self) -> str:
        return f"s={self.scale}" + (", entropy-coded" if self.prior is not None else "")

    def options(self) -> dict[str, str]:
        return self.prior.options() if self.prior is not None else {"carry": "indices"}


def variants(setting: Setting) -> list[Variant]:
    """Those whose weights are there: rising scale, entropy coder first since it takes fewer bits for the same."""
    found = []
    for scale in SCALES:
        model = find(setting.weights, f"vqvae2-s{scale}")
        if model is None:
            setting.skip(f"vqvae2-s{scale}: no such weight file")
            continue
        prior = find_prior(setting.weights, scale)
        if prior is not None:
            found.append(Variant(model, scale, prior))
        else:
            setting.skip(f"vqvae2-s{scale}-prior: no such weight file")
        found.append(Variant(model, scale, None))
    return found


@dataclass(frozen=True)
class Offer:
    """A variant's codec (fine-tuned or not) and every picture as it would send it."""

    variant: Variant
    codec: Codec
    sent: Sequence[scoring.Sent]


def offers(setting: Setting, set_key: str, method: str) -> list[Offer]:
    """Every variant that can fit at all, encoded. method: "PT" or "DFT"."""
    pictures = methods.evaluation(setting, set_key)
    made = []
    for variant in variants(setting):
        codec = variant.model.open(variant.options())
        if variant.prior is None and not can_fit(codec.encode(pictures[0].pixels)):
            continue  # 9-bit indices take the same whatever the picture and the codebook
        if method == "DFT":
            tuned = tuning.tuned(setting, Task(variant.model, set_key, NONE, "dft", 0, curve=variant.scale == 4))[0]
            assert isinstance(codec, Adaptable)
            assert isinstance(tuned, Adaptable)
            codec.replace(tuned.parameters())
        made.append(Offer(variant, codec, scoring.encode(codec, pictures)))
    return made


def can_fit(segments: Sequence[Segment]) -> bool:
    """Whether these fit the largest budget at the best SNR."""
    return symbols(segments, LdpcBlocks(max(SNRS_DB))) <= budget_symbols(max(JSCC_CHANNELS))


def symbols(segments: Sequence[Segment], bearer: LdpcBlocks, mode_bits: int = MODE_BITS) -> int:
    """Complex symbols that these segments take, every one in blocks of its own, and the mode with the first."""
    extra = [mode_bits] + [0] * len(segments)
    return sum(
        bearer.plan(segment.size_bits + more, segment.level).symbols
        for segment, more in zip(segments, extra, strict=False)
        if segment.values.size
    )


def latent(offered: Sequence[Offer], snr_db: float, budget_symbols: int) -> Cell:
    """Each picture by the first variant that fits; the coarsest, as an outage, where none does."""
    bearer = LdpcBlocks(snr_db)
    bearers = {Kind.INDICES: bearer, Kind.OPAQUE: bearer}
    received, originals, chosen, used, bits, schemes, outages = [], [], [], [], [], [], 0
    for index in range(len(offered[0].sent)):
        fitting = [offer for offer in offered if symbols(offer.sent[index].segments, bearer) <= budget_symbols]
        offer = fitting[0] if fitting else offered[-1]
        outages += not fitting
        sent = offer.sent[index]
        received.append(offer.codec.decode(over_bearers.transmit(sent.segments, bearers, 0, index)))
        originals.append(sent.original)
        chosen.append(offer.variant.name)
        used.append(symbols(sent.segments, bearer))
        bits.append(sum(segment.size_bits for segment in sent.segments) + MODE_BITS)
        largest = max(sent.segments, key=lambda segment: segment.size_bits)
        schemes.append(str(bearer.plan(largest.size_bits, largest.level).mcs))
    return {
        **scoring.score(originals, received),
        "bits": bits,
        "symbols": used,
        "mcs": schemes,
        "variants": chosen,
        "outages": outages,
    }


@dataclass(frozen=True)
class Shrunken:
    """One picture at one side: what would be sent, and how good it is where nothing goes wrong."""

    side: int
    offer: Offer
    sent: scoring.Sent
    psnr_db: float


def shrunken_offers(setting: Setting, set_key: str) -> list[list[Shrunken]]:
    """For every picture everything that could be sent of it, finest first on each side."""
    pictures = methods.evaluation(setting, set_key)
    found: list[list[Shrunken]] = [[] for _ in pictures]
    for side in SIDES:
        small = [replace(picture, pixels=scaled(picture.pixels, side, side)) for picture in pictures]
        for variant in variants(setting):
            codec = variant.model.open(variant.options())
            offer = Offer(variant, codec, scoring.encode(codec, small))
            for picture, sent, offered in zip(pictures, offer.sent, found, strict=True):
                shown = scaled(codec.decode(sent.segments), *picture.pixels.shape[:2])
                offered.append(Shrunken(side, offer, sent, metrics.psnr(picture.pixels, shown)))
    return found


def shrunken(setting: Setting, set_key: str, offered: Sequence[list[Shrunken]], snr_db: float, budget: int) -> Cell:
    """Each picture at the side and by the variant of the best PSNR among those that fit."""
    bearer = LdpcBlocks(snr_db)
    bearers = {Kind.INDICES: bearer, Kind.OPAQUE: bearer}
    mode_bits = MODE_BITS + SIDE_BITS
    chosen = []
    for each in offered:
        fitting = [one for one in each if symbols(one.sent.segments, bearer, mode_bits) <= budget]
        chosen.append(max(fitting, key=lambda one: one.psnr_db) if fitting else each[-1])
    originals = [picture.pixels for picture in methods.evaluation(setting, set_key)]
    received = [
        scaled(one.offer.codec.decode(over_bearers.transmit(one.sent.segments, bearers, 0, index)), *original.shape[:2])
        for index, (one, original) in enumerate(zip(chosen, originals, strict=True))
    ]
    used = [symbols(one.sent.segments, bearer, mode_bits) for one in chosen]
    return {
        **scoring.score(originals, received),
        "bits": [sum(segment.size_bits for segment in one.sent.segments) + mode_bits for one in chosen],
        "symbols": used,
        "variants": [f"{one.offer.variant.name} at {one.side}" for one in chosen],
        "outages": sum(count > budget for count in used),
    }


def shrunken_cells(setting: Setting, set_key: str) -> dict[tuple[float, float], Cell]:
    """(budget k/n, SNR) -> cell."""
    held: list[list[Shrunken]] = []
    found = {}
    for budget in JSCC_CHANNELS:
        for snr_db in SNRS_DB:

            def compute(budget: float = budget, snr_db: float = snr_db) -> Cell:
                if not held:
                    held.extend(shrunken_offers(setting, set_key))
                return shrunken(setting, set_key, held, snr_db, budget_symbols(budget))

            key: dict[str, object] = {"what": "compare shrunken", "set": set_key, "snr_db": snr_db, "budget": budget}
            key |= {"pictures": setting.pictures, "sides": list(SIDES)}
            key |= {v.name: f"{v.model.digest} {v.prior.digest if v.prior else ''}" for v in variants(setting)}
            found[budget, snr_db] = setting.cells.get(key, compute)
    return found


def cells_of_set(setting: Setting, set_key: str, method: str) -> dict[tuple[float, float], Cell]:
    """(budget k/n, SNR) -> cell, for PT or DFT. Pictures are encoded only when a cell is missing."""
    held: list[Offer] = []
    found = {}
    for budget in JSCC_CHANNELS:
        for snr_db in SNRS_DB:

            def compute(budget: float = budget, snr_db: float = snr_db) -> Cell:
                if not held:
                    held.extend(offers(setting, set_key, method))
                return latent(held, snr_db, budget_symbols(budget))

            key: dict[str, object] = {"what": "compare", "set": set_key, "method": method, "snr_db": snr_db}
            key |= {"budget": budget, "pictures": setting.pictures}
            key |= {v.name: f"{v.model.digest} {v.prior.digest if v.prior else ''}" for v in variants(setting)}
            if method == "DFT":
                key |= {"steps": setting.steps, "batch": setting.batch}
            found[budget, snr_db] = setting.cells.get(key, compute)
    return found


def budget_symbols(budget: float) -> int:
    """k of k/n for one picture."""
    return round(3 * SIDE * SIDE * budget)


def jscc(setting: Setting, once: SentOnce, set_key: str, snr_db: float, budget: float) -> Cell | None:
    """JSCC trained for this SNR and rate."""
    condition = methods.channel(snr_db)
    name = f"deepjscc-c{JSCC_CHANNELS[budget]}{condition.jscc_suffix}"
    cell = methods.pretrained(setting, once, name, set_key, condition, 0, "")
    if cell is None:
        return None
    return cell | {"symbols": [cell["cost"]["channel_uses"]], "bits": [cell["cost"]["bits"]], "outages": 0}


def rows(setting: Setting) -> list[Row]:
    once = SentOnce()
    found: list[Row] = []
    for set_key in SETS_SHOWN:
        tuned = cells_of_set(setting, set_key, "DFT") if set_key in TESTING else {}
        pretrained = cells_of_set(setting, set_key, "PT")
        small = shrunken_cells(setting, set_key)
        for budget in JSCC_CHANNELS:
            for snr_db in SNRS_DB:
                ways = {
                    "VQ-VAE-2 PT": pretrained[budget, snr_db],
                    "VQ-VAE-2 DFT": tuned.get((budget, snr_db)),
                    "VQ-VAE-2, shrunken": small[budget, snr_db],
                    "JPEG+LDPC": methods.jpeg_at_budget(setting, set_key, snr_db, 0, budget),
                    "JPEG, shrunken": methods.jpeg_at_budget(setting, set_key, snr_db, 0, budget, shrink=True),
                    "JSCC": jscc(setting, once, set_key, snr_db, budget),
                }
                found += [
                    _row(set_key, budget, snr_db, method, cell) for method, cell in ways.items() if cell is not None
                ]
        click.echo(f"  compare: {set_key} done", err=True)
    return found


def _row(set_key: str, budget: float, snr_db: float, method: str, cell: Cell) -> dict[str, Any]:
    return {
        "set": SETS[set_key].title,
        "k_over_n": f"1/{round(1 / budget)}",
        "budget_symbols": budget_symbols(budget),
        "snr_db": snr_db,
        "method": method,
        "psnr_db": round(fmean(cell["psnr_db"]), 3),
        "psnr_low_db": round(min(cell["psnr_db"]), 3),
        "psnr_high_db": round(max(cell["psnr_db"]), 3),
        "ssim": round(fmean(cell["ssim"]), 4),
        "bits": round(fmean(cell["bits"]), 1),
        "symbols": round(fmean(cell["symbols"]), 1),
        "outages": cell["outages"],
        "mcs": _counted(cell.get("mcs", [])),
        "variant": _counted(cell.get("variants", [])),
    }


def _counted(names: Sequence[str]) -> str:
    """ "a x3; b x2", most frequent first."""
    counts = {name: list(names).count(name) for name in names}
    return "; ".join(f"{name} x{count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def verdicts(found: Sequence[Row]) -> list[dict[str, Any]]:
    """For each set, rate and SNR: how far the best of VQ-VAE-2's rows is above JPEG and JSCC, in dB."""
    places = dict.fromkeys((row["set"], row["k_over_n"], row["snr_db"]) for row in found)
    told = []
    for place in places:
        psnr = {r["method"]: r["psnr_db"] for r in found if (r["set"], r["k_over_n"], r["snr_db"]) == place}
        ours = max((psnr[method] for method in OURS if method in psnr), default=None)
        row: dict[str, Any] = {"set": place[0], "k_over_n": place[1], "snr_db": place[2]}
        for rival, name in RIVALS.items():
            if ours is not None and rival in psnr:
                row[f"above_{name}_db"] = round(ours - psnr[rival], 3)
        told.append(row)
    return told


def draw(setting: Setting, found: list[Row]) -> None:
    titles = [SETS[key].title for key in SETS_SHOWN]
    panels = []
    for budget in JSCC_CHANNELS:
        for snr_db in SNRS_DB:
            rate = f"1/{round(1 / budget)}"
            series = []
            for method in dict.fromkeys(str(row["method"]) for row in found):
                wanted = {"k_over_n": rate, "snr_db": snr_db, "method": method}
                points = [results.point(found, set=title, **wanted) for title in titles]
                if any(points):
                    series.append((method, [p and Banded(p.mean, p.mean, p.mean) for p in points]))
            panels.append((f"k/n = {rate}, {snr_db:g} dB", series))
    plots.bars(setting.out / "compare.png", titles, panels)


def compare(setting: Setting) -> None:
    found = rows(setting)
    write(setting, "compare", found, {"verdicts": verdicts(found)}, REMARKS)
    draw(setting, found)


if __name__ == "__main__":
    options(compare)()
