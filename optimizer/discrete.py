"""Plans restricted to the codec's real scaling rates: price each rate with the dual, re-solve, then swap.

With the rates given the problem is convex and `price` solves it exactly. At its prices the dual values every other
rate: if nobody would rather have another one the plan is optimal, and a choice of no better dual value is not tried.
With few receivers all choices are looked at that way, which proves the optimum; with many, the best one's neighbours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optimizer import price
from optimizer.certificate import lagrangian_values
from optimizer.errors import InfeasibleError
from optimizer.plan import Plan, Prices, Status, TraceStep, with_bound
from optimizer.problem import FloatArray, Problem

IntArray = NDArray[np.intp]

_MAX_TRIALS = 2000  # neighbours looked at; the dual dismisses most of them unsolved
_MAX_CUTS = 64
_ENUMERATE_UP_TO = 20_000  # choices: 7 receivers of 4 rates
_MAX_ROUNDS = 12
_PAIRS_UP_TO = 16  # receivers; beyond, pairs are too many to be worth their time
_ANY_GAIN = 1e-12


class _Search:
    """The best choice so far: [N] indices into `rates`, its plan, and the smallest upper bound seen."""

    def __init__(self, problem: Problem, rates: FloatArray) -> None:
        self.problem = problem
        self.rates = rates
        self.best: Plan | None = None
        self.choice: IntArray = np.zeros(problem.size, dtype=np.intp)
        self.upper_bound = np.inf
        self.tried: set[bytes] = set()
        self.cuts: list[tuple[float, FloatArray]] = []
        self.broken = False
        self.trace: list[TraceStep] = []

    def attempt(self, choice: IntArray, start: Prices | None) -> Plan | None:
        """Solves one choice; None when it was tried, cannot meet the deadline, or cannot beat the best plan."""
        key = choice.tobytes()
        if key in self.tried or self.hopeless(choice):
            return None
        self.tried.add(key)
        rho = self.rates[choice]
        try:
            plan = price.solve_fixed_rho(self.problem, rho, start, certify=False)
        except InfeasibleError:
            return None
        if plan.status in (Status.FAILED, Status.INACCURATE):
            self.broken = True
            return None
        self.bound(plan)
        if self.best is None or plan.utility > self.best.utility + _ANY_GAIN * abs(self.best.utility):
            self.best, self.choice = plan, choice
        self.trace.append(TraceStep(len(self.trace) + 1, self.best.utility, 0.0))
        return plan

    def bound(self, plan: Plan) -> FloatArray | None:
        """Lowers the upper bound with the plan's prices; returns the [N, K] dual values."""
        if plan.prices is None:
            return None
        constant, values = lagrangian_values(self.problem, plan.prices, plan, self.rates)
        self.cuts = [*self.cuts[-_MAX_CUTS + 1 :], (constant, values)]
        self.upper_bound = min(self.upper_bound, constant + float(values.max(axis=1).sum()))
        return values

    def hopeless(self, choice: IntArray) -> bool:
        """True when the dual at some prices seen before shows that this choice is no better than the best plan."""
        if self.best is None:
            return False
        users = np.arange(choice.size)
        ceiling = min((constant + float(values[users, choice].sum()) for constant, values in self.cuts), default=np.inf)
        return ceiling <= self.best.utility + 1e-9 * max(1.0, abs(self.best.utility))

    def proved(self) -> bool:
        """True when nothing can be better than the best plan by more than rounding."""
        return self.best is not None and self.upper_bound - self.best.utility <= 1e-9 * max(1.0, abs(self.upper_bound))


def solve(problem: Problem, start: Prices | None = None) -> Plan:
    """The best plan found with rho restricted to problem.scales, with a valid upper bound of that restricted problem.

    Exact when a single scale is allowed, or when the bound meets the plan (status OPTIMAL). Raises InfeasibleError.
    """
    rates = np.sort([problem.image.rho_of_scale(scale) for scale in problem.allowed_scales])
    if rates.size == 1:
        return price.solve_fixed_rho(problem, np.full(problem.size, rates[0]), start)
    relaxed_problem = dataclasses.replace(problem, scales=(), rho_min=float(rates[0]), rho_max=float(rates[-1]))
    relaxed = price.solve(relaxed_problem, start)
    search = _Search(problem, rates)
    search.upper_bound = relaxed.upper_bound
    for choice in _first_choices(search, relaxed):
        _follow_prices(search, choice, relaxed.prices)
        if search.proved():
            break
    if not search.proved():
        if rates.size**problem.size <= _ENUMERATE_UP_TO:
            _enumerate(search)
        else:
            _swap(search)
    if search.best is None:  # numerical trouble everywhere: say so with the relaxed plan's status
        lowest = price.solve_fixed_rho(problem, np.full(problem.size, rates[0]))
        return dataclasses.replace(lowest, status=Status.FAILED)
    plan = dataclasses.replace(search.best, iterations=len(search.trace), trace=tuple(search.trace))
    return with_bound(plan, max(search.upper_bound, plan.utility))


def _first_choices(search: _Search, relaxed: Plan) -> Iterator[IntArray]:
    """What the relaxed prices prefer, the nearest rate to the relaxed one, then everybody alike."""
    values = search.bound(relaxed)
    if values is not None:
        yield values.argmax(axis=1)
    yield np.abs(np.log(relaxed.rho[:, None] / search.rates)).argmin(axis=1)
    for index in range(search.rates.size):
        yield np.full(search.problem.size, index, dtype=np.intp)


def _follow_prices(search: _Search, choice: IntArray, prices: Prices | None) -> None:
    """Lets everybody choose at the prices of the last solution until a choice repeats."""
    for _ in range(_MAX_ROUNDS):
        plan = search.attempt(choice, prices)
        if plan is None or search.proved():
            return
        prices = plan.prices
        values = search.bound(plan)
        if values is None:
            return
        choice = values.argmax(axis=1)


def _enumerate(search: _Search) -> None:
    """Every choice, best dual bound first, until no bound is above the best plan: then that plan is optimal."""
    size = search.problem.size
    choices = np.stack(np.unravel_index(np.arange(search.rates.size**size), (search.rates.size,) * size), axis=1)
    users = np.arange(size)
    bounds = np.full(len(choices), np.inf)
    for constant, values in search.cuts:
        bounds = np.minimum(bounds, constant + values[users, choices].sum(axis=1))
    for _ in range(_MAX_TRIALS):
        leader = int(bounds.argmax())
        target = -np.inf if search.best is None else search.best.utility
        if bounds[leader] <= target + _ANY_GAIN * max(1.0, abs(target)):
            break
        search.attempt(choices[leader], None if search.best is None else search.best.prices)
        constant, values = search.cuts[-1]
        bounds = np.minimum(bounds, constant + values[users, choices].sum(axis=1))
        bounds[leader] = -np.inf  # solved, or impossible within the deadline
    if search.best is not None and not search.broken:
        search.upper_bound = min(search.upper_bound, max(search.best.utility, float(bounds.max())))


def _swap(search: _Search) -> None:
    """Changes one receiver's rate, then two receivers', as long as the dual values promise a gain and it is real."""
    trials = 0
    improved = True
    while improved and search.best is not None and not search.proved():
        improved = False
        before = search.best
        for choice in _promising(search):
            trials += 1
            if trials > _MAX_TRIALS:
                return
            search.attempt(choice, before.prices)
            if search.best is not before:
                improved = True
                break


def _promising(search: _Search) -> Iterator[IntArray]:
    """Neighbours of the best choice that the dual does not rule out, the most promising first; singles before pairs."""
    assert search.best is not None
    values = search.bound(search.best)
    if values is None:
        return
    current = values[np.arange(search.problem.size), search.choice]
    promise = values - current[:, None]
    promise[np.arange(search.problem.size), search.choice] = -np.inf
    users, options = np.unravel_index(np.argsort(-promise, axis=None), promise.shape)
    moves = [(int(n), int(k), float(promise[n, k])) for n, k in zip(users, options, strict=True)]
    for user, option, gain in moves:
        if gain <= 0:
            break
        yield _moved(search.choice, ((user, option),))
    if search.problem.size > _PAIRS_UP_TO:
        return
    pairs = [
        (one[2] + two[2], (one[:2], two[:2]))
        for index, one in enumerate(moves)
        for two in moves[index + 1 :]
        if one[0] != two[0] and one[2] + two[2] > 0
    ]
    for _, pair in sorted(pairs, key=lambda entry: -entry[0]):
        yield _moved(search.choice, pair)


def _moved(choice: IntArray, moves: tuple[tuple[int, int], ...]) -> IntArray:
    changed = choice.copy()
    for user, option in moves:
        changed[user] = option
    return changed
