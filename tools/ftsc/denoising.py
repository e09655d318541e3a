"""Noisy latent maps cleaned in several ways: what is left of the noise, and what the deployed decoder makes of it.

The two DnCNNs of a comparison are trained here alike, one on maps as received, one on requantised maps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edge.adapt import denoise
from edge.adapt.dncnn import Denoisers, DnCNNShape
from edge.codecs import network_codec, requantize
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec
from edge.train.dncnn import DnCNNSchedule, DnCNNTrainer
from edge.train.dncnn_score import power
from tools.figures import over_bearers
from tools.ftsc import methods, scoring
from tools.ftsc.data import split
from tools.ftsc.methods import Cell
from tools.ftsc.models import Model
from tools.ftsc.setting import Setting

SNRS_DB = (20.0, 10.0, 0.0)
LEARNED_FROM = "bsds"  # pictures that neither fine-tuning nor scoring meets
DNCNN_STEPS, QUICK_DNCNN_STEPS = 300, 5
Maps = list[Tensor]
Way = Callable[[Maps], Maps]


def cleaned(setting: Setting, model: Model, set_key: str, snr_db: float, seed: int) -> dict[str, Cell]:
    """Way of cleaning -> psnr_db, ssim and noise_left a picture. noise_left: power of what still differs from the maps
    that were sent, over the power of the channel's noise."""

    def compute() -> dict[str, Cell]:
        codec = model.open({"carry": "features"})
        return _cleaned(setting, codec, ways(setting, model, codec), set_key, snr_db, seed)

    key = {"what": "denoising", "set": set_key, "model": model.name, "weights": model.digest, "snr_db": snr_db}
    key |= {"seed": seed, "pictures": setting.pictures, "steps": _steps(setting)}
    return dict(setting.cells.get(key, compute))


@torch.no_grad()
def _cleaned(
    setting: Setting, codec: Codec, found_ways: Mapping[str, Way], set_key: str, snr_db: float, seed: int
) -> dict[str, Cell]:
    assert isinstance(codec, Adaptable)
    journeys = []
    for index, picture in enumerate(methods.evaluation(setting, set_key)):
        sent = codec.encode(picture.pixels)
        received = over_bearers.transmit(sent, over_bearers.analog(snr_db), seed, index)
        journeys.append((picture.pixels, codec.inputs_from_segments(sent), codec.inputs_from_segments(received)))
    found = {}
    for name, clean in found_ways.items():
        shown, left = [], []
        for _, sent_maps, received_maps in journeys:
            maps = clean(received_maps)
            shown.append(network_codec.as_picture(codec.reconstruct(maps)))
            left.append(round(power(maps, sent_maps) / power(received_maps, sent_maps), 5))
        found[name] = {**scoring.score([original for original, *_ in journeys], shown), "noise_left": left}
    return found


def ways(setting: Setting, model: Model, codec: Codec) -> dict[str, Way]:
    """Every way to clean the maps [1, D, h, w] of one picture."""
    assert isinstance(codec, Adaptable)
    books = list(codec.codebook_tensors().values())
    adaptable = codec

    def likely(maps: Maps) -> Maps:
        return [requantize.cleaned(one, book) for one, book in zip(maps, books, strict=True)]

    alone, behind = (dncnn(setting, model, requantized) for requantized in (False, True))
    found: dict[str, Way] = {
        "as received": lambda maps: maps,
        "nearest": adaptable.quantize,
        "soft": likely,
        "DnCNN alone": lambda maps: denoise.denoised(alone, maps),
        "soft, DnCNN": lambda maps: denoise.denoised(behind, likely(maps)),
    }
    path = denoise.shipped_path(codec.describe())
    if path.exists():
        shipped = denoise.load(path, codec.describe())
        found["soft, shipped DnCNN"] = lambda maps: denoise.denoised(shipped, likely(maps))
    else:
        setting.skip(f"{path.stem}: not shipped")
    return found


def dncnn(setting: Setting, model: Model, requantized: bool) -> Denoisers:
    """Denoisers trained on LEARNED_FROM, kept as a cell's file."""
    from safetensors.torch import load_file, save

    codec = model.open()
    assert isinstance(codec, Adaptable)
    path = _kept_at(setting, model, requantized)
    if not path.exists():
        schedule = DnCNNSchedule(steps=_steps(setting), batch=4, crop=64 if setting.quick else 128)
        trainer = DnCNNTrainer(codec, schedule, [split(setting.data, LEARNED_FROM).basic], requantized=requantized)
        trainer.run(_quietly)
        tensors = {name: one.contiguous() for name, one in trainer.denoisers.state_dict().items()}
        setting.cells.keep(path, save(tensors))
    books = list(codec.codebook_tensors().values())
    denoisers = Denoisers(DnCNNShape(maps=len(books), dimension=int(books[0].shape[1])))
    denoisers.load_state_dict(load_file(path))
    return denoisers.eval().requires_grad_(False)


def _quietly(_step: int, _error: float) -> None:
    """No progress: it takes half a minute."""


def _kept_at(setting: Setting, model: Model, requantized: bool) -> Path:
    key: dict[str, Any] = {"what": "dncnn", "model": model.name, "weights": model.digest, "requantized": requantized}
    return setting.cells.path(key | {"steps": _steps(setting), "quick": setting.quick}, ".safetensors")


def _steps(setting: Setting) -> int:
    return QUICK_DNCNN_STEPS if setting.quick else DNCNN_STEPS
