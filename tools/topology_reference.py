"""Writes docs/topology.md from the schema in emulator/topology. A test checks that the two agree.

python tools/topology_reference.py [--check]
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import click  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402

from emulator.topology.fields import Identifier, Model, Number  # noqa: E402
from emulator.topology.loading import SCENARIOS  # noqa: E402
from emulator.topology.schema import STEP_KINDS, Clock, Scenario, Step  # noqa: E402

PAGE = ROOT / "docs" / "topology.md"

INTRODUCTION = """\
# Topology files

<!-- made by tools/topology_reference.py from emulator/topology; do not edit -->

A scenario is one YAML file: the network, what is sent over it, and who decides its resources. `edge-emulator list`
names the ones that come with semedge, `edge-emulator validate FILE` checks one, `edge-emulator run FILE` runs it. This
is `quickstart`:

```yaml
{example}```

- **YAML** 1.2: `1e-3` is a number, `no` is text. Anchors, aliases and `<<` merge keys work, so that receivers may share
  a template: `rx1: &device {{...}}`, `rx2: *device`, `rx3: {{<<: *device, distance_m: 80}}`. A key given twice is an
  error, and so is a key that is not on this page.
- **Faults** are one sentence each, with file, line, key and fix, in the order of the file; the exit status is 2. What
  several keys must agree on (names that exist, ways that lead somewhere) is judged once every single key is good.
- **Overrides**: `--set KEY=VALUE` on the command line changes any key, with dots between keys and an index or a name
  for an entry of a list: `--set plan.scale=2`, `--set links.0.delay_s=0.1`, `--set links.radio1.queue_policy=drop`.
- **Units** are in the names: bit/s, Hz, W, W/Hz, m, s, bytes, bits. Gains and powers are linear; only `_db` keys are
  in dB.
- **Paths** are not written down: traffic takes the fewest links, and among equals the ones listed first. A path that
  matters can be stated under `paths`, and is then checked.
- **The plan** needs radio links from one node, one to each receiver. Its answer sets their bandwidth, power and gain,
  and the option `scale` of the receivers' codecs.

A bold key must be given.
"""


def page() -> str:
    """The whole page."""
    example = (SCENARIOS / "quickstart.yaml").read_text(encoding="utf-8")
    homes: dict[type[Model], str] = {}
    for path, model in _models(Scenario, ""):
        homes.setdefault(model, path)
    return "\n".join([INTRODUCTION.format(example=example), *(_section(model, homes) for model in homes)])


def _models(model: type[Model], path: str) -> Iterator[tuple[str, type[Model]]]:
    """Every model below this one, with the key path where it is met, depth first, in the order of the keys."""
    yield path, model
    for key, info in model.known_keys().items():
        place = f"{path}.{key}" if path else key
        for kind, suffix in _inner(info.annotation):
            if kind is Step:
                for name, step in STEP_KINDS.items():
                    yield from _models(step, f"{place}{suffix}.{name}")
            else:
                yield from _models(kind, f"{place}{suffix}")


def _inner(annotation: Any, suffix: str = "") -> Iterator[tuple[type[Model], str]]:
    """Models within an annotation, with what their place adds to the key: [] in a list, .NAME in a mapping."""
    if inspect.isclass(annotation) and issubclass(annotation, Model):
        yield annotation, suffix
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return
    if get_origin(annotation) is dict:
        yield from _inner(arguments[1], f"{suffix}.NAME")
    elif get_origin(annotation) is list:
        yield from _inner(arguments[0], f"{suffix}[]")
    else:
        for argument in arguments:
            yield from _inner(argument, suffix)


def _section(model: type[Model], homes: dict[type[Model], str]) -> str:
    heading = f"## {_title(model, homes)}" if homes[model] else "## Top level"
    lines = [f'<a id="{model.__name__.lower()}"></a>', "", heading, "", inspect.cleandoc(model.__doc__ or ""), ""]
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, info in model.known_keys().items():
        shown = f"**`{key}`**" if info.is_required() else f"`{key}`"
        row = (shown, _value(info, homes), _default(info), _sentence(info.description or ""))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |")
    if model.model_config.get("extra") == "allow":
        lines.append("| any other key | text, number, `true` or `false` | | an option of the codec |")
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _default(info: FieldInfo) -> str:
    if info.is_required() or info.default_factory is not None or info.default in (None, "", []):
        return ""
    return f"`{_scalar(info.default)}`"


def _scalar(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(info: FieldInfo, homes: dict[type[Model], str]) -> str:
    for mark in info.metadata:
        if isinstance(mark, Number | Identifier):
            return _marked(mark)
    return _kind(info.annotation, homes)


def _marked(mark: Number | Identifier) -> str:
    if isinstance(mark, Identifier):
        return "name"
    return f"{'whole number' if mark.whole else 'number'} {mark.bounds}".strip()


def _kind(annotation: Any, homes: dict[type[Model], str]) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        marks = [mark for mark in arguments[1:] if isinstance(mark, Number | Identifier)]
        return _marked(marks[0]) if marks else _kind(arguments[0], homes)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {_kind(arguments[0], homes)}"
    if origin is dict:
        return f"mapping of names to {_kind(arguments[1], homes)}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(each, homes) for each in arguments if each is not type(None))
    if annotation is Step:
        return "steps: " + ", ".join(_link(step, homes) for step in STEP_KINDS.values())
    if inspect.isclass(annotation) and issubclass(annotation, Model):
        return _link(annotation, homes)
    names = {str: "text", bool: "`true` or `false`", int: "whole number", float: "number"}
    return "`virtual`, `real` or `scaled:F`" if annotation is Clock else names[annotation]


def _title(model: type[Model], homes: dict[type[Model], str]) -> str:
    """Where the model is met; and its name, where several are met at one key."""
    path = homes[model]
    alone = list(homes.values()).count(path) == 1
    return f"`{path}`" if alone else f"`{path}` ({model.__name__})"


def _link(model: type[Model], homes: dict[type[Model], str]) -> str:
    return f"[{_title(model, homes)}](#{model.__name__.lower()})"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when the page is out of date.")
def main(check: bool) -> None:
    """Write docs/topology.md."""
    if not check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        raise click.ClickException("docs/topology.md is out of date; run: python tools/topology_reference.py")


if __name__ == "__main__":
    main()
