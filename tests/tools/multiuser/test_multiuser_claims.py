"""Claims are judged on values: here on made-up ones whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tools.figures.results import Row, Verdict
from tools.multiuser import claims
from tools.multiuser.setting import SNRS_DB


def ended(**schemes: list[float]) -> dict[str, Any]:
    """A figure's document: where each scheme ended, by seed."""
    last = {name.replace("_", "-"): {str(i): db for i, db in enumerate(by_seed)} for name, by_seed in schemes.items()}
    return {"last_by_seed": last, "epochs": 30, "rows": []}


def verdicts(found: Any) -> dict[str, Verdict]:
    return {one.claim: one.verdict for one in found}


def test_done_1_is_judged_by_the_mean_over_seeds() -> None:
    document = ended(proposed=[20.0, 22.0, 21.0], iterative=[20.5, 20.0, 20.0], alone=[21.5, 21.5, 21.5])
    (found,) = claims.of_fig2(document)
    assert found.verdict == Verdict.MIXED
    assert "+0.83 dB over iterative (seeds -0.50 / 2.00 / 1.00); -0.50 dB over alone" in found.found
    document = ended(proposed=[22.0], iterative=[20.0], alone=[21.0])
    assert next(iter(claims.of_fig2(document))).verdict == Verdict.HOLDS


def test_seeds_are_paired_by_their_number() -> None:
    document = ended(proposed=[20.0, 30.0], alone=[10.0])
    document["last_by_seed"]["alone"] = {"1": 29.0}
    assert claims.leads(document, "proposed", "alone") == [1.0]


def test_a_scheme_that_is_missing_is_not_measured() -> None:
    (found,) = claims.of_fig2(ended(proposed=[20.0], alone=[19.0]))
    said = "+1.00 dB over alone (seeds 1.00), after 30 epochs; missing: iterative"
    assert (found.verdict, found.found) == (Verdict.NOT_MEASURED, said)


def test_convergence_is_where_the_better_of_the_others_ends() -> None:
    schemes = {"proposed": [15, 18, 20], "iterative": [10, 14, 16], "alone": [12, 15, 17]}
    rows = [{"scheme": name, "psnr_db": db} for name, curve in schemes.items() for db in curve]
    last = {name: {"0": float(curve[-1])} for name, curve in schemes.items()}
    found = {one.claim: one for one in claims.of_fig2({"rows": rows, "last_by_seed": last, "epochs": 3})}
    faster = found["proposed converges faster"]
    assert faster.verdict == Verdict.HOLDS
    assert faster.found == "reaches where the better of them ends after 2 of 3 epochs"


def test_what_was_tried_stands_beside_a_distillation_that_does_not_help() -> None:
    document = ended(
        proposed=[20.0], transfer=[21.0], distill=[19.5], transfer_frozen=[20.5], distill_continued=[20.75]
    )
    document["last_by_seed"]["distill, alpha 0.3"] = {"0": 20.25}
    document["teacher_by_seed"], document["continued_by_seed"] = {"0": 19.75}, {"0": 21.5}
    curves = {"proposed": [18.0, 19.0, 20.0], "distill": [18.5, 19.0, 19.5]}
    document["rows"] = [{"scheme": scheme, "psnr_db": db} for scheme, curve in curves.items() for db in curve]
    found = {one.claim: one for one in claims.of_fig3(document)}
    distilled = found["distillation ends above proposed"]
    assert distilled.verdict == Verdict.DOES_NOT_HOLD
    assert distilled.found.endswith(
        "; ahead at the end of 1 of 3 epochs; the teacher itself ended -0.25 dB from proposed; "
        "tried: distill, alpha 0.3 +0.25 dB"
    )
    continued = found["distillation by a teacher that was continued for as many epochs ends above proposed"]
    assert continued.verdict == Verdict.HOLDS
    assert continued.found.endswith("after 30 epochs; the teacher itself ended +1.50 dB from proposed")
    assert found["transfer is the highest"].verdict == Verdict.HOLDS
    assert found["distillation ends below transfer"].verdict == Verdict.HOLDS


def test_each_pair_that_was_tried_is_judged_by_itself() -> None:
    last = {"another rate": {"proposed": {"0": 20.0, "1": 21.0}, "distill": {"0": 20.5}}, "more": {"distill": {"0": 1}}}
    (found,) = claims.of_tried({"last_by_seed": last})
    assert (found.claim, found.verdict) == ("another rate: distill ends above proposed", Verdict.HOLDS)
    assert found.found == "+0.50 dB (seeds 0.50)"


def test_curves_over_snr() -> None:
    def curve(scheme: str, first_db: float, decoder: str = "low") -> list[Row]:
        return [
            {"set": "c", "scheme": scheme, "decoder": decoder, "snr_db": snr_db, "psnr_db": first_db + i}
            for i, snr_db in enumerate(SNRS_DB)
        ]

    rows = [*curve("high", 22, "high"), *curve("proposed", 20), *curve("iterative", 19.5)]
    rows += [*curve("alone", 19), *curve("iterative", 20, "high")]
    (lead,) = [one for one in claims.of_fig4({"rows": rows}) if one.claim == "c: proposed is above iterative and alone"]
    assert lead.found == "least lead over SNR in dB: iterative 0.500, alone 1.000"
    rows += [*curve("transfer", 21.1), *curve("distill", 21), *curve("distill-continued", 22.25)]
    rows += [*curve("continued", 22.5, "high")]
    rows += [*curve("shipped", 23, "high"), *curve("shipped", 22, "low"), *curve("shipped", 22.5, "lowest")]
    assert verdicts(claims.of_fig4({"rows": rows})) == {
        "c: every scheme rises with SNR": Verdict.HOLDS,
        "c: proposed is above iterative and alone": Verdict.HOLDS,
        "c: transfer and distillation are above proposed": Verdict.HOLDS,
        "c: the high decoder is above the low one trained alike": Verdict.HOLDS,
        "c: the high decoder, continued for as many epochs as they had, is above the low ones for its frozen encoder": (
            Verdict.HOLDS
        ),
        "c: the high decoder, as it was when the encoder froze, is above the low ones for its frozen encoder": (
            Verdict.MIXED
        ),
        "c: transfer and distillation are similar (within 0.2 dB)": Verdict.HOLDS,
        "c: both surpass proposed and iterative by a large margin (0.5 dB)": Verdict.HOLDS,
        "c: three decoders of one encoder, the stronger the better": Verdict.MIXED,
    }


def test_equal_epochs_and_equal_time_are_two_claims() -> None:
    def run(steps: int, psnr_db: float) -> dict[str, Any]:
        return {"run": "", "steps": steps, "psnr_db": psnr_db, "cpu_s": 600.0}

    found = list(claims.of_against({"ours": run(100, 25.0), "equal_epochs": run(100, 24.0)}))
    assert [one.verdict for one in found] == [Verdict.HOLDS, Verdict.NOT_MEASURED]
    found = list(claims.of_against({"ours": run(100, 25.0), "equal_time": run(300, 26.0)}))
    assert [one.verdict for one in found] == [Verdict.NOT_MEASURED, Verdict.DOES_NOT_HOLD]


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    printed = CliRunner().invoke(claims.main, [str(tmp_path)])
    assert printed.exit_code == 0
    assert printed.output.count("not measured") == len(claims.JUDGES)
