"""Building blocks of the schema: numbers with bounds, names, and a model that phrases its own errors.

Every fault is one sentence with the fix, made where the field (and hence its meaning) is known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from emulator.topology.source import nearest

SENTENCE = "sentence"


def fault(sentence: str) -> PydanticCustomError:
    """An error whose text is a finished sentence."""
    return PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})


def shown(value: Any) -> str:
    """A value as a message quotes it: never long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True)
class Number:
    """A finite number within bounds, as metadata of Annotated[float, ...] or, with whole=True, Annotated[int, ...].

    fix: what to do about a bad one, without the bounds. Truth values and text are no numbers.
    """

    fix: str
    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    whole: bool = False

    @property
    def bounds(self) -> str:
        """The range as a phrase: "> 0", "in [0, 0.5]", or nothing."""
        low = self.above if self.above is not None else self.at_least
        high = "" if self.at_most is None else str(self.at_most) if self.whole else f"{self.at_most:g}"
        if low is not None and high:
            return f"in {'(' if self.above is not None else '['}{low:g}, {high}]"
        if low is not None:
            return f"{'>' if self.above is not None else '>='} {low:g}"
        return f"<= {high}" if high else ""

    def read(self, value: Any) -> float | int:
        """Returns the number, or raises a fault."""
        kind = "whole number" if self.whole else "number"
        if isinstance(value, bool) or not isinstance(value, int | float) or (self.whole and value != int_or_nan(value)):
            raise fault(f"must be a {kind}{self._suffix()}, got {shown(value)}; {self.fix}")
        if not math.isfinite(value):
            raise fault(f"must be a finite {kind}{self._suffix()}, got {value}; {self.fix}")
        low_enough = self.at_most is None or value <= self.at_most
        high_enough = (self.above is None or value > self.above) and (self.at_least is None or value >= self.at_least)
        if not (low_enough and high_enough):
            raise fault(f"must be {self.bounds}, got {value:g}; {self.fix}")
        return int(value) if self.whole else float(value)

    def _suffix(self) -> str:
        return f" {self.bounds}" if self.bounds else ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)


def int_or_nan(value: float) -> float:
    """value without its fraction; NaN (equal to nothing) when it has no integer part."""
    return int(value) if math.isfinite(value) else math.nan


@dataclass(frozen=True)
class Identifier:
    """Text that may name a file, a certificate and a table cell: letters, digits, "-", "_" and ".", 63 at most."""

    PATTERN: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

    def read(self, value: Any) -> str:
        """Returns the name, or raises a fault."""
        if not isinstance(value, str):
            raise fault(f"must be a name, got {shown(value)}; give text (in quotes when it looks like a number)")
        if not self.PATTERN.fullmatch(value):
            raise fault(
                f"must be a name, got {shown(value)}; use letters, digits, '-', '_' and '.', starting with a letter or "
                "digit, 63 at most"
            )
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)


def purpose(info: FieldInfo) -> str:
    """What a field holds, as it continues the sentence "give ...": its description up to the first full stop."""
    first = re.split(r"[.;:](?:\s|$)", info.description or "a value", maxsplit=1)[0]
    return first[0].lower() + first[1:]


class Model(BaseModel):
    """A mapping with known keys; strict, frozen, and every error a sentence.

    Descriptions of fields begin with an article, so that "give the rate in bit/s" reads well.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def known_keys(cls) -> dict[str, FieldInfo]:
        """The keys as they are written, in order."""
        return {info.alias or name: info for name, info in cls.model_fields.items()}

    @model_validator(mode="wrap")
    @classmethod
    def _phrase(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, dict | cls):
            example = ", ".join(f"{key}: ..." for key in list(cls.known_keys())[:2])
            raise fault(f"must be a mapping, got {shown(value)}; write it like {{{example}}}")
        try:
            return handler(value)
        except ValidationError as error:
            details = [cls._sentence(detail) for detail in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, details) from error

    @classmethod
    def _sentence(cls, detail: ErrorDetails) -> InitErrorDetails:
        text = detail["msg"] if detail["type"] == SENTENCE else cls._words(detail)
        return InitErrorDetails(type=fault(text), loc=detail["loc"], input=detail["input"])

    @classmethod
    def _words(cls, detail: ErrorDetails) -> str:
        key, got = str(detail["loc"][0]) if detail["loc"] else "", shown(detail["input"])
        kind = detail["type"]
        if kind == "extra_forbidden":
            return f"unknown key; {nearest(key, cls.known_keys())}"
        info = cls.known_keys().get(key)
        give = f"give {purpose(info)}" if info is not None else "see the topology reference"
        if kind == "missing":
            return f"is missing; {give}"
        expected = {
            "string_type": "text",
            "list_type": "a list",
            "dict_type": "a mapping",
            "bool_type": "true or false",
            "literal_error": str(detail.get("ctx", {}).get("expected", "")),
        }.get(kind)
        if expected:
            return f"must be {expected}, got {got}; {give}"
        return f"{detail['msg'].removeprefix('Value error, ')}, got {got}; {give}"


class OneOf(Model):
    """A mapping with exactly one of its keys."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            choices = " or ".join(self.known_keys())
            raise fault(f"must have exactly one key, {choices}, got {' and '.join(given) or 'none'}; give one")
        return self
