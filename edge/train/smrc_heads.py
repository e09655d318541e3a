"""The heads of an SMRC training as a YAML file gives them: a list, an entry a head, in the order of their layers.

    - {layer: 1}
    - {layer: 2, name: semantics, symbols: 20, alpha: 0.2, weight: 1, beta: [1, 1, 1, 1, 1, 1], classes: [[0], [1], [2],
       [3], [4], [5, 6, 7, 8, 9]], after_db: 15, region: centre.npy}

Only `layer` must be given. `name` is what the head is asked for by, h11, h21, h22 and so on without. `classes` are
groups of the data set's classes (class pooling), `beta` has an entry for each group, `region` is a NumPy file beside
this one; the rest is explained at edge.train.smrc_loss.HeadGoal.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from edge.codecs.smrc_network import HeadShape, check_groups
from edge.train.smrc_loss import ALPHA, HeadGoal

SYMBOLS = 20  # complex: the 40 real numbers of section IV-C
KEYS = ("layer", "name", "symbols", "alpha", "weight", "beta", "classes", "after_db", "region")

Heads = tuple[tuple[HeadShape, ...], tuple[HeadGoal, ...]]


def read_heads(path: Path, classes: int) -> Heads:
    """Shapes and goals of the heads. classes: of the data set. Raises ValueError, naming the field and the fix."""
    try:
        listed = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"--heads: {path.name} is not a readable YAML file ({reason}); mend it") from error
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"--heads: {path.name} must be a list with an entry for each head")
    pairs = [_head(f"heads[{place}]", entry, classes, path.parent) for place, entry in enumerate(listed)]
    return tuple(shape for shape, _ in pairs), tuple(goal for _, goal in pairs)


def _head(name: str, entry: Any, classes: int, folder: Path) -> tuple[HeadShape, HeadGoal]:
    if not isinstance(entry, Mapping) or "layer" not in entry:
        raise ValueError(f"{name}: must be a mapping that gives the layer, got {entry!r}")
    for key in entry:
        if key not in KEYS:
            raise ValueError(f"{name}.{key}: there is no such field; choose of {', '.join(KEYS)}")
    return _shape(name, entry, classes), _goal(name, entry, folder)


def _shape(name: str, entry: Mapping[str, Any], classes: int) -> HeadShape:
    groups = entry.get("classes", [[one] for one in range(classes)])
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        raise ValueError(f"{name}.classes: must be a list of lists of classes, got {groups!r}")
    for group in groups:
        for one in group:
            _integer(f"{name}.classes", one)
    check_groups(f"{name}.classes", groups, classes)
    layer = _integer(f"{name}.layer", entry["layer"])
    symbols = _integer(f"{name}.symbols", entry.get("symbols", SYMBOLS))
    called = _text(f"{name}.name", entry.get("name", ""))
    try:
        return HeadShape(layer, symbols, tuple(tuple(group) for group in groups), called)
    except ValueError as error:
        raise ValueError(f"{name}.{error}") from error


def _goal(name: str, entry: Mapping[str, Any], folder: Path) -> HeadGoal:
    beta, after_db, region = entry.get("beta", []), entry.get("after_db"), entry.get("region")
    if not isinstance(beta, list):
        raise ValueError(f"{name}.beta: must be a list with an entry for each group of classes, got {beta!r}")
    return HeadGoal(
        _number(f"{name}.alpha", entry.get("alpha", ALPHA)),
        tuple(_number(f"{name}.beta[{place}]", one) for place, one in enumerate(beta)),
        _number(f"{name}.weight", entry.get("weight", 1.0)),
        None if after_db is None else _number(f"{name}.after_db", after_db),
        None if region is None else _mask(f"{name}.region", folder / str(region)),
    )


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: must be text, got {value!r}; put it in quotes")
    return value


def _integer(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name}: must be an integer, got {value!r}")
    return value


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError(f"{name}: must be a number, got {value!r}")
    return float(value)


def _mask(name: str, path: Path) -> Tensor:
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise ValueError(f"{name}: {path.name} is not a readable NumPy array ({error}); give a .npy file") from error
