"""How each kind of segment is carried over a link."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from emulator.topology.fields import Model, Number, OneOf, fault, shown
from emulator.topology.quantities import SnrDb
from emulator.topology.source import nearest

Coherence = Literal["message", "packet"]


class Qam(Model):
    """Uncoded square QAM over AWGN with hard decisions: bits get their true error rate."""

    order: Literal[4, 16, 64, 256] = Field(description="the constellation's size: 4, 16, 64 or 256")
    snr_db: SnrDb = Field(default="from_radio", description="the Es/N0 in dB, or from_radio for the link's own")


class BitBearer(OneOf):
    """How BITS are carried. `ideal`, `levels`, or a mapping:"""

    qam: Qam | None = Field(default=None, description="an uncoded modulation")


class IndexBearer(OneOf):
    """How INDICES are carried. `ideal`, `levels`, or a mapping with one of:"""

    dmc: Annotated[float, Number("give a crossover probability", at_least=0, at_most=1)] | None = Field(
        default=None, description="the probability that an index becomes another one, each equally likely (SLF, eq. 2)"
    )
    qam: Qam | None = Field(default=None, description="an uncoded modulation of the indices' bits")


class Rayleigh(Model):
    """Block Rayleigh fading of unit mean power, and noise."""

    snr_db: SnrDb = Field(default="from_radio", description="the mean Es/N0 in dB, or from_radio for the link's own")
    coherence: Coherence = Field(default="message", description="the time that a gain lasts: a message or a packet")


class Rician(Rayleigh):
    """Block Rician fading of unit mean power, and noise."""

    k_factor: Annotated[float, Number("give the linear Rician factor", at_least=0, at_most=1e6)] = Field(
        description="the linear ratio of direct to scattered power"
    )


class SymbolBearer(OneOf):
    """How SYMBOLS are carried. `ideal`, or a mapping with one of:"""

    awgn: SnrDb | None = Field(default=None, description="the Es/N0 in dB, or from_radio for the link's own")
    rayleigh: Rayleigh | None = Field(default=None, description="a Rayleigh fading channel")
    rician: Rician | None = Field(default=None, description="a Rician fading channel")


def _word_or(model: type[Model], *words: str) -> PlainValidator:
    """Reads one of the words as it is, anything else as the model."""

    def read(value: Any) -> Any:
        if isinstance(value, str):
            if value not in words:
                raise fault(f"must be {' or '.join(words)} or a mapping, got {shown(value)}; {nearest(value, words)}")
            return value
        return model.model_validate(value)

    return PlainValidator(read)


class Bearers(Model):
    """How each kind of segment is carried. What is not listed is carried as it is; BITS by their levels."""

    bits: Annotated[Literal["ideal", "levels"] | BitBearer, _word_or(BitBearer, "ideal", "levels")] = Field(
        default="levels", description="the bearer of BITS: ideal, levels or {qam: ...}"
    )
    indices: Annotated[Literal["ideal", "levels"] | IndexBearer, _word_or(IndexBearer, "ideal", "levels")] = Field(
        default="ideal", description="the bearer of INDICES: ideal, levels, {dmc: p} or {qam: ...}"
    )
    symbols: Annotated[Literal["ideal"] | SymbolBearer, _word_or(SymbolBearer, "ideal")] = Field(
        default="ideal", description="the bearer of SYMBOLS: ideal, {awgn: dB}, {rayleigh: ...} or {rician: ...}"
    )
    opaque: Literal["ideal"] = Field(default="ideal", description="the bearer of OPAQUE bytes: always ideal")
