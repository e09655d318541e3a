"""What an SMRC weight file says of itself beside its tensors: the networks' shape, what each head was trained for, and
what its layers cost beside single encodings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge.codecs import network_codec, weights
from edge.codecs.contract import CodecError
from edge.codecs.smrc_network import HeadShape, SmrcShape

ARCHITECTURE = "smrc"
HEADS = "heads"  # metadata: JSON list of HeadShape's fields
TRAINING = "training"  # metadata: JSON, of which the heads' alphas are wanted here
ETA = "eta"  # metadata: JSON with `by_layer`, for each layer from the second on, and `first_layer`: see `read_etas`


def read_shape(path: Path) -> SmrcShape:
    """The networks' sizes as the file's metadata gives them. Raises CodecError for another codec's file, or none."""

    def build(**sizes: Any) -> SmrcShape:
        return SmrcShape(**sizes, heads=heads_from(json.loads(weights.read_metadata(path)[HEADS])))

    return network_codec.read_shape(path, ARCHITECTURE, build, flags=("weighing",))


def heads_from(listed: Any) -> tuple[HeadShape, ...]:
    """JSON values -> HeadShapes. Raises KeyError, TypeError or ValueError for anything else."""
    return tuple(
        HeadShape(
            int(one["layer"]),
            int(one["symbols"]),
            tuple(tuple(map(int, group)) for group in one["groups"]),
            str(one.get("name", "")),
        )
        for one in listed
    )


def heads_json(heads: Sequence[HeadShape]) -> list[dict[str, Any]]:
    """What `heads_from` reads. Names that are the paper's are left out."""
    return [{key: value for key, value in asdict(head).items() if value != ""} for head in heads]


def read_alphas(path: Path, shape: SmrcShape) -> list[float]:
    """alpha that each head was trained for, by its sub-block; none when the file does not say."""
    goals = _noted(path, TRAINING).get("goals", [])
    return [float(goal["alpha"]) for goal in goals] if len(goals) == len(shape.heads) else []


def read_etas(path: Path, shape: SmrcShape) -> list[float]:
    """eta of each sub-block (SMRC, section I): its symbols over those by which a single encoding of the same quality
    grows with it; for layer 1, over those of one. None when the file does not say."""
    noted = _noted(path, ETA)
    by_layer = [noted.get("first_layer", 1.0), *noted.get("by_layer", [])]
    return [float(by_layer[head.layer - 1]) for head in shape.heads] if len(by_layer) == shape.layers > 1 else []


def _noted(path: Path, key: str) -> dict[str, Any]:
    """A JSON object of the metadata; empty when it is not there."""
    try:
        return dict(json.loads(weights.read_metadata(path).get(key, "{}")))
    except (ValueError, TypeError) as error:
        raise CodecError(
            f"codec.options.weights: {path.name}: its metadata '{key}' is not what training writes; train it again"
        ) from error
