"""The procedures as configurations."""

from __future__ import annotations

import pytest

from edge.train.multiuser import PROCEDURES, Procedure, configured


def test_which_procedures_train_what() -> None:
    assert PROCEDURES == ("alone", "iterative", "proposed", "transfer", "transfer-frozen", "distill", "continued")
    plans = {name: configured(name) for name in PROCEDURES}
    assert [name for name, plan in plans.items() if plan.encoder] == ["alone", "iterative"]
    assert [name for name, plan in plans.items() if plan.taught] == [
        "proposed",
        "transfer",
        "transfer-frozen",
        "distill",
        "continued",
    ]
    assert [name for name, plan in plans.items() if plan.transfer] == ["transfer", "transfer-frozen"]
    assert [name for name, plan in plans.items() if plan.freeze] == ["transfer-frozen"]
    assert {name: plan.alpha for name, plan in plans.items() if plan.alpha} == {"distill": 1.0}
    assert [name for name, plan in plans.items() if plan.continued] == ["continued"]
    assert plans["iterative"].decoders == ("high", "low")


def test_the_decoder_of_interest_comes_last() -> None:
    assert configured("alone", "high").decoders == ("high",)
    assert configured("iterative", "lowest").decoders == ("high", "lowest")
    assert configured("distill", "lowest", 0.25) == Procedure(("lowest",), encoder=False, alpha=0.25)


@pytest.mark.parametrize(
    ("name", "decoder", "alpha", "message"),
    [
        ("together", "low", None, "procedure: must be one of alone, .*, got 'together'"),
        ("alone", "middle", None, "decoders: no decoder is called 'middle'"),
        ("iterative", "high", None, "decoder: 'iterative' trains 'high' beside the one of interest"),
        ("alone", "low", 1.0, "alpha: 'alone' does not distil"),
        ("distill", "low", -1.0, "alpha: must be finite and at least 0, got -1"),
    ],
)
def test_what_makes_no_procedure_is_refused(name: str, decoder: str, alpha: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configured(name, decoder, alpha)


def test_decoders_differ() -> None:
    for decoders in ((), ("low", "low")):
        with pytest.raises(ValueError, match="decoders: must be one or more different ones"):
            Procedure(decoders, encoder=True)
