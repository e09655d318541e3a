"""Fine-tuned decoders in process: what DFT and LSDFT (edge.adapt) make of a pretrained model on a set's 32 pictures.

Nothing crosses a socket here, but the lessons pass the same segments and bearers. Each fine-tuning is a cell: its
tensors lie beside its record, so that tables and figures share it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from edge.adapt.codebook_rounds import CodebookRounds
from edge.adapt.lessons import Lesson
from edge.adapt.settings import AdaptSettings
from edge.adapt.tuner import Tuner, tuner_for
from edge.codecs import weights
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec
from edge.codecs.tensors import Tensors
from edge.images import Named, Picture
from tools.figures import over_bearers
from tools.ftsc import scoring
from tools.ftsc.conditions import Condition
from tools.ftsc.data import pixels, split
from tools.ftsc.models import Model
from tools.ftsc.setting import Setting

CURVE_EVERY = 40  # steps between two points of Fig. 11
CURVE_PICTURES = 8
METHODS = ("dft", "lsdft")
FEATURES = {"carry": "features"}


@dataclass(frozen=True)
class Task:
    """One fine-tuning. The latents of its lessons cross as features, with the condition's channel noise. curve: whether
    to record PSNR on evaluation pictures on the way (Fig. 11)."""

    model: Model
    set_key: str
    condition: Condition
    method: str
    seed: int
    curve: bool = False


def tuned(setting: Setting, task: Task) -> tuple[Codec, dict[str, Any]]:
    """The fine-tuned codec, both halves open, and the record: verdict, seconds, curve. Kept and reused."""
    from safetensors.numpy import load_file, save

    cells = setting.cells
    named = key(setting, task)
    tensors_path = cells.path(named, ".safetensors")

    def compute() -> dict[str, Any]:
        tensors, record = _fine_tune(setting, task)
        cells.keep(tensors_path, save(tensors))
        return record

    record = cells.get(named, compute)
    codec = task.model.open(FEATURES)
    assert isinstance(codec, Adaptable)
    codec.replace(load_file(tensors_path))
    return codec, record


def key(setting: Setting, task: Task) -> dict[str, object]:
    return {
        "what": "tuned",
        "set": task.set_key,
        "model": task.model.name,
        "weights": task.model.digest,
        "condition": task.condition.key,
        "method": task.method,
        "seed": task.seed,
        "curve": task.curve,
        "settings": adapt_settings(setting, task).to_json(),
    }


def adapt_settings(setting: Setting, task: Task) -> AdaptSettings:
    """What the receiver is told. Under noise LSDFT denoises its labels (FTSC, section IV-B.2) where a denoiser is
    shipped for the codec."""
    wanted = task.method == "lsdft" and task.condition.channel_snr_db is not None
    denoiser = weights.shipped_folder() / f"dncnn-s{task.model.options.get('scale', '')}.safetensors"
    if wanted and not denoiser.exists():
        setting.skip(f"{denoiser.stem}: not shipped; LSDFT under noise takes latents as they arrive for labels")
    return AdaptSettings(
        method="dft" if task.method == "dft" else "lsdft",
        steps=setting.steps,
        batch=setting.batch,
        seed=task.seed,
        denoise=wanted and denoiser.exists(),
    )


def lessons(codec: Codec, task: Task, pictures: Sequence[Named]) -> list[Lesson]:
    """What the receiver gets: latents through the channel, and for DFT the originals."""
    bearers = over_bearers.analog(task.condition.channel_snr_db)
    return [
        Lesson(
            over_bearers.transmit(codec.encode(picture.pixels), bearers, 1000 + task.seed, number),
            picture.pixels if task.method == "dft" else None,
        )
        for number, picture in enumerate(pictures)
    ]


def codebooks_after_rounds(codec: Codec, originals: Sequence[Picture], settings: AdaptSettings) -> Tensors | None:
    """Eq. (5), as both ends would run it; None for a method that leaves the codebooks alone."""
    if not settings.codebook_rounds:
        return None
    rounds = CodebookRounds(codec, originals, settings)
    for _ in range(settings.codebook_rounds):
        rounds.run_round()
    return rounds.codebooks()


def codebooks(setting: Setting, task: Task, codec: Codec) -> Tensors | None:
    """The codebooks of a task: the same for every seed, and without noise, since eq. (5) sees only the originals."""
    from safetensors.numpy import load_file, save

    settings = adapt_settings(setting, task)
    if not settings.codebook_rounds:
        return None
    key = {"what": "codebooks", "set": task.set_key, "model": task.model.name, "weights": task.model.digest}
    path = setting.cells.path(key | {"rounds": settings.codebook_rounds}, ".safetensors")
    if not path.exists():
        made = codebooks_after_rounds(codec, pixels(split(setting.data, task.set_key).fine_tuning), settings)
        assert made is not None
        setting.cells.keep(path, save(dict(made)))
    return load_file(path)


def begin(setting: Setting, task: Task, codec: Codec) -> Tuner:
    """A fine-tuning at its beginning, codebook rounds done. codec: both halves, the tuner's own from now on."""
    settings = adapt_settings(setting, task)
    pictures = split(setting.data, task.set_key).fine_tuning
    received = lessons(codec, task, pictures)
    assert isinstance(codec, Adaptable)
    return tuner_for(codec, received, settings, codec.parameters(), codebooks(setting, task, codec))


def _fine_tune(setting: Setting, task: Task) -> tuple[dict[str, Any], dict[str, Any]]:
    """(tensors, record). cpu_s: without the curve."""
    began = time.process_time()
    codec = task.model.open(FEATURES)
    probe = _Probe(setting, task) if task.curve else None
    curve = [{"step": 0, "psnr_db": probe.psnr_db(codec)}] if probe is not None else []
    measuring_s = time.process_time() - began
    tuner = begin(setting, task, codec)
    while not tuner.finished:
        tuner.advance(CURVE_EVERY)
        if probe is not None:
            before = time.process_time()
            curve.append({"step": tuner.step, "psnr_db": probe.psnr_db(codec)})
            measuring_s += time.process_time() - before
    verdict = tuner.verdict()
    record = {
        "steps": tuner.step,
        "better": verdict.better,
        "validation_before": verdict.before,
        "validation_after": verdict.after,
        "validation_unit": verdict.unit,
        "reason": verdict.reason,
        "cpu_s": round(time.process_time() - began - measuring_s, 2),
        "curve": curve,
    }
    return tuner.tensors(), record


class _Probe:
    """PSNR of a codec's present state on a few evaluation pictures, over the task's channel."""

    def __init__(self, setting: Setting, task: Task) -> None:
        self._codec = task.model.open(FEATURES)
        self._pictures = split(setting.data, task.set_key).evaluation[: min(CURVE_PICTURES, setting.pictures)]
        self._bearers = over_bearers.analog(task.condition.channel_snr_db)

    def psnr_db(self, state: Codec) -> float:
        assert isinstance(self._codec, Adaptable)
        assert isinstance(state, Adaptable)
        self._codec.replace(state.parameters())
        sent = scoring.encode(self._codec, self._pictures)
        return round(fmean(scoring.run_psnr(self._codec, sent, self._bearers)), 3)
