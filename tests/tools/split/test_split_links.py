from __future__ import annotations

import numpy as np
import pytest

from edge.segment import Segment
from tools.split import curves, links
from tools.split.curves import Source
from tools.split.setting import Setting


@pytest.fixture
def source(setting: Setting) -> Source:
    return curves.split_source(setting, setting.scored())


def wrong(sent: list[Segment], received: list[Segment]) -> list[float]:
    return [float(np.mean(a.values != b.values)) for a, b in zip(sent, received, strict=True)]


def test_the_medium_has_the_announced_error_rates(source: Source) -> None:
    link = links.medium(source.asked)
    rates = np.mean([wrong(source.sent[0], link(source.sent[0], seed, 0)) for seed in range(200)], axis=0)
    expected = np.array(links.PAPERS_BERS)
    band = 4 * np.sqrt(expected * (1 - expected) / (200 * 128))  # 4 sigma over 200 times 128 bits of a level
    assert (np.abs(rates - expected) < band).all()


@pytest.mark.parametrize("make", ["learned", "unequal", "medium"])
def test_a_link_is_a_function_of_seed_and_message(make: str, setting: Setting, source: Source) -> None:
    file = setting.mapper(64, 20)
    assert file is not None
    link = {
        "learned": lambda: links.learned(file, 0.0),
        "unequal": lambda: links.unequal(64, 0.0, source.asked),
        "medium": lambda: links.medium(source.asked),
    }[make]()
    sent = source.sent[0]
    first = [one.values for one in link(sent, 0, 0)]
    assert all(np.array_equal(a, b.values) for a, b in zip(first, link(sent, 0, 0), strict=True))
    for seed, message in ((1, 0), (0, 1)):
        assert any((a != b.values).any() for a, b in zip(first, link(sent, seed, message), strict=True))


def test_a_level_can_be_taken_away(source: Source) -> None:
    received = links.without(3, links.perfect)(source.sent[0], 0, 0)
    assert [one.present is not None and not one.present.any() for one in received] == [i == 3 for i in range(10)]


def test_levels_that_unequal_protection_does_not_send_count_as_half_wrong(source: Source) -> None:
    passage = source.passage(links.unequal(64, 10.0, source.asked), 0)
    assert passage["bers"][0] == 0.5  # the least reliable level is the first to go
    assert passage["bers"][9] < 0.5


def test_passages_are_kept_and_made_only_once(setting: Setting) -> None:
    pictures = setting.scored()
    rows = curves.split_learned(setting, curves.split_source(setting, pictures), [64], [20])
    assert [row["snr_db"] for row in rows] == [0.0, 5.0, 10.0, 15.0, 20.0]
    kept = sorted((setting.out / "cells").iterdir())
    assert len(kept) == 5 * setting.seeds
    again = curves.split_learned(setting, curves.split_source(setting, pictures), [64], [20])
    assert again == rows
    assert sorted((setting.out / "cells").iterdir()) == kept


def test_missing_weights_are_noted_not_fatal(setting: Setting) -> None:
    assert curves.split_learned(setting, curves.split_source(setting, setting.scored()), [128], [20]) == []
    assert setting.skipped == ["mapper-k128-snr20.safetensors: no such file"]
