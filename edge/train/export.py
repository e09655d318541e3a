"""From a finished (or interrupted) training run to a weight file that says where it comes from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from edge import metrics
from edge.codecs import contract, evaluation, registry, weights
from edge.images import Named
from edge.train import crops, impairment, loop
from edge.train.loop import Learner, Trainer

HISTORY = "history"  # metadata: JSON list, of the trainings that made what a training began from
OF_A_TRAINING = ("command", "schedule", "data_sets", "training", "code_version", "awgn_metrics")


def trainings_behind(path: Path) -> list[dict[str, object]]:
    """Those that made a weight file, oldest first, for the HISTORY of what begins from it."""
    told = weights.described(weights.read_metadata(path))
    return [*told.get(HISTORY, []), {key: told[key] for key in OF_A_TRAINING if key in told}]


def code_version(*modules: ModuleType) -> dict[str, str]:
    """Package version, torch version, and a digest of the modules that decide the weights (besides data, settings)."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    try:
        version = importlib.metadata.version("semedge")
    except importlib.metadata.PackageNotFoundError:  # a bare source tree
        version = "source tree"
    return {"semedge": version, "torch": str(torch.__version__), "code_sha256": digest.hexdigest()}


def data_set(source: Path, split: str, pictures: Sequence[Named]) -> dict[str, object]:
    """What a run learned from or was scored on. The digest is over the pixels, whatever the container."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.pixels.shape}".encode() + picture.pixels.tobytes())
    return {"name": source.name, "split": split, "pictures": len(pictures), "pixels_sha256": digest.hexdigest()}


def score(path: Path, learner: Learner, pictures: Sequence[Named]) -> dict[str, float | None]:
    """Opens the written file as the two ends of a perfect link would, and scores the pictures."""
    codec = registry.load(learner.architecture)
    options = learner.codec_options | {"weights": str(path)}
    sender, receiver = (codec.open(options, half) for half in (contract.Half.ENCODER, contract.Half.DECODER))
    mean = evaluation.mean(list(evaluation.evaluate(sender, receiver, pictures)))
    return {
        "psnr_db": metrics.json_number(round(mean.psnr_db, 3)),
        "ssim": round(mean.ssim, 4),
        "rho": mean.rho,
        "size_bits": mean.size_bits,
    }


def compact(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Network tensors in half precision, which halves the file for less than 0.01 dB; codebooks as they are, since
    both ends must hold the same to the bit."""
    return {name: value if name.startswith("codebook") else value.half() for name, value in tensors.items()}


def export(
    trainer: Trainer,
    out: Path,
    command: str,
    learned_from: Sequence[dict[str, object]],
    scored_on: dict[str, object] | None,
    test_pictures: Sequence[Named],
) -> dict[str, str]:
    """Writes both halves and their metadata to `out`; returns the metadata.

    command: how to do it again, without machine-specific folders. learned_from, scored_on: from `data_set`.
    test_pictures: what the metrics are measured on, [H, W, 3] each; no metrics when there are none.
    """
    learner = trainer.learner
    tensors = compact(trainer.weights())
    metadata = learner.metadata(tensors) | {
        "schedule": json.dumps(asdict(trainer.schedule)),
        "seed": str(trainer.schedule.seed),
        "steps_done": str(trainer.step),
        "resize": str(trainer.crops.resize or "none"),
        "started_from": learner.taken or "random weights",
        "data_sets": json.dumps(list(learned_from)),
        "command": command,
        "code_version": json.dumps(code_version(loop, crops, impairment, *learner.code)),
    }
    weights.write(out, tensors, metadata)
    if test_pictures:
        metadata["metrics"] = json.dumps({"on": scored_on} | score(out, learner, test_pictures))
        weights.write(out, tensors, metadata)
    return metadata
