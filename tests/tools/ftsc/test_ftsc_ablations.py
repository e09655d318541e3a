"""What was tried, on tiny sets and untrained weights: each study changes what it says, and nothing else."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.adapt import crops, settings
from edge.adapt.settings import AdaptSettings
from edge.codecs import weights
from tools.ftsc import ablations, data, denoising
from tools.ftsc.ablations import Change
from tools.ftsc.models import Model, find
from tools.ftsc.setting import Setting


@pytest.fixture
def quick(setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    """One seed, one step, four pictures to learn from, and no shipped denoiser, which would be for another network."""
    monkeypatch.setattr(weights, "shipped_folder", lambda: tmp_path)
    monkeypatch.setattr(settings, "DFT_ROUNDS", 2)
    monkeypatch.setattr(data, "FINE_TUNING", 4)
    data.split.cache_clear()
    monkeypatch.setattr(ablations, "SIDE", 64)
    monkeypatch.setattr(ablations, "CROP", 32)
    yield replace(setting, seeds=1, steps=1, quick=True)
    data.split.cache_clear()


@pytest.fixture
def model(setting: Setting) -> Model:
    found = find(setting.weights, ablations.MODEL)
    assert found is not None
    return found


def test_all_studies_have_their_rows(quick: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablations, "TESTING", ("xray",))
    monkeypatch.setattr(ablations, "EQUIVARIANCES", (0.0, 10.0))
    monkeypatch.setattr(denoising, "SNRS_DB", (10.0,))
    ablations.ablations(quick)
    with (quick.out / "ablations.csv").open() as file:
        rows = list(csv.DictReader(file))
    studies = (*ablations.STUDIES, "denoising")
    variants = {study: [row["variant"] for row in rows if row["study"] == study] for study in studies}
    assert variants == {
        "lsdft": ["deployed", "equivariance 0", "equivariance 10", "DFT"],
        "codebook": ["deployed", "plain rounds", "rounds", "decoder", "plain rounds, decoder", "rounds, decoder"],
        "crops": ["deployed", "whole pictures", "32 pixels", "32 pixels, no margin"],
        "denoising": ["as received", "nearest", "soft", "DnCNN alone", "soft, DnCNN"],
    }
    assert {row["gain_db"] for row in rows if row["variant"] in ("deployed", "as received")} == {"0.0"}
    assert [row["noise_left"] for row in rows if row["variant"] == "as received"] == ["1.0"]
    document = json.loads((quick.out / "ablations.json").read_text())
    assert "dncnn-s4: not shipped" in document["skipped"]
    assert (quick.out / "ablations.png").read_bytes()[:4] == b"\x89PNG"


def test_a_change_of_any_part_is_another_cell(quick: Setting, model: Model) -> None:
    first = Change(AdaptSettings(method="dft", steps=1, batch=1))
    ablations.tuned(quick, model, "xray", first)
    computed = len(list((quick.out / "cells").glob("ablation-xray*.json")))
    ablations.tuned(quick, model, "xray", first)
    for change in (
        replace(first, revival=False),
        replace(first, margin=False),
        replace(first, settings=replace(first.settings, seed=1)),
    ):
        ablations.tuned(quick, model, "xray", change)
    assert len(list((quick.out / "cells").glob("ablation-xray*.json"))) == computed + 3
    assert crops.MARGIN > 0  # put back


def test_what_black_costs_is_told_apart() -> None:
    original = np.full((32, 32, 3), 90, np.uint8)
    original[:16] = 0
    shown = original.copy()
    shown[:16] = 3
    found = ablations.black([original], [shown])
    assert found["black_share"] == [0.5]
    assert found["black_level"] == [3.0]
    assert found["ssim_not_black"] == [1.0]
    assert found["psnr_not_black_db"] == [99.0]  # a perfect copy
    assert ablations.black([original + 1], [shown])["black_level"] == [0.0]  # no black, nothing to tell


def test_missing_weights_are_one_sentence(quick: Setting, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"vqvae2-s4.safetensors is not in .*; name a folder that has it"):
        ablations.rows(replace(quick, weights=tmp_path / "empty"))
