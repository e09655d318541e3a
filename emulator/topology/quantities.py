"""Numbers, names and words that several parts of the schema share, each with its bounds and the fix for a bad one."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from emulator.topology.fields import Identifier, Number, fault, shown

THERMAL_NOISE_W_PER_HZ = 3.98e-21

Name = Annotated[str, Identifier()]
Probability = Annotated[float, Number("give a probability", at_least=0, at_most=1)]
BitErrorRate = Annotated[float, Number("give a bit error rate", at_least=0, at_most=0.5)]
Seconds = Annotated[float, Number("give a time in seconds", at_least=0, at_most=1e9)]
Hertz = Annotated[float, Number("give a bandwidth in Hz", above=0)]
Watts = Annotated[float, Number("give a power in W", above=0)]
Gain = Annotated[float, Number("give the linear channel power gain", above=0)]
Metres = Annotated[float, Number("give a distance in m", above=0)]
NoiseDensity = Annotated[float, Number("give a noise density in W/Hz", above=0)]
Weight = Annotated[float, Number("give a weight", at_least=0)]


def _read_snr(value: Any) -> Any:
    return value if value == "from_radio" else SNR_DB.read(value)


SNR_DB = Number("give Es/N0 in dB, or from_radio", at_least=-100, at_most=300)
SnrDb = Annotated[float | Literal["from_radio"], PlainValidator(_read_snr)]

RateBps = Annotated[float, Number("give the link's rate in bit/s", above=0)]
SymbolRate = Annotated[float, Number("give the link's rate in complex symbols/s", above=0)]


def _read_head(value: Any) -> Any:
    """A head by its number in its layer, or by its name."""
    if isinstance(value, str):
        if not HEAD_NAME.fullmatch(value):
            raise fault(f"must be a head's number or name, got {shown(value)}; begin a name with a letter")
        return value
    return _HEAD.read(value)


HEAD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_HEAD = Number("give the head's number in its layer, or its name", at_least=1, at_most=255, whole=True)
Head = Annotated[int | str, PlainValidator(_read_head)]


def one_or_more(value: Any) -> Any:
    """A name alone as a list of one."""
    return [value] if isinstance(value, str) else value
