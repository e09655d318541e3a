"""What was tried: LSDFT's second term and its weight, codebook rounds, crops, and ways to clean noisy latent maps.

Each study changes one thing and leaves the rest as Tables II and III have it. All from the weights that were pretrained
without noise (scale 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any
from unittest import mock

import click
import numpy as np
import torch

from edge.adapt import crops
from edge.adapt.codebook_rounds import CodebookRounds
from edge.adapt.settings import AdaptSettings
from edge.adapt.tuner import tuner_for
from edge.codecs import network_codec
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec
from edge.codecs.tensors import Tensors
from edge.images import ImageError, Picture
from tools.figures import plots
from tools.figures.results import Row
from tools.figures.setting import write
from tools.ftsc import denoising, methods, results, scoring, tuning
from tools.ftsc.conditions import NONE
from tools.ftsc.data import SETS, SIDE, TESTING, pixels, split
from tools.ftsc.methods import Cell
from tools.ftsc.models import Model, find
from tools.ftsc.setting import Setting, options
from tools.ftsc.tuning import FEATURES, Task

MODEL = "vqvae2-s4"
EQUIVARIANCES = (0.0, 10.0, 100.0)  # 10 is the default
CROP = 64  # pixels
STUDIES = ("lsdft", "codebook", "crops")  # without noise
REMARKS = (
    "study lsdft: weight of the second term against eq. (7); 0 is the paper's loss. objective_before, _after: what "
    "LSDFT itself judges by, on its validation slice. eq7_over_lq: MSE(z_q(x), z_e(y)) of the pictures shown over that "
    "of the true pictures (L_q), on the evaluation pictures.",
    "psnr_not_black_db, ssim_not_black: the same pictures with every pixel that is black in the original put right; "
    "black_level: mean of what is shown there, of 255; black_share: how much of the originals is black.",
    "study codebook: eq. (5) at both ends, then (rows with 'decoder') eq. (6). Plain: vectors that no feature chose "
    "stay.",
    "study crops: DFT; batch so that a step sees as many pixels as one whole picture. Without margin: pixels at a "
    "crop's edge count too.",
    "study denoising: maps in noise of this SNR; noise_left: share of its power still there. DnCNN: trained here for "
    f"{denoising.DNCNN_STEPS} steps on BSDS, all but 'shipped'.",
)


@dataclass(frozen=True)
class Change:
    """One fine-tuning that differs from the tables' in something. margin: False to train on a crop's edges too."""

    settings: AdaptSettings
    revival: bool = True
    margin: bool = True


def tuned(setting: Setting, model: Model, set_key: str, change: Change) -> Cell:
    """A set's evaluation pictures through the codec that this fine-tuning makes."""

    def compute() -> dict[str, Any]:
        codec = model.open(FEATURES)
        assert isinstance(codec, Adaptable)
        tensors, verdict = _tuned(setting, model, set_key, change)
        codec.replace(tensors)
        return scored(setting, set_key, codec) | verdict

    key = _key(setting, "ablation", set_key, model) | {"settings": change.settings.to_json()}
    return dict(setting.cells.get(key | {"revival": change.revival, "margin": change.margin}, compute))


def _tuned(setting: Setting, model: Model, set_key: str, change: Change) -> tuple[Tensors, dict[str, Any]]:
    codec, chosen = model.open(FEATURES), change.settings
    assert isinstance(codec, Adaptable)
    task = Task(model, set_key, NONE, chosen.method, chosen.seed)
    lessons = tuning.lessons(codec, task, split(setting.data, set_key).fine_tuning)
    books = codebooks(setting, model, set_key, change) if chosen.codebook_rounds else None
    with mock.patch.object(crops, "MARGIN", crops.MARGIN if change.margin else 0):
        tuner = tuner_for(codec, lessons, chosen, codec.parameters(), books)
        tuner.advance(chosen.steps)
    verdict = tuner.verdict()
    told = {"better": verdict.better, "objective_before": verdict.before, "objective_after": verdict.after}
    return tuner.tensors(), told | {"objective_unit": verdict.unit}


def codebooks(setting: Setting, model: Model, set_key: str, change: Change) -> Tensors:
    """Eq. (5) on the set's fine-tuning pictures, kept."""
    from safetensors.numpy import load_file, save

    chosen = change.settings
    key: dict[str, object] = {
        "what": "ablation-codebooks",
        "set": set_key,
        "model": model.name,
        "weights": model.digest,
    }
    key |= {"rounds": chosen.codebook_rounds, "rate": chosen.codebook_rate, "revival": change.revival}
    path = setting.cells.path(key, ".safetensors")
    if not path.exists():
        originals = pixels(split(setting.data, set_key).fine_tuning)
        rounds = CodebookRounds(model.open(FEATURES), originals, chosen, revival=change.revival)
        for _ in range(chosen.codebook_rounds):
            rounds.run_round()
        setting.cells.keep(path, save(rounds.codebooks()))
    return load_file(path)


def after_rounds(setting: Setting, model: Model, set_key: str, change: Change | None) -> Cell:
    """The deployed decoder, with the codebooks of eq. (5) or (None) with its own."""

    def compute() -> dict[str, Any]:
        codec = model.open(FEATURES)
        assert isinstance(codec, Adaptable)
        if change is not None:
            codec.replace(codebooks(setting, model, set_key, change))
        return scored(setting, set_key, codec)

    key = _key(setting, "ablation-deployed", set_key, model)
    if change is not None:
        key |= {"settings": change.settings.to_json(), "revival": change.revival}
    return dict(setting.cells.get(key, compute))


@torch.no_grad()
def scored(setting: Setting, set_key: str, codec: Codec) -> dict[str, Any]:
    """psnr_db and ssim a picture, the same where the original is not black, and how well eq. (7) is met."""
    assert isinstance(codec, Adaptable)
    originals = pixels(methods.evaluation(setting, set_key))
    shown, met = [], []
    for original in originals:
        picture = network_codec.as_batch(original)
        features = codec.features(picture)
        sent = codec.quantize(features)
        made = codec.reconstruct(sent).clamp(0, 1)
        shown.append(network_codec.as_picture(made))
        at = codec.compared_map
        again = codec.features(made)[at]
        met.append(float((again - sent[at]).pow(2).mean() / (features[at] - sent[at]).pow(2).mean()))
    return scoring.score(originals, shown) | black(originals, shown) | {"eq7_over_lq": met}


def black(originals: Sequence[Picture], shown: Sequence[Picture]) -> dict[str, list[float]]:
    """What a black background has to do with the scores, a picture."""
    found: dict[str, list[float]] = {"black_share": [], "black_level": []}
    mended = []
    for original, picture in zip(originals, shown, strict=True):
        dark = (original == 0).all(axis=2)
        found["black_share"].append(float(dark.mean()))
        found["black_level"].append(float(picture[dark].mean()) if dark.any() else 0.0)
        mended.append(np.where(dark[..., None], original, picture))
    scores = scoring.score(originals, mended)
    return found | {"psnr_not_black_db": scores["psnr_db"], "ssim_not_black": scores["ssim"]}


def _key(setting: Setting, what: str, set_key: str, model: Model) -> dict[str, object]:
    named = {"what": what, "set": set_key, "model": model.name, "weights": model.digest}
    return named | {"pictures": setting.pictures}


def changes(setting: Setting, study: str, seed: int) -> list[tuple[str, Change]]:
    """What one study tries, by name."""
    dft = AdaptSettings(method="dft", steps=setting.steps, batch=setting.batch, seed=seed)
    if study == "lsdft":
        own = replace(dft, method="lsdft")
        weights = [(f"equivariance {w:g}", Change(replace(own, equivariance=w))) for w in EQUIVARIANCES]
        return [*weights, ("DFT", Change(dft))]
    if study == "codebook":
        return [
            ("decoder", Change(replace(dft, rounds=0))),
            ("plain rounds, decoder", Change(dft, revival=False)),
            ("rounds, decoder", Change(dft)),
        ]
    found = [("whole pictures", Change(dft))]
    smaller = replace(dft, crop=CROP, batch=setting.batch * (SIDE // CROP) ** 2)
    found.append((f"{CROP} pixels", Change(smaller)))
    found.append((f"{CROP} pixels, no margin", Change(smaller, margin=False)))
    return found


def rows(setting: Setting) -> list[Row]:
    model = find(setting.weights, MODEL)
    if model is None:
        raise ImageError(f"--weights: {MODEL}.safetensors is not in {setting.weights.name}; name a folder that has it")
    found = []
    for study in STUDIES:
        for set_key in TESTING:
            found += tuning_rows(setting, model, set_key, study)
            click.echo(f"  ablations: {study}, {set_key} done", err=True)
    for set_key in TESTING:
        found += denoising_rows(setting, model, set_key)
        click.echo(f"  ablations: denoising, {set_key} done", err=True)
    return found


def tuning_rows(setting: Setting, model: Model, set_key: str, study: str) -> list[Row]:
    """One of the studies without noise."""
    deployed = after_rounds(setting, model, set_key, None)
    by_variant: dict[str, list[Cell]] = {"deployed": [deployed]}
    if study == "codebook":
        plain, full = (Change(AdaptSettings(method="dft"), revival=revival) for revival in (False, True))
        by_variant["plain rounds"] = [after_rounds(setting, model, set_key, plain)]
        by_variant["rounds"] = [after_rounds(setting, model, set_key, full)]
    for seed in range(setting.seeds):
        for variant, change in changes(setting, study, seed):
            by_variant.setdefault(variant, []).append(tuned(setting, model, set_key, change))
    above = fmean(deployed["psnr_db"])
    return [_row(study, set_key, variant, cells, above) for variant, cells in by_variant.items()]


def denoising_rows(setting: Setting, model: Model, set_key: str) -> list[Row]:
    found: list[Row] = []
    for snr_db in denoising.SNRS_DB:
        by_seed = [denoising.cleaned(setting, model, set_key, snr_db, seed) for seed in range(setting.seeds)]
        above = fmean(fmean(one["as received"]["psnr_db"]) for one in by_seed)
        for way in by_seed[0]:
            cells = [one[way] for one in by_seed]
            found.append(_row("denoising", set_key, way, cells, above, snr_db))
    return found


EXTRA = ("noise_left", "objective_before", "objective_after", "eq7_over_lq")
OF_BLACK = ("psnr_not_black_db", "ssim_not_black", "black_level", "black_share")


def _row(
    study: str, set_key: str, variant: str, cells: Sequence[Cell], deployed_db: float, snr_db: float | None = None
) -> dict[str, Any]:
    row: dict[str, Any] = {"study": study, "set": SETS[set_key].title, "snr_db": snr_db, "variant": variant}
    row |= results.score_columns(cells)
    row["gain_db"] = round(row["psnr_db"] - deployed_db, 3) + 0.0  # no minus zero
    for name in (*EXTRA, *OF_BLACK):
        if name in cells[0]:
            values = [cell[name] if isinstance(cell[name], float) else fmean(cell[name]) for cell in cells]
            row[name] = float(f"{fmean(values):.5g}")
    if "better" in cells[0]:
        row["adopted"] = f"{sum(cell['better'] for cell in cells)} of {len(cells)}"
    return row


def draw(setting: Setting, found: list[Row]) -> None:
    titles = [SETS[key].title for key in TESTING]
    panels = []
    for study, snr_db in dict.fromkeys((row["study"], row["snr_db"]) for row in found):
        series = []
        mine = [row for row in found if (row["study"], row["snr_db"]) == (study, snr_db)]
        for variant in dict.fromkeys(row["variant"] for row in mine):
            series.append((variant, [results.point(mine, set=title, variant=variant) for title in titles]))
        panels.append((study if snr_db is None else f"{study}, {snr_db:g} dB", series))
    plots.bars(setting.out / "ablations.png", titles, panels)


def ablations(setting: Setting) -> None:
    found = rows(setting)
    write(setting, "ablations", found, {}, REMARKS)
    draw(setting, found)


if __name__ == "__main__":
    options(ablations)()
