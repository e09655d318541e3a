"""The figures' commands from end to end, on untrained weights and made-up curves: what they write and leave out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.multiuser.against import against
from tools.multiuser.convergence import leads
from tools.multiuser.decoders import decoders
from tools.multiuser.fig2 import fig2
from tools.multiuser.fig3 import fig3
from tools.multiuser.fig4 import fig4
from tools.multiuser.fig5 import fig5
from tools.multiuser.scoring import Trained
from tools.multiuser.setting import SCHEMES, SNRS_DB, Setting, middle
from tools.multiuser.tried import tried

Curve = Callable[[str, int, Sequence[float]], None]


def made(figure: Callable[[Setting], None], setting: Setting) -> dict[str, Any]:
    """Runs it; its JSON, after a look at the CSV and the picture beside it."""
    figure(setting)
    name = setting.out / figure.__name__
    document: dict[str, Any] = json.loads(name.with_suffix(".json").read_text())
    assert name.with_suffix(".csv").read_text().count("\n") == len(document["rows"]) + 1
    assert name.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    return document


def of_curves(setting: Setting, tmp_path: Path) -> Setting:
    return replace(setting, weights=tmp_path / "curves")


def test_courses_are_means_over_the_seeds_that_there_are(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    for seed, psnr_db in ((0, [10.0, 12.0]), (1, [11.0, 15.0])):
        curve("f-proposed", seed, psnr_db)
    curve("f-alone", 0, [9.0, 10.0])
    document = made(fig2, of_curves(setting, tmp_path))
    proposed = [row for row in document["rows"] if row["scheme"] == "proposed"]
    assert [(row["epoch"], row["psnr_db"], row["psnr_low_db"], row["seeds"]) for row in proposed] == [
        (1, 10.5, 10.0, 2),
        (2, 13.5, 12.0, 2),
    ]
    assert document["last_by_seed"] == {"proposed": {"0": 12.0, "1": 15.0}, "alone": {"0": 10.0}}
    assert "f-alone-s1.json: no such file" in document["skipped"]
    assert "f-iterative-s0.json: no such file" in document["skipped"]


def test_schemes_are_compared_at_equal_epochs(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    curve("f-proposed", 0, [10.0, 11.0, 12.0])
    curve("f-transfer", 0, [13.0, 14.0])
    curve("f-distill-a0.3", 0, [10.0, 13.0])
    document = made(fig3, of_curves(setting, tmp_path))
    assert document["epochs"] == 2
    assert document["last_by_seed"] == {
        "proposed": {"0": 11.0},
        "transfer": {"0": 14.0},
        "distill, alpha 0.3": {"0": 13.0},
    }
    assert "proposed: 3 epochs, shown up to 2" in document["remarks"]


def test_leads_are_of_paired_seeds(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    for seed, psnr_db in ((0, 10.0), (1, 20.0)):
        curve("f-proposed", seed, [psnr_db] * 6)
    curve("f-alone", 1, [19.0] * 5 + [21.0])
    rows = made(fig2, of_curves(setting, tmp_path))["rows"]
    ahead = {(row["scheme"], row["epoch"]): row["over_proposed_db"] for row in rows}
    assert (ahead["alone", 1], ahead["alone", 6], ahead["proposed", 6]) == (-1.0, 1.0, 0.0)
    assert [(one.label, one.x) for one in leads(rows)] == [("proposed", [5.0, 6.0]), ("alone", [5.0, 6.0])]


def test_where_the_teacher_ended_is_told(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    curve("f-proposed", 0, [10.0, 11.0])
    curve("f-high", 0, [11.0, 12.5, 13.0])
    curve("f-continued", 0, [13.0, 13.5])
    document = made(fig3, of_curves(setting, tmp_path))
    assert (document["teacher_by_seed"], document["continued_by_seed"]) == ({"0": 12.5}, {"0": 13.5})


def test_what_was_tried_is_compared_pair_by_pair(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    curve("t-learning_rate_5e-4-proposed", 0, [10.0, 11.0])
    curve("t-learning_rate_5e-4-distill", 0, [10.5, 11.5])
    curve("t-taught_by_more-distill", 1, [12.0])
    document = made(tried, of_curves(setting, tmp_path))
    assert document["last_by_seed"] == {
        "learning rate 5e-4": {"proposed": {"0": 11.0}, "distill": {"0": 11.5}},
        "taught by more": {"distill": {"1": 12.0}},
    }
    assert "t-taught_by_more-proposed-s0.json: no such file" in document["skipped"]


def test_a_run_that_is_not_finished_is_left_out(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    curve("f-proposed", 0, [10.0, 11.0])
    path = tmp_path / "curves" / "f-proposed-s0.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"points": document["points"][:1]}))
    found = made(fig2, of_curves(setting, tmp_path))
    assert found["rows"] == []
    assert "f-proposed-s0.json: not finished" in found["skipped"]


def test_a_curve_at_another_snr_is_refused(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    curve("f-proposed", 0, [10.0])
    path = tmp_path / "curves" / "f-proposed-s0.json"
    path.write_text(path.read_text().replace('"snr_db": 3.0', '"snr_db": 5.0'))
    with pytest.raises(ValueError, match=r"f-proposed-s0.json: scored at 5 dB; train it with --curve-snr-db 3"):
        fig2(of_curves(setting, tmp_path))


def test_sets_are_evenly_spaced_pictures(setting: Setting) -> None:
    small, photographs = setting.sets()
    assert (small.name, small.pixels.shape) == ("small", (4, 32, 32, 3))
    assert (photographs.name, photographs.pixels.shape) == ("photographs", (1, 64, 64, 3))
    assert middle(np.zeros((300, 500, 3), np.uint8)).shape == (256, 256, 3)


def test_every_decoder_is_scored_once_at_every_snr(setting: Setting) -> None:
    setting = replace(setting, data=setting.data[:1])
    document = made(fig4, setting)
    trained, shipped = (5 + len(SCHEMES)) * len(SNRS_DB), 3 * (len(SNRS_DB) + 1)
    assert len(document["rows"]) == trained + shipped
    seeds = {row["scheme"]: row["seeds"] for row in document["rows"]}
    assert seeds["proposed"] == 2
    assert seeds["alone"] == 1
    assert "f-alone-s1.safetensors: no such file" in document["skipped"]
    assert {(row["set"], row["pictures"]) for row in document["rows"]} == {("small", 4)}
    leads = {(row["scheme"], row["decoder"]): row.get("over_proposed_db") for row in document["rows"]}
    assert leads["proposed", "low"] == 0
    assert leads["shipped", "high"] is None
    assert leads["high", "high"] != 0
    kept = {path: path.stat().st_mtime_ns for path in (setting.out / "cells").iterdir()}
    fig4(setting)
    assert {path: path.stat().st_mtime_ns for path in (setting.out / "cells").iterdir()} == kept


def test_a_decoder_that_a_file_lacks_is_named(untrained: Path) -> None:
    with pytest.raises(ValueError, match=r"f-high-s0.safetensors: holds high, not 'low'; train that one too"):
        Trained(untrained / "f-high-s0.safetensors").receiver("low")


def test_photographs_are_shown_by_every_scheme(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{fig5.__module__}.LARGE", 64)
    document = made(fig5, replace(setting, quick=True))
    assert [row["scheme"] for row in document["rows"]] == ["high", *SCHEMES]


def test_decoders_have_their_costs(setting: Setting) -> None:
    rows = [row for row in made(decoders, replace(setting, quick=True))["rows"] if row["side"] == 256]
    assert [row["half"] for row in rows] == ["encoder", "high", "low", "lowest"]
    flops = [row["mflop"] for row in rows[1:]]
    assert flops == sorted(flops, reverse=True)
    assert all(row["cpu_ms"] > 0 for row in rows)


def test_runs_are_compared_where_they_ended(setting: Setting, tmp_path: Path, curve: Curve) -> None:
    curve("ship-high", 0, [20.0, 22.0, 24.0])
    (tmp_path / "curves" / "ship-high-s0.json").rename(tmp_path / "curves" / "ship-high.json")
    curve("deepjscc-c6-snr10-30", 0, [21.0, 22.0, 23.0])
    curve("deepjscc-c6-snr10-40", 0, [21.0, 22.0, 23.0, 23.5])
    fast = tmp_path / "curves" / "deepjscc-c6-snr10-30-s0.json"
    fast.write_text(fast.read_text().replace('"cpu_s": 6.0', '"cpu_s": 3.0'))
    with pytest.raises(ValueError, match=r"ship-high.json: scored at 3 dB; train it with --curve-snr-db 10"):
        against(of_curves(setting, tmp_path))
    for path in (tmp_path / "curves").iterdir():
        path.write_text(path.read_text().replace('"snr_db": 3.0', '"snr_db": 10.0'))
    document = made(against, of_curves(setting, tmp_path))
    assert document["ours"]["psnr_db"] == 24.0
    assert document["equal_epochs"]["steps"] == 30
    assert "equal_time" not in document  # 3 and 8 seconds are no 6
    slow = tmp_path / "curves" / "deepjscc-c6-snr10-40-s0.json"
    slow.write_text(slow.read_text().replace('"cpu_s": 8.0', '"cpu_s": 7.0'))
    document = made(against, of_curves(setting, tmp_path))
    assert document["equal_time"]["steps"] == 40
    assert document["remarks"] == []
