"""How each kind of segment is carried over a link."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from emulator.bearers import shipped_mappers
from emulator.topology.fields import Model, Number, OneOf, fault, shown
from emulator.topology.quantities import Name, Seconds, SnrDb
from emulator.topology.source import nearest

Coherence = Literal["message", "packet"]


class Qam(Model):
    """Uncoded square QAM over AWGN with hard decisions: bits get their true error rate."""

    order: Literal[4, 16, 64, 256] = Field(description="the constellation's size: 4, 16, 64 or 256")
    snr_db: SnrDb = Field(default="from_radio", description="the Es/N0 in dB, or from_radio for the link's own")


Order = Literal[4, 16, 64, 256]
CodeRate = Annotated[float, Number("give a code rate", at_least=0.2, at_most=0.95)]


class CodedLevel(Model):
    """How well one reliability level is protected: a modulation and a code rate."""

    order: Order = Field(description="the constellation's size: 4, 16, 64 or 256")
    code_rate: CodeRate = Field(description="the information bits (CRC included) over the coded bits")


class Ldpc(Model):
    """LDPC blocks of 5G NR and Gray-mapped QAM over AWGN, decoded by belief propagation.

    Without order, code_rate and levels, the scheme of the highest goodput at the SNR is taken from a measured table.
    BITS and INDICES arrive as decoded, errors and all; OPAQUE packets that touch a block whose CRC fails are lost.
    """

    order: Order | None = Field(default=None, description="the constellation's size: 4, 16, 64 or 256")
    code_rate: CodeRate | None = Field(
        default=None, description="the information bits (CRC included) over the coded bits"
    )
    levels: list[CodedLevel] | None = Field(
        default=None,
        description="the protection of each reliability level, in place of one order and code_rate. A segment whose "
        "level is not listed uses the last",
    )
    snr_db: SnrDb = Field(default="from_radio", description="the Es/N0 in dB, or from_radio for the link's own")
    block_bits: Annotated[int, Number("give a number of bits", at_least=64, at_most=8448, whole=True)] = Field(
        default=8448, description="the longest block in bits, CRC included. Below code rate 1/3 it is 3840 at most"
    )

    @model_validator(mode="after")
    def _one_scheme(self) -> Self:
        if (self.order is None) != (self.code_rate is None):
            raise fault("order and code_rate go together; give both, or neither for the best at the SNR")
        if self.levels is not None and self.order is not None:
            raise fault("levels and order are both given; keep one")
        if self.levels is not None and not 1 <= len(self.levels) <= 256:
            raise fault(f"levels must have 1 to 256 entries, got {len(self.levels)}; list at least one")
        return self


ChannelUses = Annotated[int, Number("give a number of channel uses", at_least=1, at_most=10**9, whole=True)]
_COLLECT = (
    "the model time in s that the link waits for a message's packets after the first has come. What comes later counts "
    "as missing"
)


class Learned(Model):
    """A learned channel mapper and demapper (Split DeepJSCC): the link collects a message, maps its bits to symbols,
    sends these over AWGN and maps what is received to bits again. What is missing of the message is filled in.

    Needs `weights`, or `symbols` and `trained_snr_db`, which choose a shipped mapper. A larger picture than the mapper
    is stated for takes proportionally more symbols. The link must not lose single packets.
    """

    symbols: ChannelUses | None = Field(default=None, description="the channel uses a message of the shipped mapper")
    trained_snr_db: Annotated[float, Number("give the Es/N0 in dB", at_least=-100, at_most=200)] | None = Field(
        default=None, description="the Es/N0 in dB that the shipped mapper was trained at"
    )
    weights: str | None = Field(
        default=None, description="the path of a .safetensors file, in place of symbols and trained_snr_db"
    )
    snr_db: SnrDb = Field(default="from_radio", description="the Es/N0 in dB, or from_radio for the link's own")
    collect_s: Seconds = Field(default=0.1, description=_COLLECT)

    @model_validator(mode="after")
    def _one_mapper(self) -> Self:
        if (self.symbols is None) != (self.trained_snr_db is None):
            raise fault("symbols and trained_snr_db go together; give both, or weights in their place")
        if (self.weights is None) == (self.symbols is None):
            raise fault("must have either weights or symbols and trained_snr_db; give one of the two")
        if self.weights is not None and not Path(self.weights).is_file():
            raise fault(f"weights: no such file: {shown(self.weights)}; give the path of a .safetensors file")
        if self.weights is None and self.file not in shipped_mappers.names():
            raise fault(shipped_mappers.unknown(self.file))
        return self

    @property
    def file(self) -> str:
        """The shipped mapper's name, or the file's absolute path."""
        if self.weights is not None:
            return str(Path(self.weights).resolve())
        assert self.symbols is not None  # checked above
        assert self.trained_snr_db is not None
        return shipped_mappers.name_of(self.symbols, self.trained_snr_db)


class Unequal(Model):
    """Unequal protection: the link collects a message and sends each reliability level by LDPC and QAM, by QAM alone
    or not at all, so that the bit error rates which the source announced are met as far as the symbols go, the most
    reliable level first. What is missing of the message stays missing. The link must not lose single packets.
    """

    symbols: ChannelUses = Field(description="the channel uses that a message may take")
    snr_db: SnrDb = Field(default="from_radio", description="the Es/N0 in dB, or from_radio for the link's own")
    collect_s: Seconds = Field(default=0.1, description=_COLLECT)


class BitBearer(OneOf):
    """How BITS are carried. `ideal`, `levels`, or a mapping with one of:"""

    qam: Qam | None = Field(default=None, description="an uncoded modulation")
    ldpc: Ldpc | None = Field(default=None, description="a code and a modulation")
    learned: Learned | None = Field(default=None, description="a learned mapper of whole messages")
    unequal: Unequal | None = Field(
        default=None, description="codes and modulations for whole messages, chosen level by level"
    )


class OpaqueBearer(OneOf):
    """How OPAQUE bytes are carried. `ideal`, or a mapping:"""

    ldpc: Ldpc | None = Field(default=None, description="a code and a modulation")


class IndexBearer(OneOf):
    """How INDICES are carried. `ideal`, `levels`, or a mapping with one of:"""

    dmc: Annotated[float, Number("give a crossover probability", at_least=0, at_most=1)] | None = Field(
        default=None, description="the probability that an index becomes another one, each equally likely (SLF, eq. 2)"
    )
    qam: Qam | None = Field(default=None, description="an uncoded modulation of the indices' bits")
    ldpc: Ldpc | None = Field(default=None, description="a code and a modulation of the indices' bits")


class Rayleigh(Model):
    """Block Rayleigh fading of unit mean power, and noise."""

    snr_db: SnrDb = Field(default="from_radio", description="the mean Es/N0 in dB, or from_radio for the link's own")
    coherence: Coherence = Field(default="message", description="the time that a gain lasts: a message or a packet")


class Rician(Rayleigh):
    """Block Rician fading of unit mean power, and noise."""

    k_factor: Annotated[float, Number("give the linear Rician factor", at_least=0, at_most=1e6)] = Field(
        description="the linear ratio of direct to scattered power"
    )


class OwnSymbolBearer(OneOf):
    """How SYMBOLS are carried to one end of a link. One of:"""

    awgn: SnrDb | None = Field(default=None, description="the Es/N0 in dB, or from_radio for the link's own")
    rayleigh: Rayleigh | None = Field(default=None, description="a Rayleigh fading channel")
    rician: Rician | None = Field(default=None, description="a Rician fading channel")


class SymbolBearer(OwnSymbolBearer):
    """How SYMBOLS are carried. `ideal`, or a mapping with one of:"""

    per_receiver: dict[Name, OwnSymbolBearer] | None = Field(
        default=None,
        description="the bearer of each end of the link, by its name: one transmission, own SNR and fading for each. "
        "An end that is not named gets the symbols as they are",
    )


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
        default="levels",
        description="the bearer of BITS: ideal, levels, {qam: ...}, {ldpc: ...}, {learned: ...} or {unequal: ...}",
    )
    indices: Annotated[Literal["ideal", "levels"] | IndexBearer, _word_or(IndexBearer, "ideal", "levels")] = Field(
        default="ideal", description="the bearer of INDICES: ideal, levels, {dmc: p}, {qam: ...} or {ldpc: ...}"
    )
    symbols: Annotated[Literal["ideal"] | SymbolBearer, _word_or(SymbolBearer, "ideal")] = Field(
        default="ideal",
        description="the bearer of SYMBOLS: ideal, {awgn: dB}, {rayleigh: ...}, {rician: ...} or {per_receiver: ...}",
    )
    opaque: Annotated[Literal["ideal"] | OpaqueBearer, _word_or(OpaqueBearer, "ideal")] = Field(
        default="ideal", description="the bearer of OPAQUE bytes: ideal or {ldpc: ...}"
    )
