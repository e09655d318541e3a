"""docs/report.md, made from the schema: every field with its type, unit and meaning. Run tools/report_reference.py."""

from __future__ import annotations

import types
import typing

from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from emulator.report.schema import Report, Section, is_volatile

INTRODUCTION = """# Report schema

Generated from `emulator/report/schema.py` by `python tools/report_reference.py`; do not edit.

`edge-emulator run` writes a folder:

| file | what |
|---|---|
| `report.json` | everything below; written last, so where it is, the rest is complete |
| `report.html` | a self-contained page: pictures, network, plan, measured against theory, timeline |
| `pictures.png` | originals beside what each receiver got (at most 4 images and 10 receivers) |
| `quality.png` | PSNR of each receiver over its distance, or over its compression rate |
| `timeline.png` | when each receiver's messages were on their way, in model time |
| `originals/` | the pictures as they were sent, PNG |
| `received/RECEIVER/NUMBER-NAME.png` | the pictures as they were received |

`edge-emulator report DIR` makes the page and the plots again from `report.json` and the saved pictures.

Rules:

- `schema_version` changes when a field changes its meaning, its unit or its name, or goes away. Unknown fields are
  refused.
- There is no NaN and no infinity: a figure that does not exist is `null`. The PSNR of a perfect copy is infinite, so
  `psnr_db` is `null` and `identical` is `true`; averages of PSNR leave such copies out and count them in `identical`.
- Times are model times in seconds, except where the name says `wall` and in `timing`.
- Fields marked **·** depend on the machine or on the clock. All others must be equal in two runs of one scenario with
  one seed: `emulator.report.Report.deterministic()` returns exactly those, messages in order, for comparing runs.
"""


def markdown() -> str:
    """The whole page, ending in a newline."""
    sections: list[type[Section]] = [Report]
    for section in sections:  # grows while sections name further ones
        for field in section.model_fields.values():
            sections += [found for found in _sections_in(field.annotation) if found not in sections]
    return INTRODUCTION + "".join(_section(section) for section in sections)


def _section(section: type[Section]) -> str:
    summary = " ".join((section.__doc__ or "").split())
    lines = [f"\n## {section.__name__}\n", f"{summary}\n", "| field | type | unit | meaning |", "|---|---|---|---|"]
    for name, field in section.model_fields.items():
        mark = " **·**" if is_volatile(field) else ""
        lines.append(f"| `{name}`{mark} | {_type(field.annotation)} | {_unit(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _unit(field: FieldInfo) -> str:
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra["unit"] or "")


def _sections_in(annotation: object) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [found for argument in typing.get_args(annotation) for found in _sections_in(argument)]


def _type(annotation: object) -> str:
    """A field's type in the words of JSON."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"object of {_type(arguments[1])}"
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(argument) for argument in arguments)
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    names: dict[object, str] = {
        str: "string", int: "integer", float: "number", bool: "boolean", AwareDatetime: "string", type(None): "null",
    }  # fmt: skip
    return names[annotation]
