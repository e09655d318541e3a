"""A YAML file as plain data that remembers the line each value came from, and overrides on top of it.

YAML 1.2's core scalars (so `1e-3` is a number and `no` is text), anchors, aliases and merge keys; no other tags, no
dates, no duplicate keys. What the keys mean is none of this module's business.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Never

import yaml

MAX_FILE_BYTES = 256 * 1024
MAX_VALUES = 100_000  # after aliases are expanded: a small file may stand for an enormous one
MAX_DEPTH = 32
AFTER_FILE = 1 << 40  # the line number, in sorting, of the first override

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Place:
    """Where a value was written. `line` orders places, overrides after the file; `label` is what a person reads."""

    line: int
    label: str


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong: where, at which key, and a sentence with the fix."""

    place: Place
    key: str
    sentence: str

    def __str__(self) -> str:
        parts = (self.place.label, self.key, self.sentence) if self.key else (self.place.label, self.sentence)
        return ": ".join(parts)


class TopologyError(Exception):
    """A topology that cannot be used. `faults` has one sentence each, in the order of the file; str() joins them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass
class Source:
    """What was read: plain data, and the place of each value by its path from the root."""

    label: str
    data: dict[str, Any]
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Where `path` was written, or the nearest thing around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return Place(1, f"{self.label}:1")

    def fault(self, path: KeyPath, sentence: str) -> Fault:
        """A fault at `path`. Indexes into what is written without a list (`to: rx1` for `to: [rx1]`) are left out."""
        return Fault(self.place(path), key_text(self._written(path)), sentence)

    def _written(self, path: KeyPath) -> KeyPath:
        value: Any = self.data
        for depth, part in enumerate(path):
            if isinstance(part, int):
                if not isinstance(value, list):
                    return path[:depth]
                value = value[part] if part < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        return path


def key_text(path: KeyPath) -> str:
    """("links", 2, "rate_bps") to "links[2].rate_bps"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" when a known word is close, else "; known: a, b, c"."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(choices)}" if choices else "none is known"


class _CoreResolver(yaml.resolver.BaseResolver):
    """YAML 1.2's core schema: what is not plainly null, a truth value or a number is text."""


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
):
    _CoreResolver.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


class _Loader(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _CoreResolver):
    """Reads nodes, constructs nothing; refuses deep nesting before Python's stack does."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        _CoreResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, f"nested more than {MAX_DEPTH} deep", mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Builder:
    """Nodes to plain data, each value a fresh object, with its place recorded."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.places: dict[KeyPath, Place] = {}
        self.faults: list[Fault] = []
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.places.setdefault(path, self._place(node))
        if len(self.places) > MAX_VALUES:
            self._stop(node, path, f"more than {MAX_VALUES} values once aliases are expanded; write less")
        if id(node) in self._open:
            self._stop(node, path, "an alias contains itself; write the value out")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged += self._merged(value_node, path)
                continue
            key = self._key(key_node, path)
            if key in mapping:
                self._note(key_node, (*path, key), "is given twice; keep one")
                continue
            self.places[(*path, key)] = self._place(key_node)
            mapping[key] = self.build(value_node, (*path, key))
        for other in merged:  # earlier ones win, and the mapping's own keys before all
            for key_node, value_node in other.value:
                key = self._key(key_node, path)
                if key not in mapping:
                    mapping[key] = self.build(value_node, (*path, key))
        return mapping

    def _merged(self, node: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for each in nodes:
            if not isinstance(each, yaml.MappingNode):
                self._stop(each, path, "<< takes a mapping, such as *device for one that was anchored as &device")
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in each.value):
                self._stop(each, path, "<< of a mapping that has << itself; write its keys out")
        return list(nodes)

    def _key(self, node: yaml.Node, path: KeyPath) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            shown = node.value if isinstance(node, yaml.ScalarNode) else "a list or mapping"
            self._stop(node, path, f"keys must be text, got {shown}; put quotes around it")
        return str(node.value)

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        kind, text = node.tag.removeprefix("tag:yaml.org,2002:"), node.value
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return self._integer(node, path)
        if kind == "float":
            return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
        return self._stop(node, path, f"the tag {node.tag} is not allowed; write plain YAML")

    def _integer(self, node: yaml.Node, path: KeyPath) -> int:
        text = node.value
        if len(text) > 40:
            self._stop(node, path, f"the number {text[:20]}... is too long; write it as 1e30 is written")
        try:
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        except ValueError:
            return self._stop(node, path, f"{text} is not a number; put quotes around text")

    def _place(self, node: yaml.Node) -> Place:
        if not node.start_mark:
            return Place(1, self.label)
        line = node.start_mark.line + 1
        return Place(line, f"{self.label}:{line}")

    def _note(self, node: yaml.Node, path: KeyPath, sentence: str) -> None:
        self.faults.append(Fault(self._place(node), key_text(path), sentence))

    def _stop(self, node: yaml.Node, path: KeyPath, sentence: str) -> Never:
        self._note(node, path, sentence)
        raise TopologyError(self.faults)


def parse(text: str, label: str) -> Source:
    """A topology's text to data with places. label: how messages call the file. Raises TopologyError."""
    node = _compose(text, label)
    if not isinstance(node, yaml.MappingNode):
        found = "is empty" if node is None else "is not a mapping"
        raise TopologyError(
            [
                Fault(
                    Place(1, f"{label}:1"), "", f"the file {found}; start it with keys such as version: 1 and name: ..."
                )
            ]
        )
    builder = _Builder(label)
    data = builder.build(node, ())
    if builder.faults:
        raise TopologyError(builder.faults)
    return Source(label, data, builder.places)


def _compose(text: str, label: str) -> yaml.Node | None:
    try:
        return _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        reason = error.problem or error.context or "cannot be read"
        raise TopologyError(
            [Fault(Place(line, f"{label}:{line}"), "", f"is not valid YAML ({reason}); check indentation and quotes")]
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise TopologyError(
            [
                Fault(
                    Place(line, f"{label}:{line}"), "", "has a character that YAML forbids; save it as plain UTF-8 text"
                )
            ]
        ) from error


def read(path: Path) -> Source:
    """A topology file. Raises TopologyError: not there, not readable, too large, not UTF-8, not a YAML mapping."""
    place = Place(0, str(path))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise TopologyError([Fault(place, "", f"cannot be read ({error.strerror}); give a topology file")]) from error
    if len(content) > MAX_FILE_BYTES:
        raise TopologyError(
            [Fault(place, "", f"is larger than {MAX_FILE_BYTES} bytes; a topology is a small YAML file")]
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TopologyError([Fault(place, "", "is not UTF-8 text; give a YAML file")]) from error
    return parse(text, str(path))


def override(source: Source, settings: Sequence[str]) -> None:
    """Applies `key=value` settings (dotted keys, list indexes or item names, YAML values), in order, to source.data.

    Mappings on the way that the file leaves out are made, so that the schema judges whether the key exists.
    Raises TopologyError.
    """
    for index, setting in enumerate(settings):
        place = Place(AFTER_FILE + index, f"--set {setting}")
        key, equals, text = setting.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise TopologyError([Fault(place, "", "must be KEY=VALUE, such as plan.scale=2 or links.0.delay_s=0.1")])
        assign(source, _descend(source, parts, place), _value(text, place), place)


def assign(source: Source, path: KeyPath, value: Any, place: Place) -> None:
    """Puts a value at a path whose holder exists, and remembers that it came from `place`."""
    for known in [known for known in source.places if known[: len(path)] == path]:
        del source.places[known]
    source.places[path] = place
    holder: Any = source.data
    for part in path[:-1]:
        holder = holder[part]
    operator.setitem(holder, path[-1], value)


def _value(text: str, place: Place) -> Any:
    try:
        node = _compose(text, place.label)
        return None if node is None else _Builder(place.label).build(node, ())
    except TopologyError as error:
        reason = error.faults[0].sentence
        raise TopologyError([Fault(place, "", f"the value {reason}")]) from error


def _descend(source: Source, parts: list[str], place: Place) -> KeyPath:
    """The parts as a path: indexes as integers, missing mappings made."""
    value: Any = source.data
    path: KeyPath = ()
    for depth, part in enumerate(parts):
        if isinstance(value, list):
            path = (*path, _index(value, part, path, place))
        elif isinstance(value, dict):
            path = (*path, part)
            if depth < len(parts) - 1 and value.get(part) is None:
                value[part] = {}
                source.places[path] = place
        else:
            sentence = f"{key_text(path)} has no keys of its own; set it as a whole or give a known key"
            raise TopologyError([Fault(place, "", sentence)])
        value = _child(value, path[-1])
    return path


def _child(value: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return value[part]
    return value.get(part)


def _index(items: list[Any], part: str, path: KeyPath, place: Place) -> int:
    names = {item["name"]: index for index, item in enumerate(items) if isinstance(item, dict) and "name" in item}
    if part in names:
        return int(names[part])
    if part.isdecimal() and int(part) < len(items):
        return int(part)
    if part.isdecimal() or not names:
        sentence = f"{key_text(path)} has no entry {part}; it has {len(items)}, counted from 0"
    else:
        sentence = f"{key_text(path)} has no entry {part}; {nearest(part, [str(name) for name in names])}"
    raise TopologyError([Fault(place, "", sentence)])
