"""The budget that the optimizer divides, what the plan is made for, and the plan that is asked for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from emulator.topology.fields import Model, Number, fault, shown
from emulator.topology.quantities import THERMAL_NOISE_W_PER_HZ, Gain, Hertz, Metres, Name, NoiseDensity, Watts, Weight
from emulator.topology.source import nearest


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
