"""Sweeps of any number in a problem file: parsing `key=start:stop:step`, and solving each variant."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimizer.errors import ProblemError
from optimizer.figures import Experiment, Row
from optimizer.problem_file import parse
from optimizer.solve import solve

_MOST_VALUES = 10_000


def parse_vary(text: str) -> tuple[str, tuple[float, ...]]:
    """(`key`, values) of `key=start:stop:step` (both ends included) or `key=v1,v2,...`. Raises ProblemError."""
    key, equals, values = text.partition("=")
    advice = "write KEY=START:STOP:STEP or KEY=V1,V2,..., such as bandwidth_hz=1000:8000:1000"
    if not equals or not key:
        raise ProblemError(f"--vary {text}: has no key; {advice}")
    try:
        numbers = tuple(float(part) for part in values.split(":" if ":" in values else ","))
    except ValueError as error:
        raise ProblemError(f"--vary {text}: {error}; {advice}") from error
    if not all(math.isfinite(number) for number in numbers):
        raise ProblemError(f"--vary {text}: values must be finite; {advice}")
    if ":" not in values:
        return key, numbers
    if len(numbers) != 3 or numbers[2] == 0 or (numbers[1] - numbers[0]) / numbers[2] < 0:
        raise ProblemError(f"--vary {text}: must lead from start to stop in steps; {advice}")
    start, stop, step = numbers
    count = math.floor((stop - start) / step + 1e-9) + 1
    if count > _MOST_VALUES:
        raise ProblemError(f"--vary {text}: asks for {count} values; at most {_MOST_VALUES} are allowed")
    return key, tuple(start + index * step for index in range(count))


def vary(content: Mapping[str, Any], text: str, seeds: tuple[int, ...], folder: Path | None = None) -> Experiment:
    """Solves the problem file's mapping once for each value and seed. Raises ProblemError."""
    key, values = parse_vary(text)
    rows = []
    for seed in seeds:
        for value in values:
            stated = _with(content, key, value)
            stated["seed"] = seed
            problem, solver = parse(stated, folder)
            rows.append(Row.of(solve(problem, solver), solver, str(stated.get("preset", "paper")), seed, value))
    return Experiment(f"vary-{key}", key, tuple(rows))


def _with(content: Mapping[str, Any], key: str, value: float) -> dict[str, Any]:
    """A copy of the mapping in which the dotted key has this value; an integral one is written as an integer."""
    changed: dict[str, Any] = copy.deepcopy(dict(content))
    *parents, last = key.split(".")
    place = changed
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise ProblemError(f"--vary {key}: {parent} is not a group of keys")
    place[last] = int(value) if value.is_integer() else value
    return changed
