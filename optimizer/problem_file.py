"""The YAML or JSON face of a problem: keys, types and defaults. What the numbers must satisfy is in `problem`.

The RPC uses the same schema, so that a bad request and a bad file get the same sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from optimizer.channel_gain import RicianGain, draw_distance_m
from optimizer.checks import require_positive
from optimizer.compute import ComputeModel
from optimizer.errors import ProblemError
from optimizer.image_format import ImageFormat
from optimizer.presets import PRESETS, Preset
from optimizer.problem import THERMAL_NOISE_W_PER_HZ, Problem, QualityAggregate, Weights
from optimizer.quality import FFHQ_IDEAL, QualityCurve
from optimizer.quality import PRESETS as QUALITY_PRESETS

_POINT_KEYS = ("quality", "points")  # edge-codec evaluate --json writes quality


class _Section(BaseModel):
    """Unknown keys are refused everywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReceiverSection(_Section):
    """One receiver: give its gain, or its distance."""

    name: str | None = Field(default=None, description="Name; rx1, rx2, ... when left out.")
    gain: float | None = Field(default=None, description="Linear channel power gain |h|^2 times path loss.")
    distance_m: float | None = Field(default=None, description="Metres to the sender; the gain is then drawn (Rician).")


class DrawSection(_Section):
    """Receivers rx1 ... rxN at drawn distances."""

    count: int = Field(description="How many receivers.", ge=1)
    nearest_m: float = Field(default=1.0, description="Smallest distance in m.")
    farthest_m: float = Field(default=1000.0, description="Largest distance in m.")


class ChannelSection(_Section):
    """Path loss and fading, used for receivers given by distance (FTSC eq. 23)."""

    reference_gain: float = Field(default=1e-3, description="beta_0: linear power gain at 1 m.")
    path_loss_exponent: float = Field(default=2.0, description="alpha.")
    rician_k: float = Field(default=10.0, description="K, linear; 0 is Rayleigh.")
    block: int = Field(default=0, description="Index of the coherence block: another one redraws the fading.")


class WeightsSection(_Section):
    """What a dB, a second and a joule are worth."""

    quality: float = Field(default=0.33, description="lambda_1, per dB of PSNR.")
    delay: float = Field(default=0.33, description="lambda_2, per second of the largest delay.")
    energy: float = Field(default=0.33, description="lambda_3, per joule of the total energy.")


class ImageSection(_Section):
    """What is sent."""

    height: int = Field(default=256, description="Pixels.")
    width: int = Field(default=256, description="Pixels.")
    value_bits: int = Field(default=8, description="Bits of a pixel value.")
    index_bits: int = Field(default=9, description="Bits of a codebook index.")


class ComputeSection(_Section):
    """Work of the codec, and of the machine that runs it."""

    model: Literal["vqvae2", "affine", "none"] = Field(default="vqvae2", description="Where the work comes from.")
    frequency_hz: float = Field(default=1.35e9, description="f: MAC per second of the GPU.")
    energy_coefficient: float | None = Field(default=None, description="omega_c in J s^2; the preset's when left out.")
    kernel_size: int = Field(default=4, description="k of model vqvae2, pixels.")
    channels: int = Field(default=128, description="C_ch of model vqvae2.")
    passes: int = Field(default=1, description="Passes for each receiver's image.")
    base_mac: float | None = Field(default=None, description="Model affine: work at rho -> 0, in MAC.")
    slope_mac: float | None = Field(default=None, description="Model affine: work saved per unit of rho, in MAC.")


class QualitySection(_Section):
    """The quality curve: a preset, numbers, measured points, or a file of points. Give one of them."""

    preset: Literal["ffhq-ideal", "ffhq-20db"] | None = Field(default=None, description="One of the paper's two fits.")
    intercept_db: float | None = Field(default=None, description="a_q of Q = a_q + b_q ln(rho), dB.")
    slope_db: float | None = Field(default=None, description="b_q, dB.")
    points: list[tuple[float, float]] | None = Field(default=None, description="Measured (rho, PSNR in dB) pairs.")
    file: str | None = Field(default=None, description="JSON of measured points (edge-codec evaluate --json).")


class RhoSection(_Section):
    """Bounds of the compression rate, bits over bits."""

    min: float | None = Field(default=None, description="rho_min; scaling rate 16's when left out.")
    max: float | None = Field(default=None, description="rho_max; scaling rate 2's when left out.")


class ProblemFile(_Section):
    """A whole problem. Everything but the receivers has a default."""

    preset: Literal["paper", "tradeoff"] = Field(default="paper", description="Defaults of budgets and omega_c.")
    receivers: list[ReceiverSection] | DrawSection = Field(description="The receivers, or how to draw them.")
    seed: int = Field(default=0, description="Seed of drawn distances and fading.")
    bandwidth_hz: float | None = Field(default=None, description="b_max: bandwidth budget in Hz.")
    power_w: float | None = Field(default=None, description="p_max: power budget in W.")
    noise_density_w_per_hz: float = Field(default=THERMAL_NOISE_W_PER_HZ, description="sigma^2 in W/Hz.")
    weights: WeightsSection = Field(
        default_factory=lambda: WeightsSection(), description="lambda_1, lambda_2, lambda_3."
    )
    image: ImageSection = Field(default_factory=lambda: ImageSection(), description="The image.")
    compute: ComputeSection = Field(default_factory=lambda: ComputeSection(), description="The compute model.")
    quality: QualitySection = Field(default_factory=lambda: QualitySection(), description="The quality curve.")
    aggregate: Literal["sum", "mean"] = Field(default="sum", description="How the receivers' PSNR make Q.")
    rho: RhoSection = Field(default_factory=lambda: RhoSection(), description="Bounds of the compression rate.")
    scales: list[int] = Field(
        default_factory=list, description="Scaling rates rho is restricted to; empty: continuous."
    )
    scale: int | None = Field(default=None, description="One scaling rate for every receiver.")
    deadline_s: float | None = Field(default=None, description="Hard bound on the largest delay, s.")
    spectral_efficiency_cap: float | None = Field(default=None, description="Bound on rate over bandwidth, bit/s/Hz.")
    channel: ChannelSection = Field(default_factory=lambda: ChannelSection(), description="Gains from distances.")
    solver: Annotated[str, Field(description="price, algorithm1, algorithm1-joint or convex.")] = "price"


def read(path: Path, seed: int | None = None) -> tuple[Problem, str]:
    """The problem in a YAML or JSON file and the name of its solver; seed replaces the file's.

    Raises ProblemError whose sentence begins with the file's name.
    """
    content = read_mapping(path)
    if seed is not None:
        content = {**content, "seed": seed}
    try:
        return parse(content, path.parent)
    except ProblemError as error:
        raise type(error)(f"{path}: {error}") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """The keys of a YAML or JSON file, unchecked. Raises ProblemError whose sentence begins with the file's name."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProblemError(f"{path}: cannot be read ({error}); give a YAML or JSON problem file") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ProblemError(f"{path}{where}: not valid YAML; compare with docs/allocation.md") from error
    if not isinstance(content, dict):
        raise ProblemError(f"{path}: must be a mapping of keys to values, such as receivers: [...]")
    return content


def parse(content: object, folder: Path | None = None) -> tuple[Problem, str]:
    """The problem that a mapping of keys describes, and its solver. folder: where `quality.file` is looked up.

    Raises ProblemError.
    """
    if not isinstance(content, Mapping):
        raise ProblemError("problem: must be a mapping of keys to values, such as receivers: [...]")
    try:
        stated = ProblemFile.model_validate(content)
    except ValidationError as error:
        raise ProblemError(_sentence(error)) from error
    return build(stated, folder), stated.solver


def build(stated: ProblemFile, folder: Path | None = None) -> Problem:
    """The validated problem behind a parsed file. Raises ProblemError."""
    preset = PRESETS[stated.preset]
    image = ImageFormat(**stated.image.model_dump())
    names, gain = _gains(stated)
    scales = tuple(stated.scales)
    if stated.scale is not None:
        if scales:
            raise ProblemError("scale: give either scale (for everybody) or scales (to choose from), not both")
        scales = (stated.scale,)
    return Problem(
        names=names,
        gain=np.array(gain, dtype=np.float64),
        bandwidth_hz=preset.bandwidth_hz if stated.bandwidth_hz is None else stated.bandwidth_hz,
        power_w=preset.power_w if stated.power_w is None else stated.power_w,
        compute=_compute(stated.compute, image, preset),
        quality=_quality(stated.quality, folder),
        weights=Weights(**stated.weights.model_dump()),
        image=image,
        noise_density_w_per_hz=stated.noise_density_w_per_hz,
        aggregate=QualityAggregate(stated.aggregate),
        rho_min=stated.rho.min,
        rho_max=stated.rho.max,
        scales=scales,
        deadline_s=stated.deadline_s,
        spectral_efficiency_cap=stated.spectral_efficiency_cap,
    )


def _gains(stated: ProblemFile) -> tuple[tuple[str, ...], list[float]]:
    channel = RicianGain(stated.channel.reference_gain, stated.channel.path_loss_exponent, stated.channel.rician_k)
    block = stated.channel.block
    names: list[str] = []
    gains: list[float] = []
    for index, receiver in enumerate(_receivers(stated)):
        name = receiver.name or f"rx{index + 1}"
        if (receiver.gain is None) == (receiver.distance_m is None):
            raise ProblemError(f"receivers[{index}] ({name}): give either gain or distance_m")
        names.append(name)
        if receiver.gain is not None:
            gains.append(receiver.gain)
            continue
        assert receiver.distance_m is not None
        try:
            gains.append(channel.draw(name, receiver.distance_m, stated.seed, block))
        except ProblemError as error:
            raise ProblemError(f"receivers[{index}]: {error}") from error
    return tuple(names), gains


def _receivers(stated: ProblemFile) -> list[ReceiverSection]:
    if isinstance(stated.receivers, list):
        return stated.receivers
    draw = stated.receivers
    require_positive("receivers.nearest_m", draw.nearest_m, "m")
    require_positive("receivers.farthest_m", draw.farthest_m, "m")
    names = [f"rx{index + 1}" for index in range(draw.count)]
    return [
        ReceiverSection(name=name, distance_m=draw_distance_m(name, stated.seed, draw.nearest_m, draw.farthest_m))
        for name in names
    ]


def _compute(stated: ComputeSection, image: ImageFormat, preset: Preset) -> ComputeModel:
    coefficient = preset.energy_coefficient if stated.energy_coefficient is None else stated.energy_coefficient
    if stated.model == "vqvae2":
        return ComputeModel.vqvae2(
            image, stated.kernel_size, stated.channels, stated.frequency_hz, coefficient, stated.passes
        )
    if stated.model == "none":
        return ComputeModel.none()
    if stated.base_mac is None or stated.slope_mac is None:
        raise ProblemError("compute: model affine needs base_mac and slope_mac (MAC)")
    return ComputeModel(stated.base_mac, stated.slope_mac, stated.frequency_hz, coefficient, stated.passes)


def _quality(stated: QualitySection, folder: Path | None) -> QualityCurve:
    numbers = (stated.intercept_db, stated.slope_db)
    given = [
        name
        for name, present in (
            ("preset", stated.preset is not None),
            ("intercept_db and slope_db", any(number is not None for number in numbers)),
            ("points", stated.points is not None),
            ("file", stated.file is not None),
        )
        if present
    ]
    if len(given) > 1:
        raise ProblemError(
            f"quality: give one of preset, intercept_db with slope_db, points or file, got {', '.join(given)}"
        )
    if stated.preset is not None:
        return QUALITY_PRESETS[stated.preset]
    if stated.points is not None:
        return QualityCurve.fit(stated.points)
    if stated.file is not None:
        return QualityCurve.fit(_points_in((folder or Path()) / stated.file))
    if not given:
        return FFHQ_IDEAL
    if stated.intercept_db is None or stated.slope_db is None:
        raise ProblemError("quality: intercept_db and slope_db go together; give both")
    return QualityCurve(stated.intercept_db, stated.slope_db)


def _points_in(path: Path) -> list[tuple[float, float]]:
    """Measured points of a JSON file: a list of objects with rho and psnr_db, bare or under one of _POINT_KEYS."""
    advice = 'give JSON with [{"rho": 0.03, "psnr_db": 30.1}, ...]'
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ProblemError(f"quality.file: {path} cannot be read ({error}); {advice}") from error
    if isinstance(content, dict):
        content = next((content[key] for key in _POINT_KEYS if key in content), None)
    if not isinstance(content, list):
        raise ProblemError(f"quality.file: {path} holds no list of points; {advice}")
    points: list[tuple[float, float]] = []
    for entry in content:
        if not isinstance(entry, dict) or "rho" not in entry or "psnr_db" not in entry:
            raise ProblemError(f"quality.file: {path} has an entry without rho and psnr_db; {advice}")
        try:
            points.append((float(entry["rho"]), float(entry["psnr_db"])))
        except (TypeError, ValueError) as error:
            raise ProblemError(f"quality.file: {path} has an entry that is no number ({error}); {advice}") from error
    return points


def _sentence(error: ValidationError) -> str:
    """One of the things wrong, as one sentence with its key path: unknown keys first, then the deepest one."""
    first = min(
        error.errors(include_url=False),
        key=lambda entry: (entry["type"] != "extra_forbidden", -len(entry["loc"])),
    )
    path = _key_path(first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{path}: unknown key; see docs/allocation.md for the keys of a problem file"
    if first["type"] == "missing":
        return f"{path}: is required"
    given: Any = first["input"]
    return f"{path}: {first['msg'][0].lower()}{first['msg'][1:]}, got {given!r}"


def _key_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in ("DrawSection", "list[ReceiverSection]"):  # pydantic's names for the arms of the union
            path += f".{part}" if path else part
    return path
