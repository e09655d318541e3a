"""Figure 7: PSNR against SNR of decoders 1 and 2, of the single-head bound, and of digital baselines.

The paper's 40 symbols a head are taken as real numbers: 20 complex symbols, a channel use each, so both layers have 40.
The digital baselines get the same 40 channel uses, and as a kindness 80, too. Besides: a model of three layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tools.figures import plots
from tools.figures.plots import Curve
from tools.figures.results import Row, columns, curve_of
from tools.figures.setting import write
from tools.smrc.setting import SNRS_DB, TITLES, Setting, Test, options
from tools.split import digital

USES = (40, 80)  # complex symbols of both layers together: ours, and what 80 complex ones would be


Files = Mapping[float, Mapping[int, Path]]  # weights by SNR in dB and seed


def model_rows(setting: Setting, test: Test, files: Files, scheme: str, model: str) -> Iterator[Row]:
    """A row for every decoder and SNR: over all pictures, and over those that the baselines send (psnr_same_db).
    scheme: with {layer} for the decoder's."""
    few = test.few(setting.pictures)
    for snr_db, by_seed in files.items():
        scored = [setting.scores(file, test, seed, [snr_db]) for seed, file in by_seed.items()]
        scored_few = [setting.scores(file, few, seed, [snr_db]) for seed, file in by_seed.items()]
        for heads, heads_few in zip(zip(*scored, strict=True), zip(*scored_few, strict=True), strict=True):
            yield {
                "set": test.name,
                "model": model,
                "scheme": scheme.format(layer=heads[0]["layer"]),
                "symbols": heads[0]["symbols"],
                "snr_db": snr_db,
                **columns("psnr_db", [one["psnr_db"] for one in heads], 3),
                **columns("psnr_same_db", [one["psnr_db"] for one in heads_few], 3),
                **columns("accuracy", [one["accuracy"] for one in heads], 4),
                "seeds": len(heads),
                "pictures": len(test.pixels),
            }


def everywhere(models: Mapping[int, Path]) -> Files:
    """The same models at every SNR."""
    return dict.fromkeys(SNRS_DB, models)


def each_its_own(setting: Setting, test: Test) -> Iterator[Row]:
    """Models trained for one SNR each, KIND-snrSNR-SET-sSEED, as the paper's are; where there are such."""
    for kind, scheme in (("smrc", "decoder {layer}"), ("bound", "single head")):
        if any(setting.weights.glob(f"{kind}-snr*-{test.name}-s*.safetensors")):
            files = {snr_db: setting.models(f"{kind}-snr{snr_db:g}", test.name) for snr_db in SNRS_DB}
            yield from model_rows(setting, test, files, f"{scheme}, trained for each SNR", f"{kind}-snr")


def digital_rows(setting: Setting, test: Test) -> Iterator[Row]:
    """seeds: of the noise."""
    pictures = list(test.few(setting.pictures).pixels)
    for codec in dict.fromkeys((digital.codec_here(setting), "jpeg2000")):
        for made in digital.curve(setting, pictures, codec, USES, SNRS_DB):
            band = [float(made[name]) for name in ("psnr_db", "psnr_low_db", "psnr_high_db")]
            yield {
                "set": test.name,
                "model": "digital",
                "scheme": f"{made['scheme']}, {made['symbols']} channel uses",
                "symbols": made["symbols"],
                "snr_db": made["snr_db"],
                **dict(zip(("psnr_db", "psnr_db_low", "psnr_db_high"), band, strict=True)),
                **dict(zip(("psnr_same_db", "psnr_same_db_low", "psnr_same_db_high"), band, strict=True)),
                "seeds": made["seeds"],
                "pictures": len(pictures),
                **{name: made[name] for name in ("mcs", "size_bytes", "outages", "block_losses")},
            }


def three_layers(setting: Setting, test: Test) -> Iterator[Row]:
    """One model, where there is one."""
    path = setting.found(setting.weights / f"smrc-{test.name}-l3.safetensors") if test.name == "mnist" else None
    if path is not None:
        yield from model_rows(setting, test, everywhere({0: path}), "L = 3: decoder {layer}", "l3")


def draw(setting: Setting, rows: Sequence[Row]) -> None:
    """A panel for each set, and one for three layers."""
    panels = [(TITLES[name], [row for row in rows if row["set"] == name and row["model"] != "l3"]) for name in TITLES]
    panels.append(("MNIST, three layers", [row for row in rows if row["model"] == "l3"]))
    panels = [(title, own) for title, own in panels if own]
    drawn = plots.figure(5.2 * len(panels), 4.2)
    for number, (title, own) in enumerate(panels):
        by_scheme: dict[str, list[Row]] = {}
        for row in own:
            by_scheme.setdefault(str(row["scheme"]), []).append(row)
        curves = [Curve(label, *curve_of(there, "snr_db", "psnr_db", bool)) for label, there in by_scheme.items()]
        plots.draw_curves(drawn.add_subplot(1, len(panels), number + 1), curves, title, "SNR (Es/N0), dB")
    plots.save(drawn, setting.out / "fig7.png")


def fig7(setting: Setting) -> None:
    rows: list[Row] = []
    for test in setting.tests():
        for kind, scheme in (("smrc", "decoder {layer}"), ("bound", "single head")):
            rows += model_rows(setting, test, everywhere(setting.models(kind, test.name)), scheme, kind)
        rows += each_its_own(setting, test)
        rows += three_layers(setting, test)
        rows += digital_rows(setting, test)
    write(setting, "fig7", rows, {}, [digital.__doc__ or "", __doc__ or ""])
    draw(setting, rows)


if __name__ == "__main__":
    options(fig7)()
