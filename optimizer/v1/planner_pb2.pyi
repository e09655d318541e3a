from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Preset(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRESET_UNSPECIFIED: _ClassVar[Preset]
    PRESET_PAPER: _ClassVar[Preset]
    PRESET_TRADEOFF: _ClassVar[Preset]

class Solver(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOLVER_UNSPECIFIED: _ClassVar[Solver]
    SOLVER_PRICE: _ClassVar[Solver]
    SOLVER_ALGORITHM1: _ClassVar[Solver]
    SOLVER_ALGORITHM1_JOINT: _ClassVar[Solver]
    SOLVER_CONVEX: _ClassVar[Solver]

class QualityAggregate(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_AGGREGATE_UNSPECIFIED: _ClassVar[QualityAggregate]
    QUALITY_AGGREGATE_SUM: _ClassVar[QualityAggregate]
    QUALITY_AGGREGATE_MEAN: _ClassVar[QualityAggregate]

class QualityPreset(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_PRESET_UNSPECIFIED: _ClassVar[QualityPreset]
    QUALITY_PRESET_FFHQ_IDEAL: _ClassVar[QualityPreset]
    QUALITY_PRESET_FFHQ_20DB: _ClassVar[QualityPreset]

class PlanStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PLAN_STATUS_UNSPECIFIED: _ClassVar[PlanStatus]
    PLAN_STATUS_OPTIMAL: _ClassVar[PlanStatus]
    PLAN_STATUS_FEASIBLE: _ClassVar[PlanStatus]
    PLAN_STATUS_INACCURATE: _ClassVar[PlanStatus]
    PLAN_STATUS_FAILED: _ClassVar[PlanStatus]
PRESET_UNSPECIFIED: Preset
PRESET_PAPER: Preset
PRESET_TRADEOFF: Preset
SOLVER_UNSPECIFIED: Solver
SOLVER_PRICE: Solver
SOLVER_ALGORITHM1: Solver
SOLVER_ALGORITHM1_JOINT: Solver
SOLVER_CONVEX: Solver
QUALITY_AGGREGATE_UNSPECIFIED: QualityAggregate
QUALITY_AGGREGATE_SUM: QualityAggregate
QUALITY_AGGREGATE_MEAN: QualityAggregate
QUALITY_PRESET_UNSPECIFIED: QualityPreset
QUALITY_PRESET_FFHQ_IDEAL: QualityPreset
QUALITY_PRESET_FFHQ_20DB: QualityPreset
PLAN_STATUS_UNSPECIFIED: PlanStatus
PLAN_STATUS_OPTIMAL: PlanStatus
PLAN_STATUS_FEASIBLE: PlanStatus
PLAN_STATUS_INACCURATE: PlanStatus
PLAN_STATUS_FAILED: PlanStatus

class Receiver(_message.Message):
    __slots__ = ("name", "gain", "distance_m")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    name: str
    gain: float
    distance_m: float
    def __init__(self, name: _Optional[str] = ..., gain: _Optional[float] = ..., distance_m: _Optional[float] = ...) -> None: ...

class RicianChannel(_message.Message):
    __slots__ = ("reference_gain", "path_loss_exponent", "rician_k", "block")
    REFERENCE_GAIN_FIELD_NUMBER: _ClassVar[int]
    PATH_LOSS_EXPONENT_FIELD_NUMBER: _ClassVar[int]
    RICIAN_K_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    reference_gain: float
    path_loss_exponent: float
    rician_k: float
    block: int
    def __init__(self, reference_gain: _Optional[float] = ..., path_loss_exponent: _Optional[float] = ..., rician_k: _Optional[float] = ..., block: _Optional[int] = ...) -> None: ...

class Weights(_message.Message):
    __slots__ = ("quality_per_db", "delay_per_s", "energy_per_j")
    QUALITY_PER_DB_FIELD_NUMBER: _ClassVar[int]
    DELAY_PER_S_FIELD_NUMBER: _ClassVar[int]
    ENERGY_PER_J_FIELD_NUMBER: _ClassVar[int]
    quality_per_db: float
    delay_per_s: float
    energy_per_j: float
    def __init__(self, quality_per_db: _Optional[float] = ..., delay_per_s: _Optional[float] = ..., energy_per_j: _Optional[float] = ...) -> None: ...

class ImageFormat(_message.Message):
    __slots__ = ("height_pixels", "width_pixels", "value_bits", "index_bits")
    HEIGHT_PIXELS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_PIXELS_FIELD_NUMBER: _ClassVar[int]
    VALUE_BITS_FIELD_NUMBER: _ClassVar[int]
    INDEX_BITS_FIELD_NUMBER: _ClassVar[int]
    height_pixels: int
    width_pixels: int
    value_bits: int
    index_bits: int
    def __init__(self, height_pixels: _Optional[int] = ..., width_pixels: _Optional[int] = ..., value_bits: _Optional[int] = ..., index_bits: _Optional[int] = ...) -> None: ...

class Vqvae2Compute(_message.Message):
    __slots__ = ("kernel_size_pixels", "channels")
    KERNEL_SIZE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    kernel_size_pixels: int
    channels: int
    def __init__(self, kernel_size_pixels: _Optional[int] = ..., channels: _Optional[int] = ...) -> None: ...

class AffineCompute(_message.Message):
    __slots__ = ("base_mac", "slope_mac")
    BASE_MAC_FIELD_NUMBER: _ClassVar[int]
    SLOPE_MAC_FIELD_NUMBER: _ClassVar[int]
    base_mac: float
    slope_mac: float
    def __init__(self, base_mac: _Optional[float] = ..., slope_mac: _Optional[float] = ...) -> None: ...

class NoCompute(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ComputeModel(_message.Message):
    __slots__ = ("vqvae2", "affine", "none", "frequency_hz", "energy_coefficient_j_s2", "passes")
    VQVAE2_FIELD_NUMBER: _ClassVar[int]
    AFFINE_FIELD_NUMBER: _ClassVar[int]
    NONE_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_HZ_FIELD_NUMBER: _ClassVar[int]
    ENERGY_COEFFICIENT_J_S2_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    vqvae2: Vqvae2Compute
    affine: AffineCompute
    none: NoCompute
    frequency_hz: float
    energy_coefficient_j_s2: float
    passes: int
    def __init__(self, vqvae2: _Optional[_Union[Vqvae2Compute, _Mapping]] = ..., affine: _Optional[_Union[AffineCompute, _Mapping]] = ..., none: _Optional[_Union[NoCompute, _Mapping]] = ..., frequency_hz: _Optional[float] = ..., energy_coefficient_j_s2: _Optional[float] = ..., passes: _Optional[int] = ...) -> None: ...

class QualityPoint(_message.Message):
    __slots__ = ("rho", "psnr_db")
    RHO_FIELD_NUMBER: _ClassVar[int]
    PSNR_DB_FIELD_NUMBER: _ClassVar[int]
    rho: float
    psnr_db: float
    def __init__(self, rho: _Optional[float] = ..., psnr_db: _Optional[float] = ...) -> None: ...

class QualityPoints(_message.Message):
    __slots__ = ("points",)
    POINTS_FIELD_NUMBER: _ClassVar[int]
    points: _containers.RepeatedCompositeFieldContainer[QualityPoint]
    def __init__(self, points: _Optional[_Iterable[_Union[QualityPoint, _Mapping]]] = ...) -> None: ...

class QualityLine(_message.Message):
    __slots__ = ("intercept_db", "slope_db")
    INTERCEPT_DB_FIELD_NUMBER: _ClassVar[int]
    SLOPE_DB_FIELD_NUMBER: _ClassVar[int]
    intercept_db: float
    slope_db: float
    def __init__(self, intercept_db: _Optional[float] = ..., slope_db: _Optional[float] = ...) -> None: ...

class QualityCurve(_message.Message):
    __slots__ = ("preset", "line", "measured")
    PRESET_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    preset: QualityPreset
    line: QualityLine
    measured: QualityPoints
    def __init__(self, preset: _Optional[_Union[QualityPreset, str]] = ..., line: _Optional[_Union[QualityLine, _Mapping]] = ..., measured: _Optional[_Union[QualityPoints, _Mapping]] = ...) -> None: ...

class RhoBounds(_message.Message):
    __slots__ = ("min", "max")
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    min: float
    max: float
    def __init__(self, min: _Optional[float] = ..., max: _Optional[float] = ...) -> None: ...

class PlanRequest(_message.Message):
    __slots__ = ("preset", "receivers", "bandwidth_hz", "power_w", "noise_density_w_per_hz", "weights", "image", "compute", "quality", "aggregate", "rho", "scales", "scale", "deadline_s", "spectral_efficiency_cap_bps_per_hz", "channel", "seed", "solver")
    PRESET_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    NOISE_DENSITY_W_PER_HZ_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    AGGREGATE_FIELD_NUMBER: _ClassVar[int]
    RHO_FIELD_NUMBER: _ClassVar[int]
    SCALES_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_S_FIELD_NUMBER: _ClassVar[int]
    SPECTRAL_EFFICIENCY_CAP_BPS_PER_HZ_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SOLVER_FIELD_NUMBER: _ClassVar[int]
    preset: Preset
    receivers: _containers.RepeatedCompositeFieldContainer[Receiver]
    bandwidth_hz: float
    power_w: float
    noise_density_w_per_hz: float
    weights: Weights
    image: ImageFormat
    compute: ComputeModel
    quality: QualityCurve
    aggregate: QualityAggregate
    rho: RhoBounds
    scales: _containers.RepeatedScalarFieldContainer[int]
    scale: int
    deadline_s: float
    spectral_efficiency_cap_bps_per_hz: float
    channel: RicianChannel
    seed: int
    solver: Solver
    def __init__(self, preset: _Optional[_Union[Preset, str]] = ..., receivers: _Optional[_Iterable[_Union[Receiver, _Mapping]]] = ..., bandwidth_hz: _Optional[float] = ..., power_w: _Optional[float] = ..., noise_density_w_per_hz: _Optional[float] = ..., weights: _Optional[_Union[Weights, _Mapping]] = ..., image: _Optional[_Union[ImageFormat, _Mapping]] = ..., compute: _Optional[_Union[ComputeModel, _Mapping]] = ..., quality: _Optional[_Union[QualityCurve, _Mapping]] = ..., aggregate: _Optional[_Union[QualityAggregate, str]] = ..., rho: _Optional[_Union[RhoBounds, _Mapping]] = ..., scales: _Optional[_Iterable[int]] = ..., scale: _Optional[int] = ..., deadline_s: _Optional[float] = ..., spectral_efficiency_cap_bps_per_hz: _Optional[float] = ..., channel: _Optional[_Union[RicianChannel, _Mapping]] = ..., seed: _Optional[int] = ..., solver: _Optional[_Union[Solver, str]] = ...) -> None: ...

class Allocation(_message.Message):
    __slots__ = ("name", "gain", "bandwidth_hz", "power_w", "rho", "scale", "rate_bps", "snr_db", "transmit_s", "compute_s", "energy_j", "quality_db")
    NAME_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_HZ_FIELD_NUMBER: _ClassVar[int]
    POWER_W_FIELD_NUMBER: _ClassVar[int]
    RHO_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    RATE_BPS_FIELD_NUMBER: _ClassVar[int]
    SNR_DB_FIELD_NUMBER: _ClassVar[int]
    TRANSMIT_S_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_S_FIELD_NUMBER: _ClassVar[int]
    ENERGY_J_FIELD_NUMBER: _ClassVar[int]
    QUALITY_DB_FIELD_NUMBER: _ClassVar[int]
    name: str
    gain: float
    bandwidth_hz: float
    power_w: float
    rho: float
    scale: int
    rate_bps: float
    snr_db: float
    transmit_s: float
    compute_s: float
    energy_j: float
    quality_db: float
    def __init__(self, name: _Optional[str] = ..., gain: _Optional[float] = ..., bandwidth_hz: _Optional[float] = ..., power_w: _Optional[float] = ..., rho: _Optional[float] = ..., scale: _Optional[int] = ..., rate_bps: _Optional[float] = ..., snr_db: _Optional[float] = ..., transmit_s: _Optional[float] = ..., compute_s: _Optional[float] = ..., energy_j: _Optional[float] = ..., quality_db: _Optional[float] = ...) -> None: ...

class ActiveConstraints(_message.Message):
    __slots__ = ("bandwidth", "power", "deadline", "delay", "rho_min", "rho_max", "spectral_efficiency")
    BANDWIDTH_FIELD_NUMBER: _ClassVar[int]
    POWER_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    RHO_MIN_FIELD_NUMBER: _ClassVar[int]
    RHO_MAX_FIELD_NUMBER: _ClassVar[int]
    SPECTRAL_EFFICIENCY_FIELD_NUMBER: _ClassVar[int]
    bandwidth: bool
    power: bool
    deadline: bool
    delay: _containers.RepeatedScalarFieldContainer[str]
    rho_min: _containers.RepeatedScalarFieldContainer[str]
    rho_max: _containers.RepeatedScalarFieldContainer[str]
    spectral_efficiency: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, bandwidth: _Optional[bool] = ..., power: _Optional[bool] = ..., deadline: _Optional[bool] = ..., delay: _Optional[_Iterable[str]] = ..., rho_min: _Optional[_Iterable[str]] = ..., rho_max: _Optional[_Iterable[str]] = ..., spectral_efficiency: _Optional[_Iterable[str]] = ...) -> None: ...

class Prices(_message.Message):
    __slots__ = ("nu_per_hz", "pi_per_w", "mu_per_s")
    NU_PER_HZ_FIELD_NUMBER: _ClassVar[int]
    PI_PER_W_FIELD_NUMBER: _ClassVar[int]
    MU_PER_S_FIELD_NUMBER: _ClassVar[int]
    nu_per_hz: float
    pi_per_w: float
    mu_per_s: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, nu_per_hz: _Optional[float] = ..., pi_per_w: _Optional[float] = ..., mu_per_s: _Optional[_Iterable[float]] = ...) -> None: ...

class TraceStep(_message.Message):
    __slots__ = ("iteration", "utility", "residual")
    ITERATION_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    RESIDUAL_FIELD_NUMBER: _ClassVar[int]
    iteration: int
    utility: float
    residual: float
    def __init__(self, iteration: _Optional[int] = ..., utility: _Optional[float] = ..., residual: _Optional[float] = ...) -> None: ...

class PlanResponse(_message.Message):
    __slots__ = ("allocations", "utility", "upper_bound", "gap", "delay_s", "energy_j", "quality_db", "active", "status", "solver", "iterations", "trace", "warnings", "prices", "solve_s")
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    UTILITY_FIELD_NUMBER: _ClassVar[int]
    UPPER_BOUND_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    DELAY_S_FIELD_NUMBER: _ClassVar[int]
    ENERGY_J_FIELD_NUMBER: _ClassVar[int]
    QUALITY_DB_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SOLVER_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    PRICES_FIELD_NUMBER: _ClassVar[int]
    SOLVE_S_FIELD_NUMBER: _ClassVar[int]
    allocations: _containers.RepeatedCompositeFieldContainer[Allocation]
    utility: float
    upper_bound: float
    gap: float
    delay_s: float
    energy_j: float
    quality_db: float
    active: ActiveConstraints
    status: PlanStatus
    solver: Solver
    iterations: int
    trace: _containers.RepeatedCompositeFieldContainer[TraceStep]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    prices: Prices
    solve_s: float
    def __init__(self, allocations: _Optional[_Iterable[_Union[Allocation, _Mapping]]] = ..., utility: _Optional[float] = ..., upper_bound: _Optional[float] = ..., gap: _Optional[float] = ..., delay_s: _Optional[float] = ..., energy_j: _Optional[float] = ..., quality_db: _Optional[float] = ..., active: _Optional[_Union[ActiveConstraints, _Mapping]] = ..., status: _Optional[_Union[PlanStatus, str]] = ..., solver: _Optional[_Union[Solver, str]] = ..., iterations: _Optional[int] = ..., trace: _Optional[_Iterable[_Union[TraceStep, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ..., prices: _Optional[_Union[Prices, _Mapping]] = ..., solve_s: _Optional[float] = ...) -> None: ...

class ProblemChange(_message.Message):
    __slots__ = ("upsert", "remove", "block")
    UPSERT_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    upsert: _containers.RepeatedCompositeFieldContainer[Receiver]
    remove: _containers.RepeatedScalarFieldContainer[str]
    block: int
    def __init__(self, upsert: _Optional[_Iterable[_Union[Receiver, _Mapping]]] = ..., remove: _Optional[_Iterable[str]] = ..., block: _Optional[int] = ...) -> None: ...

class ReplanRequest(_message.Message):
    __slots__ = ("problem", "change")
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    problem: PlanRequest
    change: ProblemChange
    def __init__(self, problem: _Optional[_Union[PlanRequest, _Mapping]] = ..., change: _Optional[_Union[ProblemChange, _Mapping]] = ...) -> None: ...

class ReplanResponse(_message.Message):
    __slots__ = ("index", "plan")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    index: int
    plan: PlanResponse
    def __init__(self, index: _Optional[int] = ..., plan: _Optional[_Union[PlanResponse, _Mapping]] = ...) -> None: ...
