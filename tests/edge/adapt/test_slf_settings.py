from __future__ import annotations

from typing import Any

import pytest

from edge.adapt.errors import AdaptError
from edge.adapt.slf_settings import SlfSettings


def test_settings_survive_json() -> None:
    settings = SlfSettings(3, steps=7, learning_rate=1e-3, seed=5, classifier=True)
    assert SlfSettings.from_json(settings.to_json()) == settings
    assert SlfSettings.from_json(SlfSettings(2).to_json()) == SlfSettings(2)


def test_the_learning_rate_left_out_is_the_papers() -> None:
    assert [SlfSettings(frozen).rate for frozen in range(5)] == [1e-3, 1e-4, 1e-4, 1e-4, 1e-4]
    assert SlfSettings(0, learning_rate=0.5).rate == 0.5


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("freeze", 5),
        ("freeze", -1),
        ("freeze", 1.0),
        ("freeze", True),
        ("steps", 0),
        ("batch", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", "1e-3"),
        ("commitment", -0.1),
        ("commitment", None),
        ("checkpoint_steps", 0),
        ("seed", -1),
        ("pilots", 0),
        ("classifier", 1),
        ("shared", None),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(AdaptError, match=rf"^align\.{field}: must be [^\n]+$"):
        SlfSettings(**{"freeze": 2} | {field: value})


@pytest.mark.parametrize("text", ["", "[]", '{"steps": 3}', '{"freeze": 2, "stepz": 3}', "{"])
def test_json_that_is_no_settings_is_refused(text: str) -> None:
    with pytest.raises(AdaptError, match=r"^align: the settings "):
        SlfSettings.from_json(text)
