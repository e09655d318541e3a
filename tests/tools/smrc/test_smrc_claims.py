"""Claims are judged on values: here on made-up ones whose answer is known."""

from __future__ import annotations

from typing import Any

from tools.figures.results import Row, Verdict
from tools.smrc import claims
from tools.smrc.setting import SNRS_DB


def curve(scheme: str, quality: list[float], same: float = 0.0, **more: object) -> list[Row]:
    """same: what the few pictures of the baselines have more."""
    return [
        {"set": "mnist", "scheme": scheme, "snr_db": snr_db, "psnr_db": psnr_db, "psnr_same_db": psnr_db + same, **more}
        for snr_db, psnr_db in zip(SNRS_DB, quality, strict=True)
    ]


def test_gains_losses_and_leads_are_read_off_the_curves() -> None:
    rows = [
        *curve("decoder 1", [16, 17, 18, 19, 20], same=-4.0, model="smrc", symbols=20),
        *curve("decoder 2", [17.4, 19, 20, 21, 22], same=-4.0, model="smrc", symbols=40),
        *curve("single head", [17.5, 19.2, 20.3, 21.4, 22.5], model="bound", symbols=40),
        *curve("decoder 1, trained for each SNR", [16.4, 17, 18, 19, 20], model="smrc-snr", symbols=20),
        *curve("decoder 2, trained for each SNR", [18.0, 19, 20, 21, 22], model="smrc-snr", symbols=40),
        *curve("hevc-ldpc, 40 channel uses", [11, 11, 12, 13, 15], model="digital", symbols=40),
        *curve("jpeg2000-ldpc, 40 channel uses", [11, 11, 12, 13, 17], model="digital", symbols=40),
        *curve("hevc-ldpc, 80 channel uses", [11, 14, 17, 19, 22], model="digital", symbols=80),
    ]
    assert [one.verdict for one in claims.of_fig7(rows)] == [
        Verdict.HOLDS,  # decoder 2 beats decoder 1
        Verdict.MIXED,  # by 1.5 dB, not at 0 dB
        Verdict.HOLDS,  # within 0.5 dB of the bound
        Verdict.HOLDS,  # with models for each SNR decoder 2 beats decoder 1
        Verdict.HOLDS,  # by 1.5 dB
        Verdict.MIXED,  # decoder 1, on the baselines' pictures, loses at 12 dB to the better codec
        Verdict.HOLDS,
        Verdict.MIXED,
        Verdict.MIXED,
    ]


def test_three_layers_are_judged_against_each_other_alone() -> None:
    layers = [curve(f"L = 3: decoder {1 + step}", [16.0 + step] * 5, model="l3", symbols=20) for step in range(3)]
    found = list(claims.of_fig7([row for rows in layers for row in rows]))
    assert [one.verdict for one in found] == [Verdict.HOLDS]
    worse = curve("L = 3: decoder 3", [16.5] * 5, model="l3", symbols=20)
    assert [one.verdict for one in claims.of_fig7([*layers[0], *layers[1], *worse])] == [Verdict.MIXED]


def weighted(beta: str, seed: int, recall: float, precision: float) -> list[Row]:
    """Layer 1 has 0.95 of both."""
    common = {"weighting": beta, "seed": seed}
    return [
        {**common, "layer": 1, "recall": 0.95, "precision": 0.95},
        {**common, "layer": 2, "recall": recall, "precision": precision},
    ]


def test_the_four_statements_are_judged_seed_by_seed() -> None:
    as_the_paper = [
        *weighted("beta_1", 0, 0.99, 0.60),
        *weighted("beta_2", 0, 0.98, 0.96),
        *weighted("beta_3", 0, 0.97, 0.98),
    ]
    assert {one.verdict for one in claims.of_fig8(as_the_paper)} == {Verdict.HOLDS}
    otherwise = [
        *weighted("beta_1", 1, 0.97, 0.96),
        *weighted("beta_2", 1, 0.98, 0.95),
        *weighted("beta_3", 1, 0.99, 0.94),
    ]
    found = [one.verdict for one in claims.of_fig8(otherwise)]
    assert found == [Verdict.DOES_NOT_HOLD] * 6 + [Verdict.HOLDS, Verdict.DOES_NOT_HOLD]
    found = [one.verdict for one in claims.of_fig8([*as_the_paper, *otherwise])]
    assert found == [Verdict.MIXED] * 6 + [Verdict.HOLDS, Verdict.MIXED]
    assert list(claims.of_fig8(as_the_paper[:4])) == []  # without beta_3 nothing is said


def test_fig9_goes_by_the_mean_over_seeds_and_names_the_worst_point_of_one() -> None:
    common: dict[str, Any] = {"set": "mnist", "second_db": 0.0, "seeds": 3}
    rows = [
        {**common, "first_db": 0.0, "lead": 0.08, "lead_low": 0.06},
        {**common, "first_db": 15.0, "lead": 0.002, "lead_low": -0.001},
    ]
    (found,) = claims.of_fig9(rows)
    assert found.verdict == Verdict.HOLDS
    assert found.found == ("ahead by 0.2 to 8.0 points, mean of 3 seeds; least in one seed -0.1 (gains 15 and 0 dB)")
    (found,) = claims.of_fig9([*rows, {**common, "first_db": 12.0, "lead": -0.002, "lead_low": -0.003}])
    assert found.verdict == Verdict.MIXED


def test_accounting_has_the_example_and_ours() -> None:
    document: dict[str, Any] = {
        "example_at_eta_1": {"each_tier": 21.0, "best_to_all": 18.0, "layered": 3 + 23 / 3},
        "example": {"layered": 11.05},
    }
    assert [one.verdict for one in claims.of_accounting(document)] == [Verdict.HOLDS]
    document["eta"] = {"by_layer": [1.2], "lowest": 1.1, "highest": 1.3}
    document["ours"] = {"each_tier": 133.0, "best_to_all": 114.0, "layered": 100.0}
    found = [one.verdict for one in claims.of_accounting(document)]
    assert found == [Verdict.HOLDS, Verdict.DOES_NOT_HOLD, Verdict.HOLDS]
