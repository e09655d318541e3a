from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edge.codecs.smrc_network import HeadShape
from edge.train.smrc_heads import read_heads
from edge.train.smrc_loss import HeadGoal


def test_a_layer_is_enough_and_everything_can_be_said(tmp_path: Path) -> None:
    np.save(tmp_path / "middle.npy", np.eye(4))
    path = tmp_path / "heads.yaml"
    path.write_text(
        "- {layer: 1}\n"
        "- {layer: 2, name: semantics, symbols: 7, alpha: 1, weight: 0.5, classes: [[2], [0, 1]], beta: [1, 0.5],\n"
        "   after_db: 15, region: middle.npy}\n"
    )
    shapes, goals = read_heads(path, 3)
    assert shapes == (HeadShape(1, 20, ((0,), (1,), (2,))), HeadShape(2, 7, ((2,), (0, 1)), "semantics"))
    assert goals[0] == HeadGoal(0.9)
    second = goals[1]
    assert (second.alpha, second.beta, second.weight, second.after_db) == (1, (1, 0.5), 0.5, 15)
    assert second.region is not None
    assert torch.equal(second.region, torch.eye(4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{layer: 1}", "must be a list with an entry for each head"),
        ("[", "is not a readable YAML file"),
        ("- {alpha: 1}", r"heads\[0\]: must be a mapping that gives the layer"),
        ("- {layer: one}", r"heads\[0\].layer: must be an integer, got 'one'"),
        ("- {layer: 1, gamma: 2}", r"heads\[0\].gamma: there is no such field; choose of layer, name, symbols"),
        ("- {layer: 1, name: 7}", r"heads\[0\].name: must be text, got 7; put it in quotes"),
        ("- {layer: 1, name: two words}", r"heads\[0\].name: must be a letter and then letters, digits, .* rename it"),
        ("- {layer: 1, symbols: 0}", r"heads\[0\].symbols: must be at least 1, got 0"),
        ("- {layer: 1, alpha: high}", r"heads\[0\].alpha: must be a number, got 'high'"),
        ("- {layer: 1, beta: 1}", r"heads\[0\].beta: must be a list with an entry for each group"),
        ("- {layer: 1, beta: [a]}", r"heads\[0\].beta\[0\]: must be a number, got 'a'"),
        ("- {layer: 1, classes: [0, 1, 2]}", r"heads\[0\].classes: must be a list of lists of classes"),
        ("- {layer: 1, classes: [[0], [a, 2]]}", r"heads\[0\].classes: must be an integer, got 'a'"),
        ("- {layer: 1, classes: [[0], [2]]}", r"heads\[0\].classes: class 1 is in none; pool every class of 0 to 2"),
        ("- {layer: 1, region: gone.npy}", r"heads\[0\].region: gone.npy is not a readable NumPy array"),
    ],
)
def test_bad_entries_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "heads.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_heads(path, 3)
