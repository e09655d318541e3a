"""Figures 2 and 3: PSNR against data reduction 1/rho, and against the scaling rates of bottom and top layer.

Figure 2 also fits Q = a + b ln(rho) to the codec's four scaling rates: the law that the optimizer plans with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edge.codecs.contract import Half
from edge.codecs.jpeg import Jpeg
from tools.figures import plots
from tools.figures.results import Row, band_of
from tools.figures.setting import write
from tools.ftsc import methods, results, scoring
from tools.ftsc.conditions import CHANNEL_10, CHANNEL_20, NONE, Condition
from tools.ftsc.data import SETS
from tools.ftsc.fit import fit
from tools.ftsc.methods import Cell, SentOnce
from tools.ftsc.models import find, find_prior
from tools.ftsc.setting import Setting, options

SCALES = (2, 4, 8, 16)
JPEG_QUALITIES = (1, 3, 6, 10, 15, 25, 40, 60, 80, 92)
JSCC_CHANNELS = (1, 2, 3, 6, 12)
FIG_2_SETS = ("celeba", "kodak")  # CelebA stands for the paper's FFHQ
FIG_3_SET = "celeba"
REMARKS = (
    "rho of VQ-VAE-2 and JPEG: bits sent over bits of the picture. rho of JSCC: complex symbols over values (k/n).",
    "VQ-VAE-2 with channel noise: on the feature maps, at the rho of the indices, as the paper plots it.",
    "JPEG: the entropy-coded scan, container not counted; at its lowest quality it ends.",
    "Figure 3: small networks, trained alike and briefly; only their order means something.",
)


def fig2_rows(setting: Setting) -> list[Row]:
    once = SentOnce()
    found: list[Row] = []
    for set_key in FIG_2_SETS:
        for scale in SCALES:
            found += _latent_rows(setting, once, set_key, scale)
        for quality in JPEG_QUALITIES:
            cell = _jpeg(setting, set_key, quality)
            found.append(_row(set_key, "JPEG", NONE, f"q={quality}", [cell], cell["cost"]["rho_bits"]))
        for channels in JSCC_CHANNELS:
            found += _jscc_rows(setting, once, set_key, channels)
    return found


def _latent_rows(setting: Setting, once: SentOnce, set_key: str, scale: int) -> list[Row]:
    """VQ-VAE-2 at one scale: clean, noisy and entropy-coded. With noise on features rho stays that of the indices, as
    the paper plots it."""
    clean = _seeds(setting, once, f"vqvae2-s{scale}", set_key, NONE, "indices")
    if not clean:
        return []
    rho, point = methods.mean_cost(clean, "rho_bits"), f"s={scale}"
    found = [_row(set_key, "VQ-VAE-2", NONE, point, clean, rho)]
    for condition in (CHANNEL_20, CHANNEL_10):
        name = f"vqvae2-s{scale}{condition.latent_suffix}"
        if scale == 4 or find(setting.weights, name) is not None:
            noisy = _seeds(setting, once, name, set_key, condition, "features")
            found += [_row(set_key, "VQ-VAE-2", condition, point, noisy, rho)] if noisy else []
    coded = entropy_coded(setting, scale, set_key)
    if coded:
        shorter = methods.mean_cost(coded, "rho_bits")
        found.append(_row(set_key, "VQ-VAE-2, entropy-coded", NONE, point, coded, shorter))
    return found


def _jscc_rows(setting: Setting, once: SentOnce, set_key: str, channels: int) -> list[Row]:
    """JSCC of one rate; rates other than the tables' only where somebody trained them."""
    found = []
    for condition in (NONE, CHANNEL_20, CHANNEL_10):
        name = f"deepjscc-c{channels}{condition.jscc_suffix}"
        if channels != 3 and find(setting.weights, name) is None:
            continue
        cells = _seeds(setting, once, name, set_key, condition, "")
        if cells:
            rho = methods.mean_cost(cells, "rho_symbols")
            found.append(_row(set_key, "JSCC", condition, f"c={channels}", cells, rho))
    return found


def _seeds(setting: Setting, once: SentOnce, name: str, set_key: str, condition: Condition, carry: str) -> list[Cell]:
    """One cell a seed of channel noise; none, with a note, where the weights are missing."""
    seeds = range(setting.seeds if condition.noisy else 1)
    cells = [methods.pretrained(setting, once, name, set_key, condition, seed, carry) for seed in seeds]
    return [cell for cell in cells if cell is not None]


def entropy_coded(setting: Setting, scale: int, set_key: str) -> list[Cell]:
    """The indices by the learned prior: the same pictures for fewer bits, so only the cost is measured."""
    model, prior = find(setting.weights, f"vqvae2-s{scale}"), find_prior(setting.weights, scale)
    if model is None or prior is None:
        setting.skip(f"vqvae2-s{scale}-prior: no such weight file")
        return []

    def compute() -> dict[str, Any]:
        codec = model.open(prior.options())
        sent = scoring.encode(codec, methods.evaluation(setting, set_key))
        return scoring.run(codec, sent, {})

    key = {"what": "entropy-coded", "set": set_key, "model": model.name, "weights": model.digest}
    return [setting.cells.get(key | {"prior": prior.digest, "pictures": setting.pictures}, compute)]


def _jpeg(setting: Setting, set_key: str, quality: int) -> Cell:
    def compute() -> dict[str, Any]:
        codec = Jpeg.open({"quality": str(quality)}, Half.BOTH)
        return scoring.run(codec, scoring.encode(codec, methods.evaluation(setting, set_key)), {})

    key = {"what": "jpeg-quality", "set": set_key, "quality": quality, "pictures": setting.pictures}
    return dict(setting.cells.get(key, compute))


def _row(set_key: str, method: str, condition: Condition, point: str, cells: Sequence[Cell], rho: float) -> Row:
    return {
        "set": SETS[set_key].title,
        "method": method,
        "condition": condition.title,
        "point": point,
        "rho": round(rho, 7),
        "data_reduction": round(1 / rho, 2),
        **results.score_columns(cells),
    }


def laws(rows: Sequence[Row]) -> dict[str, Any]:
    """Q = a + b ln(rho) of VQ-VAE-2 without noise, a set."""
    found = {}
    for title in dict.fromkeys(str(row["set"]) for row in rows):
        own = [r for r in rows if r["set"] == title and r["method"] == "VQ-VAE-2" and r["condition"] == NONE.title]
        if len(own) >= 3:
            law = fit([float(r["rho"]) for r in own], [float(r["psnr_db"]) for r in own])
            found[title] = asdict(law) | {"points": len(own)}
    return found


def draw_fig2(setting: Setting, rows: Sequence[Row]) -> None:
    drawn = plots.figure(10.0, 4.2)
    for number, set_key in enumerate(FIG_2_SETS):
        axes = drawn.add_subplot(1, len(FIG_2_SETS), number + 1)
        own = [row for row in rows if row["set"] == SETS[set_key].title]
        curves = []
        for method, condition in dict.fromkeys((str(r["method"]), str(r["condition"])) for r in own):
            points = sorted(
                (float(r["data_reduction"]), band_of(r))
                for r in own
                if (r["method"], r["condition"]) == (method, condition)
            )
            curves.append(plots.Curve(f"{method}, {condition}", [p[0] for p in points], [p[1] for p in points]))
        plots.draw_curves(axes, curves, SETS[set_key].title, "data reduction 1/rho")
        axes.set_xscale("log")
    plots.save(drawn, setting.out / "fig2.png")


def fig3_rows(setting: Setting) -> list[Row]:
    once = SentOnce()
    found: list[Row] = []
    for bottom in SCALES:
        for top in SCALES:
            cell = methods.pretrained(setting, once, f"vqvae2-b{bottom}-t{top}", FIG_3_SET, NONE, 0, "indices")
            if cell is not None:
                found.append(
                    {
                        "set": SETS[FIG_3_SET].title,
                        "bottom": bottom,
                        "top": top,
                        "rho": round(cell["cost"]["rho_bits"], 7),
                        **results.score_columns([cell]),
                    }
                )
    return found


def fig2_3(setting: Setting) -> None:
    rows = fig2_rows(setting)
    write(setting, "fig2", rows, {"laws": laws(rows)}, REMARKS)
    draw_fig2(setting, rows)
    grid = fig3_rows(setting)
    write(setting, "fig3", grid, {}, REMARKS)
    values = {(row["bottom"], row["top"]): float(row["psnr_db"]) for row in grid}
    plots.heat_map(
        setting.out / "fig3.png",
        [[values.get((bottom, top)) for top in SCALES] for bottom in SCALES],
        [str(scale) for scale in SCALES],
        [str(scale) for scale in SCALES],
        "PSNR, dB (CelebA hold-outs)",
        "scaling rate of the bottom layer",
        "scaling rate of the top layer",
    )


if __name__ == "__main__":
    options(fig2_3)()
