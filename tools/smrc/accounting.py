"""What a multicast costs by the three strategies of section I: the paper's example, and two tiers with our eta.

eta of layer 2, for each SNR and seed: its sub-block over what two single-head codecs differ in that are as good as
decoders 2 and 1 (emulator.multicast_accounting). A single-head codec's size for a quality is read off models of 16, 20,
30 and 40 symbols, trained as the others were. Rates: those of the shipped scenario smrc-multicast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from emulator import multicast_accounting
from emulator.multicast_accounting import Costs, Tier
from tools.figures.results import Row
from tools.figures.setting import command_line, write
from tools.smrc.setting import SNRS_DB, Score, Setting, Test, options

SINGLES = {16: "bound16", 20: "bound20", 30: "bound30", 40: "bound"}  # symbols: models
EXAMPLE = (Tier(1, 1 / 3), Tier(2, 1 / 2), Tier(4, 2 / 3), Tier(6, 3 / 4))  # section I, in units of B
PAPERS_ETA = 1.05
SUB_BLOCK = 20


def eta_rows(setting: Setting, test: Test) -> list[Row]:
    """A row for each seed and SNR where all models are there. single_1, single_2: sizes of single-head codecs as good
    as decoders 1 and 2; eta_1: the first sub-block over the former."""
    rows: list[Row] = []
    singles = {symbols: setting.models(kind, test.name) for symbols, kind in SINGLES.items()}
    for seed, file in setting.models("smrc", test.name).items():
        if not all(seed in models for models in singles.values()):
            continue
        for snr_db in SNRS_DB:
            heads = setting.scores(file, test, seed, [snr_db])
            reached = {
                float(symbols): float(setting.scores(models[seed], test, seed, [snr_db])[0]["psnr_db"])
                for symbols, models in singles.items()
            }
            try:
                rows.append({"seed": seed, "snr_db": snr_db, **etas(heads, reached)})
            except ValueError as error:  # a decoder is better or worse than every single-head codec
                setting.skip(f"eta of seed {seed}, {snr_db:g} dB: {error}")
    return rows


def etas(heads: Sequence[Score], reached: Mapping[float, float]) -> dict[str, float]:
    """heads: of decoders 1 and 2. reached: PSNR in dB of single-head codecs by their symbols."""
    first, both = (int(one["symbols"]) for one in heads)
    one, two = (multicast_accounting.single_size(float(head["psnr_db"]), reached) for head in heads)
    found = {
        "decoder_1_db": float(heads[0]["psnr_db"]),
        "decoder_2_db": float(heads[1]["psnr_db"]),
        "single_1": one,
        "single_2": two,
        "eta_1": first / one,
        "eta": multicast_accounting.measured_eta(both - first, two, one),
    }
    return {name: round(value, 4) for name, value in found.items()}


def scenarios_rates() -> list[float]:
    """Of each tier's weakest receiver, the far one alone in the first."""
    from emulator.topology import loading

    scenario = loading.load(Path(multicast_accounting.__file__).parent / "scenarios" / "smrc-multicast.yaml")
    (link,) = scenario.links
    rates = dict(link.code_rates)
    return multicast_accounting.weakest_rates([[rates.pop("far")], list(rates.values())])


def ours(rows: list[Row], rates: list[float]) -> Costs:
    """Channel uses a picture of two tiers that want what decoders 1 and 2 reach: (a) and (b) by single-head codecs of
    these qualities, (c) by two sub-blocks."""
    single = [fmean(float(row[f"single_{layer}"]) for row in rows) for layer in (1, 2)]
    tiers = [Tier(size, rate) for size, rate in zip(single, rates, strict=True)]
    by_layer = multicast_accounting.layered(Tier(SUB_BLOCK, rates[0]), [Tier(SUB_BLOCK, rates[1])])
    return Costs(multicast_accounting.each_tier(tiers), multicast_accounting.best_to_all(tiers), by_layer)


def accounting(setting: Setting) -> None:
    rows = eta_rows(setting, setting.test("mnist")) if "mnist" in setting.sets else []
    more: dict[str, Any] = {
        "example": asdict(multicast_accounting.costs(EXAMPLE, PAPERS_ETA)),
        "example_at_eta_1": asdict(multicast_accounting.costs(EXAMPLE, 1)),
    }
    if rows:
        rates = scenarios_rates()
        values = [float(row["eta"]) for row in rows]
        more["ours"] = asdict(ours(rows, rates)) | {"rates": rates}
        more["eta"] = {
            "by_layer": [round(fmean(values), 4)],
            "first_layer": round(fmean(float(row["eta_1"]) for row in rows), 4),
            "lowest": min(values),
            "highest": max(values),
            "snr_db": sorted({row["snr_db"] for row in rows}),
            "seeds": sorted({row["seed"] for row in rows}),
            "command": command_line(),
        }
    write(setting, "accounting", rows, more, [__doc__ or ""])


if __name__ == "__main__":
    options(accounting)()
