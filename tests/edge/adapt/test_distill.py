"""Eq. (5a)-(5b), with decoders whose outputs are known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from edge.adapt.distill import check_alpha, losses
from edge.adapt.errors import AdaptError

IMAGES = torch.full((2, 3, 4, 4), 0.5)
CODE = torch.ones(2, 6, 1, 1)


def answering(level: Tensor) -> Tensor:
    return level.expand(2, 3, 4, 4)


def test_the_student_is_drawn_to_the_picture_and_to_the_teacher() -> None:
    parts = losses(IMAGES, CODE, lambda _: answering(torch.tensor(0.2)), lambda _: answering(torch.tensor(0.6)), 3.0)
    assert parts.mse.item() == pytest.approx(0.3**2)
    assert parts.distill.item() == pytest.approx(0.4**2)
    assert parts.total.item() == pytest.approx(0.3**2 + 3 * 0.4**2)


def test_both_decode_the_same_symbols_and_only_the_student_learns() -> None:
    student, teacher = torch.tensor(0.2, requires_grad=True), torch.tensor(0.6, requires_grad=True)
    given: list[Tensor] = []

    def decode(level: Tensor, code: Tensor) -> Tensor:
        given.append(code)
        return answering(level)

    parts = losses(IMAGES, CODE, lambda code: decode(student, code), lambda code: decode(teacher, code), 1.0)
    parts.total.backward()  # type: ignore[no-untyped-call]
    assert given[0] is given[1] is CODE
    assert teacher.grad is None
    assert student.grad is not None
    assert student.grad.item() == pytest.approx(2 * (0.2 - 0.5) + 2 * (0.2 - 0.6))


@pytest.mark.parametrize("alpha", [-0.1, math.inf, math.nan])
def test_an_alpha_that_weighs_nothing_sensible_is_refused(alpha: float) -> None:
    with pytest.raises(AdaptError, match="alpha: must be finite and at least 0"):
        check_alpha(alpha)
