from __future__ import annotations

import math

import pytest
import torch

from edge.codecs.smrc_network import HeadShape, SmrcShape, equal_heads
from edge.train.smrc_loss import HeadGoal, HeadOutput, group_of, reconstruction_error, semantic_error, total

SHAPE = SmrcShape(4, 1, 4, 3, equal_heads(2, 2, 3))
IMAGES = torch.full((2, 3, 4, 4), 0.5)
LABELS = torch.tensor([2, 0])


def output(value: float, probabilities: list[list[float]]) -> HeadOutput:
    return HeadOutput(torch.full_like(IMAGES, value), torch.tensor(probabilities).log())


EVEN = [[1 / 3] * 3] * 2
OUTPUTS = (output(0.3, [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]), output(0.4, EVEN))


def test_the_total_is_eq_1_and_2() -> None:
    goals = (HeadGoal(0.9, (0.5, 1.0, 0.25), 2.0), HeadGoal(0.4))
    first = 0.9 * 0.2**2 + 0.1 * 10 * (0.25 * math.log(4) + 0.5 * math.log(2)) / 2
    second = 0.4 * 0.1**2 + 0.6 * 10 * math.log(3)
    assert float(total(SHAPE, goals, OUTPUTS, IMAGES, LABELS, 10)) == pytest.approx(2 * first + second)


@pytest.mark.parametrize(("alpha", "expected"), [(1.0, 0.2**2 + 0.1**2), (0.0, math.log(8) / 2 + math.log(3))])
def test_alpha_is_reconstruction_alone_or_semantics_alone(alpha: float, expected: float) -> None:
    assert float(total(SHAPE, (HeadGoal(alpha),) * 2, OUTPUTS, IMAGES, LABELS, 1)) == pytest.approx(expected)


def test_classes_of_beta_0_do_not_count() -> None:
    log_probabilities = torch.tensor(EVEN).log()
    assert float(semantic_error(log_probabilities, LABELS, (0, 1, 0))) == 0
    assert float(semantic_error(log_probabilities, LABELS, (0, 1, 1))) == pytest.approx(math.log(3) / 2)


def test_a_mask_weighs_the_error_of_every_pixel() -> None:
    mask = torch.zeros(4, 4)
    mask[0, 0], mask[1, 1] = 1, 0.5
    assert float(reconstruction_error(IMAGES, IMAGES + 0.2, mask)) == pytest.approx(0.04 * 1.25 / 16)


def test_a_region_for_each_group_is_mixed_by_what_the_layer_before_believes() -> None:
    masks = torch.stack([torch.full((4, 4), value) for value in (1.0, 0.0, 0.5)])
    goal = HeadGoal(1.0, region=masks)
    mixed = goal.mask(OUTPUTS[0].log_probabilities.exp())
    assert mixed is not None
    torch.testing.assert_close(mixed, torch.full((2, 1, 4, 4), 0.5 + 0.25 * 0.5))
    found = total(SHAPE, (HeadGoal(1.0), goal), OUTPUTS, IMAGES, LABELS, 1)
    assert float(found) == pytest.approx(0.04 + 0.625**2 * 0.01)


def test_the_gradient_does_not_reach_the_earlier_layer_through_the_region() -> None:
    belief = torch.tensor(EVEN).log().requires_grad_()
    goal = HeadGoal(1.0, region=torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert goal.mask(belief.exp()) is not None
    assert not goal.mask(belief.exp()).requires_grad  # type: ignore[union-attr]


def test_a_head_that_waits_counts_in_proportion_to_the_error_of_the_layer_before() -> None:
    # layer 1 errs by 0.04; a head that waits for 0.01 (20 dB) counts a quarter, one that waits for 10 dB counts fully
    alone = total(SHAPE, (HeadGoal(1.0), HeadGoal(1.0, after_db=20)), OUTPUTS, IMAGES, LABELS, 1)
    assert float(alone) == pytest.approx(0.04 + 0.01 / 4)
    ready = total(SHAPE, (HeadGoal(1.0), HeadGoal(1.0, after_db=10)), OUTPUTS, IMAGES, LABELS, 1)
    assert float(ready) == pytest.approx(0.05)


def test_pooled_classes_are_compared_as_their_groups() -> None:
    assert group_of(((1,), (0, 2)), torch.tensor([0, 1, 2])).tolist() == [1, 0, 1]
    heads = (SHAPE.heads[0], HeadShape(2, 2, ((1,), (0, 2))))
    shape = SmrcShape(4, 1, 4, 3, heads)
    outputs = (OUTPUTS[0], output(0.5, [[0.2, 0.8]] * 2))
    found = total(shape, (HeadGoal(1.0), HeadGoal(0.0)), outputs, IMAGES, LABELS, 1)
    assert float(found) == pytest.approx(0.04 - math.log(0.8))


@pytest.mark.parametrize(
    ("goal", "block", "message"),
    [
        (HeadGoal(alpha=1.5), 0, r"h.alpha: must be in \[0, 1\], got 1.5"),
        (HeadGoal(beta=(1, 1)), 0, "h.beta: must have 3 entries, one a group of classes, got 2"),
        (HeadGoal(beta=(1, -0.5, 1)), 0, r"h.beta\[1\]: must be in \[0, 1\], got -0.5"),
        (HeadGoal(beta=(1, 1, 1.01)), 0, r"h.beta\[2\]: must be in \[0, 1\], got 1.01"),
        (HeadGoal(weight=0), 0, "h.weight: must be above 0, got 0"),
        (HeadGoal(after_db=10), 0, "h.after_db: the first layer has none before it"),
        (HeadGoal(region=torch.ones(4, 5)), 0, r"h.region: must be a mask \[4, 4\], got \[4, 5\]"),
        (HeadGoal(region=torch.ones(2, 4, 4)), 1, r"mask \[4, 4\] or \[3, 4, 4\], one for each group of layer 1, got"),
        (HeadGoal(region=torch.full((4, 4), 1.5)), 0, r"h.region: entries must be in \[0, 1\]"),
        (HeadGoal(region=torch.full((4, 4), math.nan)), 0, r"h.region: entries must be in \[0, 1\]"),
    ],
)
def test_goals_that_do_not_fit_their_head_are_named(goal: HeadGoal, block: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        goal.check("h", SHAPE, block)
