"""What the page and the terminal say of layers."""

from __future__ import annotations

from factory import Shape, make

from emulator.report.layer_words import multicast_words
from emulator.report.layers import draw_multicasts
from emulator.report.markup import join
from emulator.report.schema import LayerUse, MulticastReport, NodeReport, Report, TierUse

FAR = TierUse(receivers=["far"], highest_level=0, rate=1 / 3, symbols=20)
NEAR = TierUse(receivers=["near"], highest_level=1, rate=1 / 2, symbols=40)


def multicast(**more: object) -> MulticastReport:
    fields: dict[str, object] = {
        "step": 0,
        "link": "air",
        "session": "ap->far,near",
        "pictures": 5,
        "levels": [
            LayerUse(level=0, head="h11", receivers=["far", "near"], rate=1 / 3, symbols=20, channel_uses=60),
            LayerUse(level=1, head="meaning", receivers=["near"], rate=1 / 2, symbols=20, channel_uses=40),
        ],
        "tiers": [FAR, NEAR],
        "measured": 100,
        "layered": 100,
        "each_tier": 132,
        "best_to_all": 108,
    }
    return MulticastReport.model_validate(fields | more)


COUNTED = {
    "etas": [1, 1.25],
    "each_tier_measured": 140,
    "each_tier_steps": [1, 2],
    "best_to_all_measured": 120,
    "best_to_all_step": 3,
}


def test_what_was_counted_stands_before_what_the_formula_gives() -> None:
    assert multicast_words(multicast(**COUNTED)) == (
        "step 0, air: 100 channel uses a picture in layers (c); with an encoding for each tier (a) 140 counted in "
        "steps 1 and 2, 132 by the formula with eta = 1.000, 1.250; with the best for all (b) 120 counted in step 3, "
        "108 by the formula with eta = 1.000, 1.250"
    )


def test_without_such_steps_the_formula_alone_and_for_one_tier_no_comparison() -> None:
    assert "tier (a) 132 by the formula with eta = 1; with" in multicast_words(multicast())
    assert multicast_words(multicast(tiers=[FAR], measured=60)) == "step 0, air: 60 channel uses a picture to far"


def report(*rows: MulticastReport) -> Report:
    nodes = [
        NodeReport(name="ap", role="tx", pictures_encoded=5, parts=["head h11", "head meaning"]),
        NodeReport(name="far", role="rx", messages_decoded=5, parts=["decoder h11", "extractor h11"]),
        NodeReport(name="near", role="rx", messages_decoded=5),
    ]
    made = make(Shape(receivers=1)).report
    return made.model_copy(update={"multicasts": list(rows), "nodes": nodes})


def test_the_page_compares_strategies_and_says_who_holds_what() -> None:
    page = str(join(draw_multicasts(report(multicast(**COUNTED), multicast(step=1, tiers=[FAR], measured=60)))))
    assert page.count("(a) each tier its own, counted") == 1
    for cell in ("140.0", "120.0", "100.0", "132.0", "108.0", "eta = 1.000, 1.250"):
        assert f">{cell}<" in page
    for cell in ("meaning", "decoder h11, extractor h11"):
        assert f">{cell}<" in page
    assert "5 pictures encoded for 10 decodings" in page


def test_a_page_of_steps_of_one_tier_has_no_table_of_strategies() -> None:
    page = str(join(draw_multicasts(report(multicast(tiers=[FAR], measured=60)))))
    assert "(a) each tier" not in page
    assert "60 channel uses a picture to far" in page
