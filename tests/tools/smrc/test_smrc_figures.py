"""The figures' commands from end to end, on untrained weights: what they write, not what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from edge.codecs import weights
from tools.smrc import accounting, claims, fig7
from tools.smrc.fig8 import MODELS, fig8
from tools.smrc.fig9 import FIRST_DB, SECOND_DB, fig9
from tools.smrc.note_eta import note
from tools.smrc.setting import SNRS_DB, Setting, options


def written(setting: Setting, name: str, picture: bool = True) -> Any:
    document = json.loads((setting.out / f"{name}.json").read_text())
    assert (setting.out / f"{name}.csv").read_text().count("\n") == len(document["rows"]) + 1
    assert not picture or (setting.out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return document


def test_fig7_has_decoders_bound_three_layers_and_digital_codecs(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fig7, "SNRS_DB", (0.0,))
    fig7.fig7(setting)
    document = written(setting, "fig7")
    assert document["settings"] == {"seeds": [0, 1], "quick": False, "labelled": 12, "pictures": 2}
    symbols = {row["scheme"]: row["symbols"] for row in document["rows"]}
    assert {name: taken for name, taken in symbols.items() if "ldpc" not in name} == {
        "decoder 1": 20,
        "decoder 2": 40,
        "single head": 40,
        "L = 3: decoder 1": 20,
        "L = 3: decoder 2": 40,
        "L = 3: decoder 3": 60,
    }
    assert {"jpeg2000-ldpc, 40 channel uses", "jpeg2000-ldpc, 80 channel uses"} <= set(symbols)
    of_models = [row for row in document["rows"] if row["model"] == "smrc"]
    assert all(row["psnr_db_low"] < row["psnr_db"] < row["psnr_db_high"] for row in of_models)  # two models
    kept = sorted((setting.out / "cells").iterdir())
    fig7.fig7(setting)
    assert sorted((setting.out / "cells").iterdir()) == kept


def test_fig8_has_every_weighting_seed_and_layer(setting: Setting) -> None:
    fig8(setting)
    rows = written(setting, "fig8")["rows"]
    every = [(beta, seed, layer) for beta in MODELS.values() for seed in (0, 1) for layer in (1, 2)]
    assert [(row["weighting"], row["seed"], row["layer"]) for row in rows] == every
    for row in rows:
        assert row["recall"] == pytest.approx(sum(row[f"recall_{place}"] for place in range(5)) / 5, abs=1e-4)
        assert 0 <= row["precision"] <= 1


def test_fig9_compares_layers_over_the_same_channel(setting: Setting) -> None:
    fig9(setting)
    rows = written(setting, "fig9")["rows"]
    assert [(row["first_db"], row["second_db"]) for row in rows] == [(a, b) for b in SECOND_DB for a in FIRST_DB]
    for row in rows:
        assert row["lead"] == pytest.approx(row["layer_2"] - row["layer_1"], abs=2e-4)
    layer_1 = {(row["first_db"], row["layer_1"]) for row in rows}
    assert len(layer_1) == len(FIRST_DB)  # the second layer's gain is nothing to it
    assert [one.source for one in claims.claims(setting.out)] == ["Fig. 9, goal"]  # of whatever results there are


def test_a_missing_model_is_noted_not_fatal(setting: Setting) -> None:
    fig9(Setting({**setting.sets, "cifar": setting.sets["mnist"]}, setting.weights, 12, out=setting.out, seeds=1))
    document = written(setting, "fig9")
    assert {row["set"] for row in document["rows"]} == {"mnist"}
    assert document["skipped"] == ["smrc-cifar-s0.safetensors: no such file"]


def test_a_model_that_was_trained_again_is_scored_again(setting: Setting) -> None:
    test = setting.test("mnist")
    file = setting.weights / "smrc-mnist-s0.safetensors"
    copy = setting.out / file.name
    copy.write_bytes(file.read_bytes())
    first = setting.scores(copy, test, 0, [0.0])
    copy.write_bytes((setting.weights / "smrc-mnist-s1.safetensors").read_bytes())
    assert setting.scores(copy, test, 0, [0.0]) != first


def test_eta_is_what_a_sub_block_costs_over_the_difference_of_single_heads() -> None:
    reached = {10.0: 14.0, 20.0: 16.0, 40.0: 18.0}  # 2 dB a doubling
    heads = [{"psnr_db": 15.0, "symbols": 20}, {"psnr_db": 17.0, "symbols": 40}]
    found = accounting.etas(heads, reached)
    one, two = 10 * 2**0.5, 20 * 2**0.5
    assert found["single_1"] == pytest.approx(one, abs=1e-4)
    assert found["eta_1"] == pytest.approx(20 / one, abs=1e-4)
    assert found["eta"] == pytest.approx(20 / (two - one), abs=1e-4)


def test_strategies_cost_what_sizes_and_rates_of_the_scenario_say() -> None:
    rates = accounting.scenarios_rates()
    assert rates == pytest.approx([1 / 3, 1 / 2])
    costs = accounting.ours([{"single_1": 18.0, "single_2": 36.0}, {"single_1": 20.0, "single_2": 40.0}], rates)
    assert costs.each_tier == pytest.approx(19 * 3 + 38 * 2)
    assert costs.best_to_all == pytest.approx(38 * 3)
    assert costs.layered == pytest.approx(20 * 3 + 20 * 2)


def test_accounting_notes_what_no_single_head_reaches_and_keeps_the_papers_example(setting: Setting) -> None:
    accounting.accounting(setting)  # untrained: a larger single head is no better
    document = written(setting, "accounting", picture=False)
    assert len(document["rows"]) + len(document["skipped"]) == 2 * len(SNRS_DB)
    assert document["example"]["each_tier"] == pytest.approx(21)


def test_eta_goes_into_a_weight_file_and_leaves_its_tensors(setting: Setting) -> None:
    file = setting.out / "copy.safetensors"
    file.write_bytes((setting.weights / "smrc-mnist-s0.safetensors").read_bytes())
    results = setting.out / "accounting.json"
    results.write_text(json.dumps({"eta": {"by_layer": [1.25]}}))
    done = CliRunner().invoke(note, [str(results), str(file)])
    assert done.exit_code == 0, done.output
    about = weights.read_metadata(file)
    assert json.loads(about.pop("eta")) == {"by_layer": [1.25]}
    assert about == weights.read_metadata(setting.weights / "smrc-mnist-s0.safetensors")
    results.write_text("{}")
    assert "accounting.json: has no eta" in CliRunner().invoke(note, [str(results), str(file)]).output


def test_the_command_wants_a_set(setting: Setting) -> None:
    arguments = ["--weights", str(setting.weights), "--out", str(setting.out)]
    done = CliRunner().invoke(options(fig9), arguments)
    assert done.exit_code == 2
    assert "neither --mnist nor --cifar is given" in done.output
