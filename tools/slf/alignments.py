"""Alignments in process: SLF's steps (1) to (3) without a network, then (4) over the emulator's own channel, scored.

Each alignment is a cell: its tensors lie beside its record, so that tables and figures share it, and a killed run loses
one. What the transmitter does is `edge.adapt.slf`; nothing of the method is here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.adapt.slf import VirtualTransceiver, uploaded_names
from edge.adapt.slf_settings import SlfSettings
from edge.codecs.tensors import Tensors
from tools.slf import data
from tools.slf.paper import CROSSOVERS, LAYERS, MIXTURES, TABLE_CROSSOVER
from tools.slf.setting import Setting
from tools.slf.transceivers import Judge, encoder_of, receiver_tensors, scored, sender_tensors

MISALIGNED = "misaligned"


@dataclass(frozen=True)
class Pair:
    """A transmitter that meets a receiver; weight files by name. classifier: gamma of the receiver."""

    transmitter: str
    receiver: str
    classifier: str


CHANNEL = Pair("slf-trx1", "slf-trx2", "slf-classifier-mnist")  # [TX1, RX2]: other crossover probability in training
SOURCE = Pair("slf-trx1", "slf-trx3", "slf-classifier-both")  # [TX1, RX3]: other pictures in training
PAIRS = {"channel": CHANNEL, "source": SOURCE}


@dataclass(frozen=True, eq=False)
class Ends:
    """What the two hold. encoder: theta and the codebook it quantises with. decoder: phi, the codebook included."""

    encoder: Tensors
    decoder: Tensors

    @classmethod
    def strangers(cls, setting: Setting, pair: Pair) -> Ends:
        """As they meet. Raises CodecError when a weight file is missing."""
        transmitter, receiver = weight_file(setting, pair.transmitter), weight_file(setting, pair.receiver)
        return cls(sender_tensors(transmitter), receiver_tensors(receiver))

    @property
    def digests(self) -> dict[str, str]:
        return {"encoder": digest(self.encoder), "decoder": digest(self.decoder)}


@dataclass(frozen=True)
class Conditions:
    """Under which they align and send. crossover: of the channel. assumed: what the transmitter takes it for, None for
    the truth. mixture: lambda, of the pictures trained with and sent."""

    freeze: int
    crossover: float = TABLE_CROSSOVER
    mixture: float = 0.0
    seed: int = 0
    assumed: float | None = None


@dataclass(frozen=True, eq=False)
class Aligned:
    """Both ends afterwards, and what it cost and gained, as JSON."""

    ends: Ends
    record: dict[str, Any]


def weight_file(setting: Setting, name: str) -> Path:
    return setting.weights / f"{name}.safetensors"


def digest(tensors: Tensors) -> str:
    """Of names and values."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].tobytes())
    return found.hexdigest()[:16]


def slf_settings(setting: Setting, conditions: Conditions) -> SlfSettings:
    return SlfSettings(
        freeze=conditions.freeze,
        steps=setting.steps,
        batch=setting.batch,
        learning_rate=setting.learning_rate,
        seed=conditions.seed,
    )


def judge(setting: Setting, pair: Pair) -> Judge:
    return Judge(weight_file(setting, pair.classifier), weight_file(setting, pair.receiver))


def aligned(setting: Setting, pair: Pair, ends: Ends, conditions: Conditions) -> Aligned:
    """Aligns, or takes what was kept."""
    from safetensors.numpy import load_file, save

    cells, settings = setting.cells, slf_settings(setting, conditions)
    key: dict[str, object] = {
        "what": "aligned",
        "model": f"{pair.transmitter}-{pair.receiver}",
        "condition": f"l{conditions.freeze}-eps{conditions.crossover:g}-mix{conditions.mixture:g}",
        "seed": conditions.seed,
        **ends.digests,
        "crossover": conditions.crossover,
        "mixture": conditions.mixture,
        "assumed": conditions.assumed,
        "settings": settings.to_json(),
        "pictures": setting.pictures,
    }
    path = cells.path(key, ".safetensors")

    def compute() -> dict[str, Any]:
        made, record = _align(setting, pair, ends, conditions, settings)
        named = {f"tx.{k}": v for k, v in made.encoder.items()} | {f"rx.{k}": v for k, v in made.decoder.items()}
        cells.keep(path, save(named))
        return record

    record = dict(cells.get(key, compute))
    tensors = load_file(path)
    sides = ({k[3:]: v for k, v in tensors.items() if k.startswith(side)} for side in ("tx.", "rx."))
    return Aligned(Ends(*sides), record)


def _align(
    setting: Setting, pair: Pair, ends: Ends, conditions: Conditions, settings: SlfSettings
) -> tuple[Ends, dict[str, Any]]:
    pictures = data.own(setting.data, conditions.mixture, setting.pictures, conditions.seed).pixels
    codec = encoder_of(weight_file(setting, pair.transmitter), ends.encoder)
    assumed = conditions.crossover if conditions.assumed is None else conditions.assumed
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    virtual = VirtualTransceiver(codec, ends.decoder, pictures, assumed, settings)
    while not virtual.finished:
        virtual.advance(50)
    result = virtual.result()
    record = {
        "steps": virtual.step,
        "flops": float(result.flops),
        "wall_s": round(time.perf_counter() - began_s, 2),
        "cpu_s": round(time.process_time() - began_cpu_s, 2),
        "mse_before": float(result.mse_before),
        "mse_after": float(result.mse_after),
        "download": _payload(ends.decoder),
        "upload": _payload({name: result.changed[name] for name in uploaded_names(settings.freeze, ends.decoder)}),
    }
    return Ends(result.encoder, {**ends.decoder, **result.changed}), record


def _payload(tensors: Tensors) -> dict[str, int]:
    """Bytes of the values, and of the file that crosses the network; nothing is sent for no tensors."""
    from safetensors.numpy import save

    values = sum(int(tensor.nbytes) for tensor in tensors.values())
    return {"tensor_bytes": values, "file_bytes": len(save(dict(tensors))) if tensors else 0}


def score(setting: Setting, pair: Pair, ends: Ends, conditions: Conditions) -> dict[str, Any]:
    """Sends pictures, kept as a cell: {"mse": ..., "accuracy": ... or None}."""
    judging = judge(setting, pair)
    key: dict[str, object] = {
        "what": "score",
        "model": f"{pair.transmitter}-{pair.receiver}",
        "condition": f"eps{conditions.crossover:g}-mix{conditions.mixture:g}",
        "seed": conditions.seed,
        **ends.digests,
        "classifier": judging.digest,
        "crossover": conditions.crossover,
        "mixture": conditions.mixture,
        "scored": setting.scored,
    }

    def compute() -> dict[str, Any]:
        sent = data.scored(setting.data, conditions.mixture, setting.scored)
        codec = encoder_of(weight_file(setting, pair.transmitter), ends.encoder)
        return scored(codec, judging.receiver(ends.decoder), sent, conditions.crossover, conditions.seed)

    return dict(setting.cells.get(key, compute))


def scored_alignment(setting: Setting, pair: Pair, conditions: Conditions) -> dict[str, Any]:
    """Of strangers: the record of their alignment with mse and accuracy afterwards."""
    made = aligned(setting, pair, Ends.strangers(setting, pair), conditions)
    return {**made.record, **score(setting, pair, made.ends, conditions)}


def misaligned(setting: Setting, pair: Pair, conditions: Conditions) -> dict[str, Any]:
    """mse and accuracy of strangers that do nothing about it."""
    return score(setting, pair, Ends.strangers(setting, pair), conditions)


@dataclass(frozen=True)
class Task:
    """One alignment of strangers that a figure needs."""

    pair: Pair
    conditions: Conditions


def sweep(panel: str, seed: int, layers: Sequence[int] = LAYERS) -> list[Task]:
    """What one panel of Fig. 3 needs of a seed. Table I is the first crossover probability of `channel`."""
    if panel == "channel":
        cases = [Conditions(freeze, crossover, 0.0, seed) for crossover in CROSSOVERS for freeze in layers]
    else:
        cases = [Conditions(freeze, TABLE_CROSSOVER, mixture, seed) for mixture in MIXTURES for freeze in layers]
    return [Task(PAIRS[panel], case) for case in cases]
