"""Table I: VQ-VAE-2, VQ-VAE, JPEG (+ LDPC) and JSCC under no, channel and semantic noise, PSNR and SSIM.

As in the paper the rate is rho = 0.03: 46 080 bits of indices for the two latent methods and JPEG, k/n = 1/32 for JSCC.
These are not equal channel uses: noise on feature maps costs D/2 complex symbols a position. `compare` is the fair one.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.ftsc import methods, results
from tools.ftsc.conditions import TABLE_1, Condition
from tools.ftsc.data import PRETRAINING, SETS, TESTING
from tools.ftsc.methods import Cell, SentOnce
from tools.ftsc.models import find
from tools.ftsc.setting import Setting, options

METHODS = ("VQ-VAE-2", "VQ-VAE", "JPEG+LDPC", "JSCC")
WEIGHTS = {"VQ-VAE-2": "vqvae2-s4", "VQ-VAE": "vqvae-s4", "JSCC": "deepjscc-c3-none"}
REMARKS = (
    "VQ-VAE-2 and VQ-VAE: channel noise on the quantised feature maps (rho_symbols then counts D/2 complex symbols a "
    "position); without channel noise 9-bit indices cross (rho_bits).",
    "JPEG+LDPC: 46 080 bits of source, as VQ-VAE-2, protected as the SNR asks; rho_symbols is what that costs.",
    "JSCC: k/n = 1/32, weights trained for the condition.",
    "JPEG+LDPC meets one seed of channel noise, all others as many as settings say.",
    "seen: whether pretraining may have used the very pictures that are scored.",
)


def cells_of(setting: Setting, once: SentOnce, method: str, set_key: str, condition: Condition) -> list[Cell]:
    """One cell a seed. Without noise there is nothing to repeat, nor where LDPC delivers nearly every block."""
    ways: dict[str, Callable[[int], Cell | None]] = {
        "VQ-VAE-2": lambda seed: methods.latent(setting, once, "vqvae2-s4", set_key, condition, seed),
        "VQ-VAE": lambda seed: methods.latent(setting, once, "vqvae-s4", set_key, condition, seed),
        "JPEG+LDPC": lambda seed: methods.jpeg(setting, set_key, condition, seed),
        "JSCC": lambda seed: methods.jscc(setting, once, set_key, condition, seed),
    }
    coded = method == "JPEG+LDPC" and condition.image_snr_db is None
    seeds = range(setting.seeds if condition.noisy and not coded else 1)
    return [cell for seed in seeds if (cell := ways[method](seed)) is not None]


def seen_in_pretraining(setting: Setting, set_key: str, method: str) -> str:
    """Either no, or yes for hold-outs of a set of which the method's weights were trained on everything."""
    model = find(setting.weights, WEIGHTS[method]) if method in WEIGHTS else None
    return "yes" if SETS[set_key].held_out and model is not None and model.knows_whole_sets else "no"


def rows(setting: Setting) -> list[Row]:
    once = SentOnce()
    found: list[Row] = []
    for set_key in (*PRETRAINING, *TESTING):
        for method in METHODS:
            for condition in TABLE_1:
                cells = cells_of(setting, once, method, set_key, condition)
                if cells:
                    found.append(_row(setting, condition, set_key, method, cells))
        click.echo(f"  table1: {set_key} done", err=True)
    return found


def _row(setting: Setting, condition: Condition, set_key: str, method: str, cells: list[Cell]) -> Row:
    return {
        "condition": condition.title,
        "set": SETS[set_key].title,
        "method": method,
        **results.score_columns(cells),
        "rho_bits": round(methods.mean_cost(cells, "rho_bits"), 6),
        "rho_symbols": round(methods.mean_cost(cells, "rho_symbols"), 6),
        "seen": seen_in_pretraining(setting, set_key, method),
    }


def draw(setting: Setting, found: list[Row]) -> None:
    titles = [SETS[key].title for key in (*PRETRAINING, *TESTING)]
    panels = []
    for condition in TABLE_1:
        series = []
        for method in METHODS:
            points = [results.point(found, condition=condition.title, set=title, method=method) for title in titles]
            if any(points):
                series.append((method, points))
        if series:
            panels.append((condition.title, series))
    plots.bars(setting.out / "table1.png", titles, panels)


def table1(setting: Setting) -> None:
    found = rows(setting)
    write(setting, "table1", found, {}, REMARKS)
    draw(setting, found)


if __name__ == "__main__":
    options(table1)()
