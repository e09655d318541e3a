"""Why a plan gives this receiver this much, in words: prices, binding constraints, the worth of a little more rho."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.plan import Plan
from optimizer.problem import FloatArray


@dataclass(frozen=True, slots=True)
class Margins:
    """Utility that one percent more rho brings each receiver, part by part; all [N], sum 0 at a free optimum."""

    quality: FloatArray
    delay: FloatArray
    transmit_energy: FloatArray
    compute_energy: FloatArray

    @property
    def total(self) -> FloatArray:
        """[N] net utility of one percent more rho at the plan's prices."""
        return self.quality + self.delay + self.transmit_energy + self.compute_energy


def margins(plan: Plan) -> Margins | None:
    """The margins of a plan; None when its solver left no prices."""
    if plan.prices is None:
        return None
    problem, percent = plan.problem, 0.01
    longer_s = plan.transmit_s - problem.compute.time_slope_s * plan.rho
    weights = problem.weights
    return Margins(
        quality=np.full(problem.size, percent * problem.log_rho_weight),
        delay=-percent * plan.prices.mu_per_s * longer_s,
        transmit_energy=-percent * weights.energy * plan.transmit_energy_j,
        compute_energy=percent * weights.energy * problem.compute.energy_slope_j * plan.rho,
    )


def explain(plan: Plan) -> tuple[str, ...]:
    """Sentences about the whole plan, then one or two for each receiver."""
    return (*_whole(plan), *(_receiver(plan, margins(plan), index) for index in range(plan.problem.size)))


def _whole(plan: Plan) -> list[str]:
    problem = plan.problem
    sentences = [
        f"The plan is worth {plan.utility:.4f}; nothing is worth more than {plan.upper_bound:.4f} "
        f"(gap {plan.gap:.2g}, {plan.status.value})."
    ]
    prices = plan.prices
    if prices is None:
        sentences.append(f"Solver {plan.solver} leaves no prices; use price for a full explanation.")
        return sentences
    sentences.append(
        f"Bandwidth is {'used up' if plan.active.bandwidth else 'not used up'}: "
        f"one more percent ({problem.bandwidth_hz / 100:.4g} Hz) would add "
        f"{prices.nu_per_hz * problem.bandwidth_hz / 100:.4g} (nu = {prices.nu_per_hz:.4g} per Hz)."
    )
    if plan.active.power:
        sentences.append(
            f"Power is used up: one more percent would add {prices.pi_per_w * problem.power_w / 100:.4g} "
            f"(pi = {prices.pi_per_w:.4g} per W)."
        )
    else:
        sentences.append(
            f"Power does not bind ({float(plan.power_w.sum()):.4g} of {problem.power_w:g} W): energy costs more than "
            "the watts would bring, so pi = 0."
        )
    if plan.active.deadline:
        eta = float(prices.mu_per_s.sum()) - problem.weights.delay
        sentences.append(f"The deadline of {problem.deadline_s:g} s binds: one more second would add about {eta:.4g}.")
    together = int(plan.active.delay.sum())
    sentences.append(
        f"{together} of {problem.size} receivers finish at T = {plan.delay_s:.4f} s: whoever finished earlier could "
        "give bandwidth to the others."
    )
    return sentences


def _receiver(plan: Plan, margin: Margins | None, index: int) -> str:
    share = plan.share(index)
    band = 100 * share.bandwidth_hz / float(plan.bandwidth_hz.sum())
    power = 100 * share.power_w / float(plan.power_w.sum())
    text = (
        f"{share.name} ({10 * np.log10(share.gain):.1f} dB) gets {band:.1f} % of the bandwidth and {power:.1f} % of "
        f"the power in use, at rho = {share.rho:.5f}"
    )
    text += "" if share.scale is None else f" (scale {share.scale})"
    if margin is None or plan.prices is None:
        return text + "."
    net = float(margin.total[index])
    text += (
        f": one percent more rho would bring {margin.quality[index]:+.4g} in quality, "
        f"{margin.delay[index]:+.4g} in delay and "
        f"{margin.transmit_energy[index] + margin.compute_energy[index]:+.4g} in energy"
    )
    return f"{text}; {_verdict(plan, index, net)}."


def _verdict(plan: Plan, index: int, net: float) -> str:
    if plan.scales is not None:
        return f"in all {net:+.3g}, but the codec has no rate in between"
    if plan.active.rho_max[index]:
        return f"in all {net:+.3g}, but it is at rho_max"
    if plan.active.rho_min[index]:
        return f"in all {net:+.3g}, but it is at rho_min"
    return "these balance, so its rho stays"
