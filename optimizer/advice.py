"""Warnings that go with a plan: true answers to questions that were perhaps not meant. Nothing here changes a plan."""

from __future__ import annotations

import numpy as np

from optimizer.plan import Plan

HIGH_SPECTRAL_EFFICIENCY = 12.0
"""bit/s/Hz; above it no practical modem follows Shannon's formula."""


def warnings_of(plan: Plan) -> tuple[str, ...]:
    """One sentence for each thing about this plan that its reader should know."""
    found = (
        _negligible_compute(plan),
        _saturated(plan),
        _slack_power(plan),
        _too_efficient(plan),
        _weakest(plan),
    )
    return tuple(sentence for sentence in found if sentence is not None)


def _negligible_compute(plan: Plan) -> str | None:
    compute, transmit = float(plan.compute_energy_j.sum()), float(plan.transmit_energy_j.sum())
    if plan.problem.compute.base_mac == 0 or plan.problem.weights.energy == 0 or compute >= 1e-6 * transmit:
        return None
    coefficient = plan.problem.compute.energy_coefficient
    return (
        f"compute energy ({compute:.2g} J) is below a millionth of transmit energy ({transmit:.2g} J): "
        f"energy_coefficient {coefficient:g} has no effect; 1e-28 is realistic"
    )


def _saturated(plan: Plan) -> str | None:
    if plan.problem.rho_lower == plan.problem.rho_upper or len(plan.problem.allowed_scales) == 1:
        return None
    if plan.active.rho_max.all():
        return "every receiver is at rho_max: quality is worth more than its time and energy; rho is no trade-off here"
    if plan.active.rho_min.all():
        return "every receiver is at rho_min: time or energy weighs more than quality; rho is no trade-off here"
    return None


def _slack_power(plan: Plan) -> str | None:
    if plan.active.power:
        return None
    used = float(plan.power_w.sum())
    return f"the power budget does not bind: {used:.3g} W of {plan.problem.power_w:g} W are used"


def _too_efficient(plan: Plan) -> str | None:
    efficiency = plan.rate_bps / plan.bandwidth_hz
    count = int((efficiency > HIGH_SPECTRAL_EFFICIENCY).sum())
    if count == 0:
        return None
    return (
        f"{count} of {plan.problem.size} receivers exceed {HIGH_SPECTRAL_EFFICIENCY:g} bit/s/Hz (up to "
        f"{float(efficiency.max()):.1f}), which no practical modem reaches; set spectral_efficiency_cap"
    )


def _weakest(plan: Plan) -> str | None:
    """All deadlines are tight at an optimum, so it is the deadline's price that shows who sets T."""
    if plan.prices is None or plan.problem.size < 3:
        return None
    mu = plan.prices.mu_per_s
    total = float(mu.sum())
    worst = int(np.argmax(mu))
    if total <= 0 or mu[worst] <= 0.5 * total:
        return None
    return (
        f"receiver {plan.problem.names[worst]} is so weak that it sets the delay for everybody "
        f"({100 * mu[worst] / total:.0f} % of the delay's price); consider dropping it"
    )
