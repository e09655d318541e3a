"""Rules of refinement: what they ask for, and how far behind sending everything they end."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from edge.sample import sample
from tools.smrc.rules import main, row

LABELS = np.array([0, 1, 2, 0])
FIRST = np.array([[0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.1, 0.3, 0.6], [0.2, 0.1, 0.7]])  # sees 0, 0, 2, 2
REFINED = np.array([[0.1, 0.9, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # sees 1, 1, 2, 0


@pytest.mark.parametrize(
    ("rule", "asked", "accuracy", "behind"),
    [
        ((0.0, []), 0, 0.5, 25),  # nothing is asked for: 0 and 2 are right, with all three are
        ((0.55, []), 0.25, 0.75, 0),  # the second one
        ((0.0, [2]), 0.5, 0.75, 0),  # the last two
        ((0.55, [2]), 0.75, 1.0, -25),  # all but the first, which everything sent gets wrong
        ((1.0, []), 1.0, 0.75, 0),
    ],
)
def test_a_rule_by_hand(rule: tuple[float, list[int]], asked: float, accuracy: float, behind: float) -> None:
    found = row(FIRST, REFINED, LABELS, rule, (20, 60))
    assert (found["asked"], found["accuracy"], found["behind_points"]) == (asked, accuracy, behind)
    assert found["saved"] == pytest.approx(1 - (20 + 60 * asked) / 80, abs=1e-3)


def test_the_command_tries_every_head_of_the_second_layer() -> None:
    from importlib.resources import as_file, files

    with as_file(files(sample.__package__) / "mnist.npz") as path:
        done = CliRunner().invoke(main, ["--data", str(path), "--split", "test", "--count", "40"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["pictures"] == 40
    for head in ("resolution", "semantics"):
        rows = told[head]["rules"]
        assert rows[0]["accuracy"] == told["first_accuracy"]  # threshold 0: nothing is asked for
        assert [one["asked"] for one in rows if not one["classes"]] == sorted(
            one["asked"] for one in rows if not one["classes"]
        )
