"""HTML and SVG text that cannot be unescaped by mistake: plain strings are escaped, only elements pass as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

VOID = frozenset({"br", "img", "meta", "circle", "line", "path", "rect"})

Attributes = Mapping[str, str | float]


class Markup(str):
    """Text that is already HTML. Only `element`, `join` and literals of this package make it."""

    __slots__ = ()


Child = str | Markup


def escaped(text: Child) -> Markup:
    """Plain text escaped for content and attributes; markup as it is."""
    return text if isinstance(text, Markup) else Markup(escape(text, quote=True))


def join(parts: Iterable[Child], separator: Child = "") -> Markup:
    """The parts in a row, escaped where they are plain text."""
    return Markup(escaped(separator).join(escaped(part) for part in parts))


def element(tag: str, attributes: Attributes | None = None, *children: Child) -> Markup:
    """<tag attributes>children</tag>. Attribute values are escaped; numbers are written with at most two decimals."""
    written = "".join(f' {name}="{_value(value)}"' for name, value in (attributes or {}).items())
    if tag in VOID and not children:
        return Markup(f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def _value(value: str | float) -> str:
    return escape(value, quote=True) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
