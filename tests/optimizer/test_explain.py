"""Explanations: the margins balance at a free optimum, and the sentences say what binds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from optimizer.explain import explain, margins
from optimizer.image_format import SCALES
from optimizer.problem import Problem
from optimizer.solve import solve

Draw = Callable[..., Problem]


def test_margins_balance_where_rho_is_free(drawn: Draw) -> None:
    plan = solve(drawn(0))
    assert not plan.active.rho_max.any()
    margin = margins(plan)
    assert margin is not None
    np.testing.assert_allclose(margin.total, 0.0, atol=1e-9)


def test_margins_push_outwards_at_rho_max(drawn: Draw) -> None:
    plan = solve(drawn(0, preset="paper"))
    margin = margins(plan)
    assert margin is not None
    assert plan.active.rho_max.all()
    assert np.all(margin.total > 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Power does not bind"),
        ({"power_w": 1e-3}, "Power is used up: one more percent would add"),
        ({"deadline_s": 8.0}, "The deadline of 8 s binds"),
        ({}, "these balance, so its rho stays"),
        ({"bandwidth_hz": 9000.0}, "but it is at rho_max"),
        ({"bandwidth_hz": 20.0}, "but it is at rho_min"),
        ({"scales": SCALES}, "but the codec has no rate in between"),
    ],
)
def test_sentences_name_what_binds(drawn: Draw, changes: dict[str, object], sentence: str) -> None:
    assert sentence in "\n".join(explain(solve(dataclasses.replace(drawn(0), **changes))))


def test_every_receiver_has_its_sentence(drawn: Draw) -> None:
    sentences = explain(solve(drawn(0, 7)))
    for index in range(7):
        assert any(sentence.startswith(f"rx{index + 1} (") for sentence in sentences)


def test_a_plan_without_prices_is_explained_as_far_as_it_goes(drawn: Draw) -> None:
    assert "leaves no prices" in "\n".join(explain(solve(drawn(0), "algorithm1-joint")))
