"""Links, their rates and losses, and stated paths over them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from emulator.topology.bearers import Bearers
from emulator.topology.fields import Model, Number, OneOf, fault, shown
from emulator.topology.levels import LinkLevels
from emulator.topology.quantities import (
    THERMAL_NOISE_W_PER_HZ,
    Gain,
    Hertz,
    Metres,
    Name,
    NoiseDensity,
    Probability,
    RateBps,
    Seconds,
    SymbolRate,
    Watts,
    one_or_more,
)

DEFAULT_QUEUE_BYTES = 262_144

QueuePolicy = Literal["block", "drop"]


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


CODE_RATE = Number("give the rate that this receiver supports", above=0, at_most=1)


def fraction(value: Any) -> Any:
    """ "1/3" as a number; anything else as it is."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", value) if isinstance(value, str) else None
    return int(match[1]) / int(match[2]) if match and int(match[2]) else value


class Link(Model):
    """One link: a transmitter, a rate, and one or more ends that each meet their own noise.

    Without rate_bps, symbol_rate_hz and radio it has no rate limit. A link goes one way; write a second one for the
    other.
    """

    name: Name = Field(description="the link's name, unique")
    source: Name = Field(alias="from", description="the node where the link begins")
    destinations: Annotated[list[Name], BeforeValidator(one_or_more)] = Field(
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
    code_rates: dict[Name, Annotated[float, CODE_RATE, BeforeValidator(fraction)]] = Field(
        default_factory=dict,
        description="the rate of error-free communication that an end of the link supports, by its name; 1 without. A "
        "number or a fraction such as 1/3. What n channel uses (or bits) carry takes the time and the channel uses of "
        "n over the lowest rate of the ends that it is served to",
    )
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
