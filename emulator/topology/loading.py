"""From a file or a packaged name, and overrides, to a checked scenario."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emulator.topology.checks import check
from emulator.topology.schema import Scenario
from emulator.topology.source import (
    AFTER_FILE,
    Fault,
    Place,
    Source,
    TopologyError,
    assign,
    nearest,
    override,
    parse,
    read,
)

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"


def names() -> list[str]:
    """The scenarios that come with the package."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def locate(path_or_name: str | Path) -> Path:
    """The file that a user means: a packaged scenario's name, else a path. Raises TopologyError for neither."""
    text = str(path_or_name)
    if text in names():
        return SCENARIOS / f"{text}.yaml"
    path = Path(text)
    if not path.exists() and path.suffix not in (".yaml", ".yml") and len(path.parts) == 1:
        sentence = f"is neither a scenario nor a file; {nearest(text, names())}"
        raise TopologyError([Fault(Place(0, text), "", sentence)])
    return path


def load(
    path_or_name: str | Path, overrides: Sequence[str] = (), *, seed: int | None = None, clock: str | None = None
) -> Scenario:
    """A scenario, read, overridden and checked.

    path_or_name: a packaged scenario's name or a file. overrides: `key=value` settings such as "plan.scale=2" or
    "links.0.delay_s=0.1". seed, clock: in place of the file's. Raises TopologyError with every fault.
    """
    path = locate(path_or_name)
    source = read(path)
    override(source, overrides)
    for key, value in (("seed", seed), ("clock", clock)):
        if value is not None:
            assign(source, (key,), value, Place(AFTER_FILE + len(overrides), f"--{key} {value}"))
    return _scenario(source, path)


def loads(text: str, overrides: Sequence[str] = (), label: str = "topology") -> Scenario:
    """As load, from text. label: how messages call it."""
    source = parse(text, label)
    override(source, overrides)
    return _scenario(source, None)


def _scenario(source: Source, path: Path | None) -> Scenario:
    try:
        scenario = Scenario.model_validate(source.data)
    except ValidationError as error:
        raise TopologyError(
            source.fault(detail["loc"], detail["msg"]) for detail in error.errors(include_url=False)
        ) from error
    faults = [source.fault(where, sentence) for where, sentence in check(scenario)]
    if faults:
        raise TopologyError(faults)
    scenario._file, scenario._digest = path, _digest(source.data)
    return scenario


def _digest(data: dict[str, Any]) -> str:
    """Of everything but the clock, which changes no number."""
    data = {key: value for key, value in data.items() if key != "clock"}
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
