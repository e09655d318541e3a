"""Verdicts are computed from values: here from made-up ones whose answer is known."""

from __future__ import annotations

from typing import Any

import pytest

from tools.figures.results import Verdict
from tools.slf import fig3, paper, sequence, table1
from tools.slf.alignments import MISALIGNED


def entries(panel: str, spread_at: dict[float, float], seed: int) -> list[dict[str, Any]]:
    """MSE 0.1 at l = 0, larger by the spread at l = 4; 0.5 without alignment."""
    found: list[dict[str, Any]] = []
    for point, spread in spread_at.items():
        values = {freeze: 0.1 + spread * freeze / 4 for freeze in paper.LAYERS}
        for freeze, mse in {MISALIGNED: 0.5, **values}.items():
            one = {"panel": panel, "point": point, "freeze": freeze, "seed": seed}
            found.append({**one, "mse": mse, "accuracy": 1 - mse})
    return found


CLOSER = {1e-5: 0.05, 1e-4: 0.04, 1e-3: 0.03, 1e-2: 0.02, 1e-1: 0.01}


def test_freezing_costs_less_near_the_training_crossover_where_the_spread_says_so() -> None:
    claim = "freezing costs less near RX2's training eps: mse, l = 4 against 0"
    mirrored = dict(zip(CLOSER, reversed(CLOSER.values()), strict=True))
    assert fig3.verdicts(entries("channel", CLOSER, 0))[claim]["verdict"] == Verdict.HOLDS
    assert fig3.verdicts(entries("channel", mirrored, 0))[claim]["verdict"] == Verdict.DOES_NOT_HOLD
    both = [*entries("channel", CLOSER, 0), *entries("channel", mirrored, 1)]
    assert fig3.verdicts(both)[claim]["verdict"] == Verdict.MIXED
    assert fig3.verdicts([])[claim]["verdict"] == Verdict.NOT_MEASURED


def test_the_spread_must_be_least_at_the_end_and_ordered_on_the_way() -> None:
    shrinking = dict(zip(paper.MIXTURES, (0.05, 0.04, 0.03, 0.02, 0.01), strict=True))
    assert fig3.shrinks(shrinking, float)
    assert not fig3.shrinks({**shrinking, 0.25: 0.005}, float)  # less before the end
    assert not fig3.shrinks(dict.fromkeys(paper.MIXTURES, 0.02), float)  # flat
    assert fig3.shrinks({**shrinking, 1.0: -0.01}, float)  # where freezing helps, it costs least


def test_a_cost_has_a_sign_and_a_spread_has_none() -> None:
    layers = {0: 0.17, 1: 0.15, 4: 0.155}
    assert fig3.cost(0, 4, 1.0)(layers) == pytest.approx(-0.015)
    assert fig3.cost(1, 4, 1.0)(layers) == pytest.approx(0.005)
    assert fig3.cost(1, 4, -1.0)(layers) == pytest.approx(-0.005)  # of an accuracy
    assert fig3.spread(layers) == pytest.approx(0.02)


def test_gains_are_against_doing_nothing_in_the_same_seed() -> None:
    rows = fig3.rows([*entries("channel", {1e-5: 0.0}, 0), *entries("channel", {1e-5: 0.1}, 1)])
    last = next(row for row in rows if row["freeze"] == 4)
    assert last["mse_cut_percent"] == pytest.approx(70.0)  # 0.5 -> 0.1 and 0.5 -> 0.2
    assert last["accuracy_gain_points"] == pytest.approx(35.0)
    assert (last["mse_low"], last["mse_high"]) == (0.1, 0.2)
    assert "mse_cut_percent" not in next(row for row in rows if row["freeze"] == MISALIGNED)


def record(kb: float, flops: float) -> dict[str, Any]:
    payloads = {"download": {"tensor_bytes": 114648, "file_bytes": 115300}}
    return {**payloads, "upload": {"tensor_bytes": int(1000 * kb), "file_bytes": 1}, "flops": flops, "cpu_s": 20.0}


def test_costs_are_bits_over_rate_and_operations_over_speed() -> None:
    found = table1.costs(record(20.6, 6e13))
    assert found["download_s"] == pytest.approx(0.458592)
    assert found["upload_s"] == pytest.approx(0.0824)
    assert found["tuning_s"] == pytest.approx(2.0)
    assert found["recovery_s"] == pytest.approx(2.540992)
    assert found["recovery_here_s"] == pytest.approx(20.540992)


def test_table_i_beside_the_papers() -> None:
    uploads, mses = (114.6, 78.3, 20.6, 1.0, 0.0), (0.01, 0.02, 0.03, 0.04, 0.05)
    made = [
        {"freeze": freeze, "seed": 0, **table1.costs(record(kb, (9 - freeze) * 1e12)), "mse": mse, "accuracy": 0.9}
        for freeze, kb, mse in zip(paper.LAYERS, uploads, mses, strict=True)
    ]
    rows, told = table1.rows(made), table1.verdicts(made)
    assert [row["paper_recovery_s"] for row in rows] == [3.542, 2.900, 2.144, 2.144, 2.026]
    assert told["MSE does not fall with l"] == told["operations do not grow with l"] == Verdict.HOLDS
    assert told["upload within 10 % of the paper's"] == "l = 0: yes, l = 1: yes, l = 2: yes, l = 3: no, l = 4: yes"
    made[2]["mse"] = 0.019
    assert table1.verdicts(made)["MSE does not fall with l"] == Verdict.DOES_NOT_HOLD


def test_small_steps_back_do_not_count() -> None:
    assert table1.rises([1.0, 0.995, 1.2])
    assert not table1.rises([1.0, 0.98, 1.2])
    assert table1.falls([3.0, 3.0, 1.0])
    assert not table1.falls([3.0, 3.1])
    assert table1.loses([0.97, 0.955, 0.958, 0.95])
    assert not table1.loses([0.97, 0.95, 0.96])
    assert not table1.loses([0.97, 0.97])


def test_the_papers_times_are_its_payloads_over_its_rate() -> None:
    for column in paper.TABLE_1:
        assert column.download_s == pytest.approx(8e3 * column.download_kb / paper.RATE_BPS)
        assert column.upload_s == pytest.approx(8e3 * column.upload_kb / paper.RATE_BPS)
        assert column.recovery_s == pytest.approx(column.download_s + column.tuning_s + column.upload_s, abs=0.002)


def test_harm_is_what_others_did_after_ones_own_alignment() -> None:
    def row(stage: int, after: str, transmitter: str, mse: float) -> dict[str, Any]:
        one = {"freeze": 2, "decoder": "one for all", "stage": stage, "after": after}
        return {**one, "transmitter": transmitter, "mse": mse}

    own = [("nobody", 0.9), ("TX1", 0.1), ("TX3", 0.4), ("TX1 again, l = 4", 0.2)]
    partner = [("nobody", 0.1), ("TX1", 0.2), ("TX3", 0.5), ("TX1 again, l = 4", 0.5)]
    rows = [row(stage, after, "TX1", mse) for stage, (after, mse) in enumerate(own)]
    rows += [row(stage, after, "TX2", mse) for stage, (after, mse) in enumerate(partner)]
    told = {(one["transmitter"], one["times"]) for one in sequence.harm(rows)}
    assert told == {("TX1", 4.0), ("TX2", 5.0)}
