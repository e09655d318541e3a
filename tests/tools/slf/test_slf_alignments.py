"""Alignments as cells: computed once, both ends kept, l = 4 leaves the decoder alone; every figure runs on them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tools.figures.setting import write
from tools.slf import align_all, alignments, fedavg, fig2, pilots, sequence
from tools.slf.alignments import CHANNEL, Aligned, Conditions, Ends
from tools.slf.setting import Setting


@pytest.fixture
def strangers(setting: Setting) -> Ends:
    return Ends.strangers(setting, CHANNEL)


def align(setting: Setting, freeze: int) -> Aligned:
    return alignments.aligned(setting, CHANNEL, Ends.strangers(setting, CHANNEL), Conditions(freeze))


@pytest.mark.parametrize("freeze", [0, 2, 4])
def test_only_what_is_not_frozen_changes(setting: Setting, strangers: Ends, freeze: int) -> None:
    made = align(setting, freeze)
    changed = {k for k, v in made.ends.decoder.items() if not np.array_equal(v, strangers.decoder[k])}
    layers = {0: {"codebook", "layer1", "layer2", "layer3"}, 2: {"codebook", "layer1"}, 4: set()}[freeze]
    assert {name.split(".")[1] if "." in name else name for name in changed} == layers
    assert made.record["upload"]["tensor_bytes"] == sum(strangers.decoder[name].nbytes for name in changed)
    assert np.array_equal(made.ends.encoder["codebook"], made.ends.decoder["codebook"])


def test_a_cell_is_made_once_and_keeps_both_ends(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    first = align(setting, 2)
    monkeypatch.setattr(alignments, "_align", None)  # would fail if it were called
    again = align(setting, 2)
    assert again.ends.digests == first.ends.digests
    assert again.record == first.record
    with pytest.raises(TypeError):
        align(replace(setting, steps=3), 2)


def test_the_seed_and_the_assumed_probability_count(setting: Setting, strangers: Ends) -> None:
    cases = [Conditions(2), Conditions(2, seed=1), Conditions(2, assumed=0.5)]
    made = [alignments.aligned(setting, CHANNEL, strangers, case) for case in cases]
    assert len({one.ends.digests["encoder"] for one in made}) == 3


def test_tasks_of_a_seed_come_before_those_of_the_next(setting: Setting) -> None:
    seeds = [task.conditions.seed for task in align_all.tasks(replace(setting, seeds=3))]
    assert seeds == sorted(seeds)
    assert len(seeds) == 3 * (25 + 25 + 5)


def test_with_one_decoder_for_all_and_l_4_nobody_is_hurt(setting: Setting) -> None:
    entries = sequence.run(setting, 4, 0)
    partner = {entry["mse"] for entry in entries if entry["transmitter"] == "TX2"}
    assert len(partner) == 1
    moved = sequence.run(setting, 0, 0)
    kinds = {
        kind: {e["mse"] for e in moved if (e["transmitter"], e["decoder"]) == ("TX2", kind)}
        for kind in ("one for all", "one each")
    }
    assert len(kinds["one each"]) == 1
    assert len(kinds["one for all"]) > 2
    assert setting.skipped == ["slf-trx4: no such weight file; TX4 takes no part"]


def test_averaging_has_a_score_before_and_after_each_round(setting: Setting) -> None:
    assert len(fedavg.curve(setting, 0)) == fedavg.ROUNDS + 1
    cost = fedavg.budget(setting)
    assert cost.slf_bits == 8 * (114_648 + 20_556)
    assert cost.rounds_at_equal_bits == 1


def test_figure_2_shows_a_row_for_each_l(setting: Setting) -> None:
    found = fig2.lines(setting, CHANNEL, 0.0)
    assert [words for words, _ in found][:3] == ["sent", "misaligned", "SLF, l = 0"]
    assert {pictures.shape[0] for _, pictures in found} == {len(found[0][1])}
    mosaic = fig2.mosaic(found[0][1])
    assert mosaic.shape == (36, 36 * len(found[0][1]), 3)


def test_pilots_cover_as_often_as_they_say() -> None:
    told = pilots.coverage(1e-2)
    assert 0.93 < told["expected_percent"] / 100 < 0.97
    assert told["hold_the_truth"] >= 88  # 95 of 100, 3 sigma


def test_files_name_no_folder_of_this_machine(setting: Setting, tmp_path: Path) -> None:
    write(setting, "fig0", [{"mse": 0.1}], {}, ["a remark"])
    text = (tmp_path / "fig0.json").read_text()
    assert str(setting.data) not in text
    numbers = {"own_pictures": 40, "scored_pictures": 10, "steps": 2, "batch": 8}
    rate = "the paper's: 1e-3 for l = 0, else 1e-4"
    assert json.loads(text)["settings"] == {"seeds": [0], **numbers, "learning_rate": rate, "quick": False}
