"""Claims are judged on values: here on made-up ones whose answer is known."""

from __future__ import annotations

from typing import Any

from tools.figures.results import Row, Verdict
from tools.split import claims, fig8, sockets
from tools.split.setting import SNRS_DB


def curve(scheme: str, k: int, quality: list[float], **more: object) -> list[Row]:
    return [
        {"scheme": scheme, "symbols": k, "snr_db": snr_db, "psnr_db": psnr_db, **more}
        for snr_db, psnr_db in zip(SNRS_DB, quality, strict=True)
    ]


def test_leads_and_cliffs_are_read_off_the_curves() -> None:
    rows = [
        *curve("split", 64, [17, 19, 20, 21, 21.5], trained_db=20),
        *curve("hevc-ldpc", 64, [14, 14, 18, 20, 21]),
        *curve("split, unequal protection", 64, [10, 10, 10, 10, 10]),
        *curve("split", 128, [17, 20.5, 21, 22, 22.5], trained_db=20),
        *curve("hevc-ldpc", 128, [14, 19, 20.9, 23, 24]),
    ]
    found = {one.claim: one.verdict for one in claims.of_fig7(rows)}
    assert found == {
        "K = 64: Split, trained at 20 dB, beats the digital baseline": Verdict.HOLDS,
        "K = 64: and does so at every SNR from 0 to 20 dB": Verdict.HOLDS,
        "K = 64: PSNR falls by less than 3 dB per 5 dB of SNR": Verdict.HOLDS,
        "K = 128: Split, trained at 20 dB, beats the digital baseline": Verdict.MIXED,
        "K = 128: and does so at every SNR up to 10 dB": Verdict.HOLDS,
        "K = 128: PSNR falls by less than 3 dB per 5 dB of SNR": Verdict.DOES_NOT_HOLD,
        "the narrower, the larger the lead": Verdict.HOLDS,
    }
    assert [one.verdict for one in claims.of_unequal(rows)] == [Verdict.HOLDS]


def test_a_cliff_of_one_mapper_is_told_apart_from_the_best_at_each_snr() -> None:
    rows = [
        *curve("split", 64, [15, 18.5, 20, 21, 21.5], trained_db=20),
        *curve("split", 64, [17, 18, 19, 19, 19], trained_db=0),
        *curve("hevc-ldpc", 64, [14, 14, 18, 20, 21]),
    ]
    (found,) = [one for one in claims.of_fig7(rows) if "falls" in one.claim]
    assert found.verdict == Verdict.MIXED
    assert "trained at 20 dB: 3.50, trained at 0 dB: 1.00, the best at each SNR: 1.50; the baseline 4.00" in found.found


def test_the_best_training_is_named_for_each_snr() -> None:
    rows = [
        *curve("split", 64, [17, 19, 20, 21, 21.5], trained_db=20),
        *curve("split", 64, [18, 19.5, 20, 20, 20], trained_db=10),
        *curve("split", 64, [19, 19, 19, 19, 19], trained_db=0),
    ]
    (found,) = claims.of_trainings(rows)
    assert found.verdict == Verdict.MIXED
    assert found.found.startswith("0 dB: trained at 0, 5 dB: trained at 10, 10 dB: trained at 20")


def test_levels_are_judged_for_each_mapper_at_its_own_snr() -> None:
    falling = {f"ber_{level}": 0.3 - 0.02 * level for level in range(10)}
    own = {"symbols": 128, "trained_db": 20, "snr_db": 20.0, "rank_correlation": 1.0, "not_increasing": True}
    other = {**own, "symbols": 64, "rank_correlation": 0.8, "not_increasing": False}
    elsewhere = {**own, "snr_db": 0.0, "rank_correlation": -1.0, "not_increasing": False}
    found = [one.verdict for one in claims.of_levels([{**row, **falling} for row in (own, other, elsewhere)])]
    assert found == [Verdict.MIXED, Verdict.MIXED, Verdict.HOLDS]


def test_the_price_of_the_interface_is_between_the_best_trainings() -> None:
    rows = [
        *curve("split", 128, [17, 19, 20, 21, 21], trained_db=20),
        *curve("split", 128, [18, 19, 20, 20, 20], trained_db=0),
        *curve("deepjscc", 128, [19, 21, 22, 23, 24], trained_db=20),
    ]
    assert fig8.envelope(rows, 128)["price_of_the_interface_db"] == {0.0: 1, 5.0: 2, 10.0: 2, 15.0: 2, 20.0: 3}


def test_a_run_sends_the_same_pictures_after_each_change_of_the_bearer() -> None:
    steps: list[Any] = [({}, {"bits": "levels"}), ({}, {"bits": {"unequal": {"symbols": 64, "snr_db": 5}}})]
    made = sockets.scenario({"name": "split"}, steps, 3, 0)
    assert [next(iter(step)) for step in made["workload"]] == ["transmit", "set_link", "transmit"]
    assert made["links"][-1]["bearers"] == {"bits": "levels"}
    assert made["workload"][1]["set_link"]["bearers"] == steps[1][1]


def test_a_generated_scenario_is_a_valid_one(tmp_path: Any) -> None:
    import json

    from emulator.topology.loading import load

    codec = {"name": "jpeg2000", "budget_bits": 400, "size": "32x32", "shrink": "best"}
    coded = {"opaque": {"ldpc": {"order": 16, "code_rate": 0.5, "snr_db": 5.0}}}
    path = tmp_path / "curve.yaml"
    path.write_text(json.dumps(sockets.scenario(codec, [({}, coded)] * 2, 3, 0)))
    assert load(path)
