"""The answer to a problem, whatever solver gave it. `evaluate` turns shares of the budgets into a plan, no more."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import FloatArray, Problem

BoolArray = NDArray[np.bool_]

CERTIFIED_RELATIVE_GAP = 1e-6
"""Largest relative gap at which a plan is called optimal."""

RESIDUAL_TOLERANCE = 1e-8
"""Largest relative violation or optimality residual of a plan whose numbers may be trusted."""

_TIGHT = 1e-7  # relative slack below which a constraint counts as active


class Status(Enum):
    """What may be believed about a plan. Only OPTIMAL is a full answer."""

    OPTIMAL = "optimal"
    """Feasible, and certified to be within CERTIFIED_RELATIVE_GAP of the optimum."""

    FEASIBLE = "feasible"
    """Feasible, but the certificate leaves a larger gap: see the plan's gap."""

    INACCURATE = "inaccurate"
    """The solver stopped with a residual above RESIDUAL_TOLERANCE."""

    FAILED = "failed"
    """The solver broke down; the plan is its last feasible point."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Shadow prices: utility per hertz (nu), per watt (pi), and per second of each receiver's deadline (mu, [N]).

    transmit_budget_s is tau = T - c0, from which a re-plan starts.
    """

    nu_per_hz: float
    pi_per_w: float
    mu_per_s: FloatArray
    transmit_budget_s: float


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One iteration: utility of the point reached (nan where the solver has none) and its largest residual."""

    iteration: int
    utility: float
    residual: float


@dataclass(frozen=True, slots=True)
class ActiveConstraints:
    """Which constraints are tight. Arrays are [N]; delay marks the receivers that set T."""

    bandwidth: bool
    power: bool
    deadline: bool
    delay: BoolArray
    rho_min: BoolArray
    rho_max: BoolArray
    spectral_efficiency: BoolArray


@dataclass(frozen=True, slots=True)
class Share:
    """One receiver's part of a plan. scale is None when rho is continuous; snr_db is that of its band."""

    name: str
    gain: float
    bandwidth_hz: float
    power_w: float
    rho: float
    scale: int | None
    rate_bps: float
    snr_db: float
    transmit_s: float
    compute_s: float
    energy_j: float
    quality_db: float


@dataclass(frozen=True, eq=False)
class Plan:
    """An allocation and what it is worth. Arrays are [N], in the order of problem.names.

    energy_j: [N] transmit plus compute energy; total_energy_j their sum, delay_s the largest delay T. quality_db: [N]
    PSNR of the curve. upper_bound: no allocation has a larger utility (inf when nobody computed a bound).
    scales: [N] bottom scaling rates, or None when rho is continuous.
    """

    problem: Problem
    bandwidth_hz: FloatArray
    power_w: FloatArray
    rho: FloatArray
    scales: NDArray[np.int64] | None
    rate_bps: FloatArray
    snr_db: FloatArray
    transmit_s: FloatArray
    compute_s: FloatArray
    transmit_energy_j: FloatArray
    compute_energy_j: FloatArray
    quality_db: FloatArray
    delay_s: float
    total_energy_j: float
    utility: float
    active: ActiveConstraints
    status: Status
    solver: str
    upper_bound: float = math.inf
    iterations: int = 0
    trace: tuple[TraceStep, ...] = ()
    warnings: tuple[str, ...] = ()
    prices: Prices | None = None

    @property
    def energy_j(self) -> FloatArray:
        """[N] joules spent for each receiver."""
        return self.transmit_energy_j + self.compute_energy_j

    @property
    def quality(self) -> float:
        """Q in dB: the sum or the mean of the receivers' PSNR, as the problem says."""
        return self.problem.quality_share * float(self.quality_db.sum())

    @property
    def gap(self) -> float:
        """Upper bound minus utility, not below 0, in utility units."""
        return max(0.0, self.upper_bound - self.utility)

    @property
    def relative_gap(self) -> float:
        """gap over max(1, |utility|)."""
        return self.gap / max(1.0, abs(self.utility))

    def share(self, index: int) -> Share:
        """The part of receiver `index`."""
        return Share(
            name=self.problem.names[index],
            gain=float(self.problem.gain[index]),
            bandwidth_hz=float(self.bandwidth_hz[index]),
            power_w=float(self.power_w[index]),
            rho=float(self.rho[index]),
            scale=None if self.scales is None else int(self.scales[index]),
            rate_bps=float(self.rate_bps[index]),
            snr_db=float(self.snr_db[index]),
            transmit_s=float(self.transmit_s[index]),
            compute_s=float(self.compute_s[index]),
            energy_j=float(self.transmit_energy_j[index] + self.compute_energy_j[index]),
            quality_db=float(self.quality_db[index]),
        )

    def shares(self) -> tuple[Share, ...]:
        """Every receiver's part, in order."""
        return tuple(self.share(index) for index in range(self.problem.size))


def evaluate(
    problem: Problem,
    bandwidth_hz: FloatArray,
    power_w: FloatArray,
    rho: FloatArray,
    solver: str,
    status: Status = Status.FEASIBLE,
) -> Plan:
    """The plan that gives [N] bandwidth_hz, power_w and rho to the receivers: eq. (16)-(25), nothing optimised."""
    snr = power_w * problem.gain_over_noise / bandwidth_hz
    efficiency = np.log1p(snr) / math.log(2.0)
    rate = bandwidth_hz * efficiency
    transmit_s = rho * problem.source_bits / rate
    compute = problem.compute
    compute_s = compute.time_base_s - compute.time_slope_s * rho
    delay = transmit_s + compute_s
    delay_s = float(delay.max())
    transmit_energy = power_w * transmit_s
    compute_energy = compute.energy_base_j - compute.energy_slope_j * rho
    total_energy = float(transmit_energy.sum() + compute_energy.sum())
    quality_db = problem.quality.intercept_db + problem.quality.slope_db * np.log(rho)
    weights = problem.weights
    utility = (
        weights.quality * problem.quality_share * float(quality_db.sum())
        - weights.delay * delay_s
        - weights.energy * total_energy
    )
    return Plan(
        problem=problem,
        bandwidth_hz=bandwidth_hz,
        power_w=power_w,
        rho=rho,
        scales=scales_of(problem, rho),
        rate_bps=rate,
        snr_db=10.0 * np.log10(snr),
        transmit_s=transmit_s,
        compute_s=compute_s,
        transmit_energy_j=transmit_energy,
        compute_energy_j=compute_energy,
        quality_db=quality_db,
        delay_s=delay_s,
        total_energy_j=total_energy,
        utility=utility,
        active=_active(problem, bandwidth_hz, power_w, rho, delay, efficiency),
        status=status,
        solver=solver,
    )


def violation(plan: Plan) -> float:
    """Largest relative violation of C1, C2, the deadline, the rho bounds and the efficiency cap; 0 when none."""
    problem = plan.problem
    excess = [
        float(plan.bandwidth_hz.sum()) / problem.bandwidth_hz - 1.0,
        float(plan.power_w.sum()) / problem.power_w - 1.0,
        float(plan.rho.max()) / problem.rho_upper - 1.0,
        problem.rho_lower / float(plan.rho.min()) - 1.0,
    ]
    if problem.deadline_s is not None:
        excess.append(plan.delay_s / problem.deadline_s - 1.0)
    if problem.spectral_efficiency_cap is not None:
        excess.append(float((plan.rate_bps / plan.bandwidth_hz).max()) / problem.spectral_efficiency_cap - 1.0)
    worst = max(excess)
    return max(0.0, worst) if math.isfinite(worst) else math.inf


def with_bound(plan: Plan, upper_bound: float) -> Plan:
    """The plan with this upper bound, and OPTIMAL instead of FEASIBLE when the bound certifies it.

    A utility above its bound beyond rounding means that one of the two is wrong: the plan is then INACCURATE.
    """
    status, margin = plan.status, upper_bound - plan.utility
    size = max(1.0, abs(plan.utility))
    if margin < -RESIDUAL_TOLERANCE * size:
        status = Status.INACCURATE
    elif status is Status.FEASIBLE and margin <= CERTIFIED_RELATIVE_GAP * size:
        status = Status.OPTIMAL
    return dataclasses.replace(plan, upper_bound=upper_bound, status=status)


def scales_of(problem: Problem, rho: FloatArray) -> NDArray[np.int64] | None:
    """[N] scaling rates nearest to rho, or None when the problem has continuous rates."""
    if not problem.scales:
        return None
    allowed: NDArray[np.int64] = np.array(problem.allowed_scales, dtype=np.int64)
    rates = np.array([problem.image.rho_of_scale(int(scale)) for scale in allowed])
    scales: NDArray[np.int64] = allowed[np.abs(np.log(rho[:, None] / rates)).argmin(axis=1)]
    return scales


def _active(
    problem: Problem,
    bandwidth_hz: FloatArray,
    power_w: FloatArray,
    rho: FloatArray,
    delay: FloatArray,
    efficiency: FloatArray,
) -> ActiveConstraints:
    cap = problem.spectral_efficiency_cap
    delay_s = float(delay.max())
    return ActiveConstraints(
        bandwidth=float(bandwidth_hz.sum()) >= problem.bandwidth_hz * (1 - _TIGHT),
        power=float(power_w.sum()) >= problem.power_w * (1 - _TIGHT),
        deadline=problem.deadline_s is not None and delay_s >= problem.deadline_s * (1 - _TIGHT),
        delay=delay >= delay_s * (1 - _TIGHT),
        rho_min=rho <= problem.rho_lower * (1 + _TIGHT),
        rho_max=rho >= problem.rho_upper * (1 - _TIGHT),
        spectral_efficiency=np.zeros(rho.shape, dtype=np.bool_) if cap is None else efficiency >= cap * (1 - _TIGHT),
    )
