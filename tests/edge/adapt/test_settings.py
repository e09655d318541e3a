from __future__ import annotations

from typing import Any

import pytest

from edge.adapt.errors import AdaptError
from edge.adapt.settings import DFT_ROUNDS, AdaptSettings


def test_settings_survive_json() -> None:
    settings = AdaptSettings(method="lsdft", steps=7, learning_rate=1e-4, denoise=True)
    assert AdaptSettings.from_json(settings.to_json()) == settings


def test_rounds_left_out_are_the_methods_own() -> None:
    assert AdaptSettings().codebook_rounds == DFT_ROUNDS
    assert AdaptSettings(rounds=0).codebook_rounds == 0
    assert AdaptSettings(method="lsdft").codebook_rounds == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "sft"),
        ("rounds", 101),
        ("steps", 0),
        ("steps", 1.5),
        ("batch", True),
        ("crop", 8),
        ("learning_rate", float("nan")),
        ("learning_rate", 0.0),
        ("codebook_rate", 1.1),
        ("validation", 1.0),
        ("checkpoint_steps", 0),
        ("seed", -1),
        ("denoise", 1),
        ("equivariance", -0.1),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(AdaptError, match=rf"^adapt\.{field}: must be [^\n]+$"):
        AdaptSettings(**{field: value})


def test_lsdft_with_rounds_and_dft_with_denoising_are_refused() -> None:
    with pytest.raises(AdaptError, match=r"adapt.rounds: lsdft freezes the codebooks.*got 3"):
        AdaptSettings(method="lsdft", rounds=3)
    with pytest.raises(AdaptError, match=r"adapt.denoise: dft has the originals"):
        AdaptSettings(denoise=True)


@pytest.mark.parametrize("text", ["", "[]", '{"stepz": 3}', "{"])
def test_json_that_is_no_settings_is_refused(text: str) -> None:
    with pytest.raises(AdaptError, match=r"^adapt: the settings "):
        AdaptSettings.from_json(text)
