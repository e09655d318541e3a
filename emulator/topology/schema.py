"""The topology file's schema: what may be written, in which units, with which defaults.

One key at a time; what several keys must agree on is in checks.py, and what it means to the emulator in lowering.py.
docs/topology.md is made from these models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, PrivateAttr, TypeAdapter, model_validator

from emulator.topology.fields import Identifier, Model, Number, fault, shown
from emulator.topology.source import nearest

if TYPE_CHECKING:
    from emulator.topology.lowering import PlannedRadio
    from emulator.v1.control_pb2 import Topology

THERMAL_NOISE_W_PER_HZ = 3.98e-21
DEFAULT_QUEUE_BYTES = 262_144
LARGEST_SEED = 2**63 - 1

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

Role = Literal["tx", "rx", "relay"]
QueuePolicy = Literal["block", "drop"]
FailurePolicy = Literal["deliver", "drop", "retransmit"]
Coherence = Literal["message", "packet"]
CastMode = Literal["unicast", "multicast"]
FromPlan = Literal["from_plan"]


def _read_snr(value: Any) -> Any:
    return value if value == "from_radio" else SNR_DB.read(value)


SNR_DB = Number("give Es/N0 in dB, or from_radio", at_least=-100, at_most=300)
SnrDb = Annotated[float | Literal["from_radio"], PlainValidator(_read_snr)]


# --- time ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Clock:
    """How model time passes: `virtual` never waits, `real` waits, `scaled:F` waits F wall seconds a model second."""

    mode: Literal["virtual", "real", "scaled"]
    factor: float = 1.0

    @classmethod
    def read(cls, value: Any) -> Self:
        """The clock that "virtual", "real" or "scaled:F" names. Raises a fault."""
        if isinstance(value, cls):
            return value
        wrong = fault(
            f"must be virtual, real or scaled:F with F > 0, got {shown(value)}; scaled:0.1 runs ten times faster"
        )
        if not isinstance(value, str):
            raise wrong
        if value in ("virtual", "real"):
            return cls("virtual" if value == "virtual" else "real")
        mode, _, number = value.partition(":")
        try:
            factor = float(number)
        except ValueError:
            raise wrong from None
        if mode != "scaled" or not 0 < factor <= 1e6:
            raise wrong
        return cls("scaled", factor)

    def __str__(self) -> str:
        return f"scaled:{self.factor:g}" if self.mode == "scaled" else self.mode


# --- nodes ---------------------------------------------------------------------------------------------------------


class Codec(Model):
    """A codec, by its name in the registry (`edge-codec list`), and its options beside it."""

    model_config = ConfigDict(extra="allow")

    name: Name = Field(description="the codec's name in the registry, such as vqvae2 or raw")

    @model_validator(mode="after")
    def _options_are_scalars(self) -> Self:
        for key, value in (self.model_extra or {}).items():
            if not isinstance(value, str | int | float):
                raise fault(f"option {key} must be text, a number or true or false, got {shown(value)}; give one value")
        return self

    @property
    def options(self) -> dict[str, str]:
        """The options as text, as they travel to a node."""
        extra = self.model_extra or {}
        return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in extra.items()}


class Node(Model):
    """One node. `tx` and `rx` are processes; `relay` is only a place where links meet."""

    role: Role = Field(
        description="what the node does: tx transmits, rx receives, relay passes on and needs no process"
    )
    codec: Codec | None = Field(
        default=None, description="the codec it opens. Needed by an rx; a tx without one opens each receiver's own"
    )
    distance_m: Metres | None = Field(
        default=None, description="the distance to the other end of its radio links, in m"
    )
    gain: Gain | None = Field(
        default=None, description="the linear channel power gain of its radio links, in place of distance_m"
    )


# --- reliability levels --------------------------------------------------------------------------------------------


class Level(Model):
    """One reliability level of a link. A segment whose level is not listed uses the last."""

    ber: BitErrorRate = Field(default=0.0, description="the bit error rate of what is carried by levels")
    erasure: Probability = Field(default=0.0, description="the probability that a packet is erased")
    on_failure: FailurePolicy = Field(
        default="deliver",
        description="what happens to a packet with an error: deliver it as it is, drop it, or retransmit it, each try "
        "costing link time",
    )
    max_retransmissions: Annotated[int, Number("give a number of tries", at_least=0, at_most=100, whole=True)] = Field(
        default=0, description="the tries beyond the first, of retransmit"
    )

    @model_validator(mode="after")
    def _tries_belong_to_retransmit(self) -> Self:
        if (self.on_failure == "retransmit") != (self.max_retransmissions > 0):
            raise fault(
                f"on_failure {self.on_failure} contradicts max_retransmissions {self.max_retransmissions}; give "
                "retransmit with 1 or more tries, or leave max_retransmissions out"
            )
        return self


class Geometric(Model):
    """Levels whose bit error rates have a fixed ratio, the worst first (Split DeepJSCC, eq. 17)."""

    count: Annotated[int, Number("give a number of levels", at_least=2, at_most=256, whole=True)] = Field(
        default=10, description="the number of levels"
    )
    worst: BitErrorRate = Field(default=0.4, description="the first level's bit error rate")
    best: Annotated[float, Number("give a bit error rate", above=0, at_most=0.5)] = Field(
        default=0.001, description="the last level's bit error rate"
    )
    erasure: Probability = Field(default=0.0, description="the probability that a packet is erased, at every level")
    on_failure: FailurePolicy = Field(
        default="deliver", description="what happens to a packet with an error, at every level"
    )
    max_retransmissions: Annotated[int, Number("give a number of tries", at_least=0, at_most=100, whole=True)] = Field(
        default=0, description="the tries beyond the first, of retransmit"
    )

    @model_validator(mode="after")
    def _worst_is_worse(self) -> Self:
        if self.best > self.worst:
            raise fault(f"best ({self.best:g}) must not exceed worst ({self.worst:g}); the first level is the worst")
        Level(on_failure=self.on_failure, max_retransmissions=self.max_retransmissions)
        return self


class GeometricLevels(Model):
    """Levels by the geometric rule."""

    geometric: Geometric = Field(description="the rule's numbers")


LevelList = Annotated[list[Level], Field(min_length=1, max_length=256)]


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read_level_table(value: Any) -> Any:
    """A list, the geometric rule, or the plan."""
    if isinstance(value, list):
        if not 1 <= len(value) <= 256:
            raise fault(f"must have 1 to 256 levels, got {len(value)}; list at least one")
        return _adapter(list[Level]).validate_python(value)
    if isinstance(value, dict):
        return GeometricLevels.model_validate(value)
    if value == "from_plan" or isinstance(value, GeometricLevels):
        return value
    raise fault(f"must be a list of levels, a geometric rule or from_plan, got {shown(value)}; {_LEVELS_EXAMPLE}")


def _read_link_levels(value: Any) -> Any:
    """The name of a table, or a table in place."""
    if isinstance(value, str):
        return Identifier().read(value)
    return _read_level_table(value)


_LEVELS_EXAMPLE = "write for example [{ber: 0.01}] or {geometric: {count: 10}}"
LevelTable = Annotated[list[Level] | GeometricLevels | FromPlan, PlainValidator(_read_level_table)]
LinkLevels = Annotated[list[Level] | GeometricLevels | Name, PlainValidator(_read_link_levels)]


# --- links ---------------------------------------------------------------------------------------------------------


class OneOf(Model):
    """A mapping with exactly one of its keys."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            choices = " or ".join(self.keys())
            raise fault(f"must have exactly one key, {choices}, got {' and '.join(given) or 'none'}; give one")
        return self


class GilbertElliott(Model):
    """Packets lost in bursts: a two-state Markov chain that steps once a packet."""

    good_to_bad: Probability = Field(description="the probability of going from good to bad")
    bad_to_good: Probability = Field(description="the probability of going from bad to good")
    loss_good: Probability = Field(default=0.0, description="the probability of loss in the good state")
    loss_bad: Probability = Field(default=1.0, description="the probability of loss in the bad state")


class Loss(OneOf):
    """How packets are lost whole, before any level's own erasures. One of:"""

    independent: Probability | None = Field(
        default=None, description="the probability that a packet is lost, each on its own"
    )
    gilbert_elliott: GilbertElliott | None = Field(default=None, description="a loss in bursts")


class Radio(Model):
    """Shannon's rate: bandwidth_hz * log2(1 + power_w * gain / (noise_w_per_hz * bandwidth_hz)) (FTSC, eq. 22).

    On a link that the plan decides, bandwidth_hz and power_w hold only until the plan is there. The gain comes from
    here, else from the node at the link's end (or start), else from a distance drawn by `resources.distances`.
    """

    bandwidth_hz: Hertz | None = Field(
        default=None, description="the bandwidth in Hz. Left to the plan where there is one"
    )
    power_w: Watts | None = Field(
        default=None, description="the transmit power in W. Left to the plan where there is one"
    )
    gain: Gain | None = Field(default=None, description="the linear channel power gain")
    distance_m: Metres | None = Field(
        default=None, description="the distance in m, in place of gain (path loss without fading)"
    )
    noise_w_per_hz: NoiseDensity = Field(
        default=THERMAL_NOISE_W_PER_HZ, description="the noise density in W/Hz (-174 dBm/Hz)"
    )

    @model_validator(mode="after")
    def _one_gain(self) -> Self:
        if self.gain is not None and self.distance_m is not None:
            raise fault("gain and distance_m are both given; keep one")
        return self


def _read_radio(value: Any) -> Any:
    """`from_plan` is a radio whose numbers all come from elsewhere."""
    if isinstance(value, str):
        if value != "from_plan":
            raise fault(f"must be a mapping or from_plan, got {shown(value)}; give bandwidth_hz, power_w and gain")
        return {}
    return value


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


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


RateBps = Annotated[float, Number("give the link's rate in bit/s", above=0)]
SymbolRate = Annotated[float, Number("give the link's rate in complex symbols/s", above=0)]


class Link(Model):
    """One link: a transmitter, a rate, and one or more ends that each meet their own noise.

    Without rate_bps, symbol_rate_hz and radio it has no rate limit. A link goes one way; write a second one for the
    other.
    """

    name: Name = Field(description="the link's name, unique")
    source: Name = Field(alias="from", description="the node where the link begins")
    destinations: Annotated[list[Name], BeforeValidator(_one_or_more)] = Field(
        alias="to", description="the node where the link ends, or a list of them: one transmission, own noise for each"
    )
    rate_bps: RateBps | None = Field(
        default=None, description="the rate of BITS, INDICES and OPAQUE in bit/s. No limit without"
    )
    symbol_rate_hz: SymbolRate | None = Field(
        default=None, description="the rate of SYMBOLS in symbols/s. No limit without"
    )
    radio: Annotated[Radio, BeforeValidator(_read_radio)] | None = Field(
        default=None, description="a radio, in place of the two rates, or from_plan for one that the plan decides"
    )
    delay_s: Seconds = Field(default=0.0, description="the propagation delay in s")
    jitter_s: Seconds = Field(default=0.0, description="the largest additional delay in s, uniform for each packet")
    queue_bytes: Annotated[int, Number("give a size in bytes", at_least=1024, at_most=10**12, whole=True)] = Field(
        default=DEFAULT_QUEUE_BYTES, description="the payload bytes that may wait for the link"
    )
    queue_policy: QueuePolicy = Field(
        default="block", description="what a full queue does: block its sender, or drop what arrives"
    )
    loss: Loss | None = Field(default=None, description="a loss of whole packets")
    levels: LinkLevels | None = Field(
        default=None, description="the reliability levels: a name from `levels`, a list, {geometric: ...} or from_plan"
    )
    bearers: Bearers = Field(default_factory=Bearers, description="the bearer of each kind of segment")
    header_bits: Annotated[int, Number("give a number of bits", at_least=0, at_most=1_000_000, whole=True)] = Field(
        default=0, description="the bits that each packet costs beside its payload"
    )

    @model_validator(mode="after")
    def _one_rate(self) -> Self:
        if not self.destinations:
            raise fault("to is an empty list; give at least one node where the link ends")
        if self.radio is not None and (self.rate_bps is not None or self.symbol_rate_hz is not None):
            raise fault("radio is given beside rate_bps or symbol_rate_hz; keep the radio or the rates")
        return self


class Route(Model):
    """A path that traffic is meant to take, checked against the one that the emulator takes (fewest links)."""

    source: Name = Field(alias="from", description="the node where the path begins")
    destination: Name = Field(alias="to", description="the node where the path ends")
    links: list[Name] = Field(description="the names of the links on the way, in order")


# --- resources and plan ---------------------------------------------------------------------------------------------


class ImageSize(Model):
    """The picture that the plan is made for."""

    height: Annotated[int, Number("give pixels", at_least=1, at_most=65536, whole=True)] = Field(
        default=256, description="the height in pixels"
    )
    width: Annotated[int, Number("give pixels", at_least=1, at_most=65536, whole=True)] = Field(
        default=256, description="the width in pixels"
    )


class Weights(Model):
    """The weights of the utility lambda_1 Q - lambda_2 T - lambda_3 E (FTSC, eq. 24)."""

    quality: Weight = Field(default=0.33, description="the weight of a dB of PSNR")
    delay: Weight = Field(default=0.33, description="the weight of a second of delay")
    energy: Weight = Field(default=0.33, description="the weight of a joule")

    @model_validator(mode="after")
    def _not_all_zero(self) -> Self:
        if not (self.quality or self.delay or self.energy):
            raise fault("quality, delay and energy must not all be 0; give at least one a positive weight")
        return self


class Distances(Model):
    """Where receivers stand that give neither distance_m nor gain: uniform, drawn by the seed and the node's name."""

    min_m: Metres = Field(default=1.0, description="the least distance in m")
    max_m: Metres = Field(default=1000.0, description="the largest distance in m")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_m > self.max_m:
            raise fault(f"min_m ({self.min_m:g}) must not exceed max_m ({self.max_m:g}); swap them")
        return self


class Compute(Model):
    """The compute model of the plan (FTSC, eq. 11-17 and 21)."""

    kernel_size: Annotated[int, Number("give pixels", at_least=1, at_most=64, whole=True)] = Field(
        default=4, description="the kernel size k in pixels"
    )
    channels: Annotated[int, Number("give a number of channels", at_least=1, at_most=65536, whole=True)] = Field(
        default=128, description="the channel count C_ch"
    )
    frequency_hz: Annotated[float, Number("give multiply-accumulates per second", above=0)] = Field(
        default=1.35e9, description="the speed f in multiply-accumulates per second"
    )
    energy_coefficient: Annotated[float, Number("give omega_c, such as 1e-28", at_least=0)] | None = Field(
        default=None, description="the energy coefficient omega_c. The preset's without"
    )
    passes: Annotated[int, Number("give a number of passes", at_least=1, at_most=1000, whole=True)] = Field(
        default=1, description="the passes for each receiver's picture"
    )


class Fading(Model):
    """The gains of receivers given by distance: path loss times Rician fading, drawn by the seed (FTSC, eq. 23)."""

    reference_gain: Gain = Field(default=1e-3, description="the linear power gain at 1 m (beta_0)")
    path_loss_exponent: Annotated[float, Number("give alpha, such as 2", above=0, at_most=10)] = Field(
        default=2.0, description="the path loss exponent (alpha)"
    )
    rician_k: Annotated[float, Number("give the linear Rician factor", at_least=0, at_most=1e6)] = Field(
        default=10.0, description="the linear Rician factor K; 0 is Rayleigh"
    )


class QualityCurve(Model):
    """PSNR in dB as intercept_db + slope_db * ln(rho) (FTSC, eq. 8)."""

    intercept_db: Annotated[float, Number("give dB")] = Field(description="the PSNR in dB at rho = 1")
    slope_db: Annotated[float, Number("give dB per unit of ln rho", above=0)] = Field(
        description="the dB gained per unit of ln rho"
    )


class QualityPoint(Model):
    """One measured point, as `edge-codec evaluate` prints them."""

    rho: Annotated[float, Number("give bits over bits", above=0)] = Field(
        description="the compression rate, bits over bits"
    )
    psnr_db: Annotated[float, Number("give dB")] = Field(description="the PSNR in dB")


class QualityPoints(Model):
    """Measured points, to which a + b ln(rho) is fitted by least squares."""

    points: list[QualityPoint] = Field(description="the points, two different rho at least")


def _read_quality(value: Any) -> Any:
    """A preset's name, a line, or measured points."""
    if isinstance(value, str):
        if value not in QUALITY_PRESETS:
            known = nearest(value, QUALITY_PRESETS)
            raise fault(f"must be {' or '.join(QUALITY_PRESETS)} or a mapping, got {shown(value)}; {known}")
        return value
    measured = isinstance(value, dict) and "points" in value
    return (QualityPoints if measured else QualityCurve).model_validate(value)


QUALITY_PRESETS = ("ffhq-ideal", "ffhq-20db")
Quality = Annotated[Literal["ffhq-ideal", "ffhq-20db"] | QualityCurve | QualityPoints, PlainValidator(_read_quality)]


class Resources(Model):
    """The budget that the plan divides, and what it is made for."""

    BUDGETS: ClassVar[dict[str, tuple[float, float]]] = {"paper": (5000.0, 50.0), "tradeoff": (1500.0, 50.0)}
    ENERGY_COEFFICIENTS: ClassVar[dict[str, float]] = {"paper": 1e-38, "tradeoff": 1e-28}

    preset: Literal["paper", "tradeoff"] = Field(
        default="paper",
        description="the setting that fills what is left out: paper (5000 Hz, 50 W, compute energy next to nothing) or "
        "tradeoff (1500 Hz, 50 W, a compression rate worth choosing)",
    )
    bandwidth_hz: Hertz | None = Field(default=None, description="the total bandwidth in Hz. The preset's without")
    power_w: Watts | None = Field(default=None, description="the total transmit power in W. The preset's without")
    noise_w_per_hz: NoiseDensity = Field(
        default=THERMAL_NOISE_W_PER_HZ, description="the noise density in W/Hz (-174 dBm/Hz), of planned radios too"
    )
    image: ImageSize = Field(default_factory=ImageSize, description="the picture's size")
    weights: Weights = Field(default_factory=Weights, description="the utility's weights")
    quality: Quality = Field(
        default="ffhq-ideal",
        description="the quality curve: ffhq-ideal or ffhq-20db (the paper's), {intercept_db: ..., slope_db: ...} or "
        "{points: [{rho: ..., psnr_db: ...}, ...]}",
    )
    compute: Compute = Field(default_factory=Compute, description="the compute model")
    distances: Distances = Field(default_factory=Distances, description="the range that distances are drawn from")
    fading: Fading = Field(default_factory=Fading, description="the law of gains of receivers given by distance")

    @property
    def total_bandwidth_hz(self) -> float:
        """bandwidth_hz, or the preset's."""
        return self.BUDGETS[self.preset][0] if self.bandwidth_hz is None else self.bandwidth_hz

    @property
    def total_power_w(self) -> float:
        """power_w, or the preset's."""
        return self.BUDGETS[self.preset][1] if self.power_w is None else self.power_w

    @property
    def energy_coefficient(self) -> float:
        """omega_c, of the compute model or the preset."""
        given = self.compute.energy_coefficient
        return self.ENERGY_COEFFICIENTS[self.preset] if given is None else given


class Plan(Model):
    """Asks the optimizer for bandwidth, power and scaling rate: the planned links' radio and their receivers' scale."""

    solver: Literal["price", "algorithm1", "algorithm1-joint", "convex"] = Field(
        default="price",
        description="the solver: price (global optimum), algorithm1 (the paper's), algorithm1-joint, or convex (one "
        "program, where compute time does not depend on the compression rate)",
    )
    scale: Literal["auto", 2, 4, 8, 16] = Field(
        default="auto",
        description="the scaling rate of every planned receiver, or auto to let the plan choose each one's",
    )
    source: Name | None = Field(default=None, description="the node whose links are planned. The only tx without")
    links: list[Name] | None = Field(
        default=None, description="the names of the planned links. Without: every radio link that begins at the source"
    )
    deadline_s: Annotated[float, Number("give a time in seconds", above=0)] | None = Field(
        default=None, description="the hard bound on the largest delay in s. None without"
    )
    spectral_efficiency_cap: Annotated[float, Number("give bit/s/Hz", above=0)] | None = Field(
        default=None, description="the bound on rate over bandwidth in bit/s/Hz. None without"
    )
    aggregate: Literal["sum", "mean"] = Field(
        default="sum", description="the way the receivers' PSNR make one quality: sum or mean"
    )
    at: Annotated[int, Number("give the index of a workload step", at_least=0, whole=True)] = Field(
        default=0, description="the index of the workload step before which the plan is made"
    )


# --- workload ------------------------------------------------------------------------------------------------------


class Step(Model):
    """One step of the workload; subclasses are the kinds, listed in STEP_KINDS."""

    kind: ClassVar[str]


class Transmit(Step):
    """Sends pictures and waits for every receipt."""

    kind: ClassVar[str] = "transmit"

    source: Name | None = Field(default=None, alias="from", description="the node that sends. The only tx without")
    destinations: Annotated[list[Name], BeforeValidator(_one_or_more)] | None = Field(
        default=None, alias="to", description="the node that receives, a list of them, or all: every rx"
    )
    images: Annotated[int, Number("give a number of pictures", at_least=1, at_most=1_000_000, whole=True)] | None = (
        Field(default=None, description="the number of pictures. All that there are without")
    )
    crop: Annotated[int, Number("give pixels", at_least=1, at_most=16384, whole=True)] | None = Field(
        default=256,
        description="the side in pixels of the square cut from the middle of each picture; null sends them whole",
    )
    interval_s: Seconds = Field(
        default=0.0, description="the model time between pictures in s; 0 sends when the link is free"
    )
    deadline_s: Seconds = Field(
        default=0.0, description="the model time in s after which a message is given up; 0 for never"
    )
    mode: CastMode = Field(
        default="unicast", description="the way to several receivers: unicast sends to each, multicast once to all"
    )


class SetLink(Step):
    """Changes one link from now on. Only what is given changes."""

    kind: ClassVar[str] = "set_link"

    link: Name = Field(description="the link's name")
    rate_bps: RateBps | None = Field(default=None, description="the new rate in bit/s")
    symbol_rate_hz: SymbolRate | None = Field(default=None, description="the new rate in symbols/s")
    radio: Radio | None = Field(default=None, description="the radio's new numbers; those not given stay")
    delay_s: Seconds | None = Field(default=None, description="the new propagation delay in s")
    loss: Loss | None = Field(default=None, description="the new loss of whole packets")
    levels: LinkLevels | None = Field(default=None, description="the new reliability levels")
    bearers: Bearers | None = Field(default=None, description="the new bearers, of all kinds")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        changes = self.model_fields_set - {"link"}
        if not changes:
            raise fault("changes nothing; give a new rate_bps, radio, delay_s, loss, levels or bearers")
        if self.radio is not None and (self.rate_bps is not None or self.symbol_rate_hz is not None):
            raise fault("radio is given beside rate_bps or symbol_rate_hz; keep the radio or the rates")
        return self


class Wait(Step):
    """Lets model time pass before the next step."""

    kind: ClassVar[str] = "wait"

    model_s: Annotated[float, Number("give model time in seconds", above=0, at_most=1e9)] = Field(
        description="the model time in s"
    )


STEP_KINDS: dict[str, type[Step]] = {kind.kind: kind for kind in (Transmit, SetLink, Wait)}
"""The kinds of step. A new one is a model here, and what the controller does for it."""


@lru_cache
def _step_adapter(kind: str) -> TypeAdapter[dict[str, Step]]:
    annotation: Any = dict[str, STEP_KINDS[kind]]  # type: ignore[valid-type]
    return TypeAdapter(annotation)


def _read_step(value: Any) -> Step:
    if isinstance(value, Step):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        got = f"a mapping of {len(value)} keys" if isinstance(value, dict) else shown(value)
        raise fault(
            f"must be a mapping with one key, the kind of step ({', '.join(STEP_KINDS)}), got {got}; {_ONE_STEP}"
        )
    (kind,) = value
    if kind not in STEP_KINDS:
        raise fault(f"unknown kind of step {shown(kind)}; {nearest(kind, STEP_KINDS)}")
    (step,) = _step_adapter(kind).validate_python(value).values()
    return step


_ONE_STEP = "write for example {transmit: {to: all}}"
AnyStep = Annotated[Step, PlainValidator(_read_step)]


class Processes(Model):
    """How the controller treats its processes."""

    restart: Annotated[int, Number("give a number of times", at_least=0, at_most=1000, whole=True)] = Field(
        default=3, description="the number of times that a daemon which died is started again"
    )


class Scenario(Model):
    """One topology file: the network, what is sent over it, and who decides its resources."""

    version: Literal[1] = Field(description="the version of this format: 1")
    name: Name = Field(description="the scenario's name")
    description: str = Field(default="", description="a sentence on what it shows")
    seed: Annotated[int, Number("give a seed", at_least=0, at_most=LARGEST_SEED, whole=True)] = Field(
        default=0, description="the seed of all randomness"
    )
    clock: Annotated[Clock, PlainValidator(Clock.read)] = Field(
        default=Clock("virtual"), description="the way model time passes: virtual, real or scaled:F (wall s a model s)"
    )
    nodes: dict[Name, Node] = Field(description="the nodes by name")
    levels: dict[Name, LevelTable] = Field(
        default_factory=dict,
        description="tables of reliability levels by name, for links to share: a list, {geometric: ...} or from_plan",
    )
    links: list[Link] = Field(description="the links between the nodes")
    paths: list[Route] = Field(default_factory=list, description="paths that traffic must take, as a check")
    resources: Resources = Field(default_factory=Resources, description="the budget that the plan divides")
    plan: Plan | None = Field(
        default=None, description="a request to the optimizer; without it links and codecs stay as written"
    )
    workload: list[AnyStep] = Field(default_factory=list, description="the steps of the run, in order")
    processes: Processes = Field(default_factory=Processes, description="the treatment of processes")

    _file: Path | None = PrivateAttr(None)
    _digest: str = PrivateAttr("")

    @property
    def file(self) -> Path | None:
        """Where it was read from."""
        return self._file

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the file and the overrides applied to it."""
        return self._digest

    def to_proto(self, plan: Mapping[str, PlannedRadio] | None = None) -> Topology:
        """The topology that the emulator is told.

        plan: planned radios by link name; a planned link that it lacks keeps its own numbers, else gets an equal share
        of the budget and its gain without fading.
        """
        from emulator.topology import lowering  # protobuf and NumPy: not needed to check a file

        return lowering.topology(self, plan)
