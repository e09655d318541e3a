"""The figures' machinery on tiny sets and untrained weights: what is measured, counted, kept and left out."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.adapt.settings import AdaptSettings
from edge.codecs import weights
from edge.codecs.adaptable import Adaptable
from edge.segment import Kind
from emulator.bearers.ldpc_qam import LdpcBlocks
from tools.ftsc import compare, methods, table1, tuning
from tools.ftsc.conditions import CHANNEL_10, CHANNEL_20, NONE, SEMANTIC_20
from tools.ftsc.methods import SentOnce
from tools.ftsc.models import find
from tools.ftsc.setting import Setting
from tools.ftsc.table1 import seen_in_pretraining
from tools.ftsc.tuning import Task


def test_what_a_pretrained_codec_costs_is_counted_by_its_carriage(setting: Setting) -> None:
    once = SentOnce()
    clean = methods.latent(setting, once, "vqvae2-s4", "xray", NONE, 0)
    noisy = methods.latent(setting, once, "vqvae2-s4", "xray", CHANNEL_20, 0)
    assert clean is not None
    assert noisy is not None
    positions = 16 * 16 + 8 * 8  # of 64x64 pictures
    assert clean["cost"]["bits"] == 3 * positions  # an alphabet of 8
    assert clean["cost"]["channel_uses"] == 0
    assert noisy["cost"]["channel_uses"] == 2 * positions  # vectors of four numbers
    assert noisy["cost"]["bits"] == 2 * 32  # the rms of each map
    assert len(clean["psnr_db"]) == len(clean["ssim"]) == setting.pictures


def test_seeds_matter_with_noise_and_only_then(setting: Setting) -> None:
    once = SentOnce()
    for condition, same in ((NONE, True), (CHANNEL_20, False)):
        first, second = (methods.latent(setting, once, "vqvae2-s4", "xray", condition, seed) for seed in (0, 1))
        assert first is not None
        assert second is not None
        assert (first["psnr_db"] == second["psnr_db"]) == same


def test_missing_weights_are_left_out_and_named(setting: Setting) -> None:
    assert methods.latent(setting, SentOnce(), "vqvae2-s4", "xray", CHANNEL_10, 0) is None
    assert methods.jscc(setting, SentOnce(), "xray", NONE, 0) is None
    assert setting.skipped == ["vqvae2-s4-f10: no such weight file", "deepjscc-c3-none: no such weight file"]


def test_a_second_run_computes_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    first = methods.latent(setting, SentOnce(), "vqvae2-s4", "xray", NONE, 0)
    monkeypatch.setattr(methods, "evaluation", lambda *_: pytest.fail("pictures were read again"))
    assert methods.latent(setting, SentOnce(), "vqvae2-s4", "xray", NONE, 0) == first


def test_jpeg_keeps_to_its_bits_and_semantic_noise_spoils_it(setting: Setting) -> None:
    clean, noisy = (methods.jpeg(setting, "xray", condition, 0) for condition in (NONE, SEMANTIC_20))
    assert clean["cost"]["bits"] <= methods.BUDGET_BITS
    assert np.mean(noisy["psnr_db"]) < np.mean(clean["psnr_db"])


def test_table_1_has_a_row_for_all_that_is_there(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table1, "TESTING", ("xray",))
    monkeypatch.setattr(table1, "PRETRAINING", ("celeba",))
    monkeypatch.setattr(table1, "TABLE_1", (NONE, CHANNEL_20))
    monkeypatch.setattr(table1, "METHODS", ("VQ-VAE-2", "JSCC"))
    table1.table1(replace(setting, skipped=[]))
    with (setting.out / "table1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["set"], row["condition"], row["method"]) for row in rows} == {
        (title, condition, "VQ-VAE-2")
        for title in ("CelebA", "Chest X-ray")
        for condition in (NONE.title, CHANNEL_20.title)
    }
    assert [row["seeds"] for row in rows if row["set"] == "CelebA"] == ["1", "2"]
    assert "deepjscc-c3-20: no such weight file" in json.loads((setting.out / "table1.json").read_text())["skipped"]
    assert (setting.out / "table1.png").read_bytes()[:4] == b"\x89PNG"


def test_pictures_that_pretraining_may_have_seen_are_marked(setting: Setting) -> None:
    model = find(setting.weights, "vqvae2-s4")
    assert model is not None
    assert not model.knows_whole_sets
    assert replace(model, metadata={"command": "edge-codec train vqvae2"}).knows_whole_sets
    assert seen_in_pretraining(setting, "celeba", "VQ-VAE-2") == "no"
    assert seen_in_pretraining(setting, "celeba", "JPEG+LDPC") == "no"


@pytest.mark.parametrize("method", ["dft", "lsdft"])
def test_a_fine_tuned_codec_is_kept_with_its_record(setting: Setting, method: str) -> None:
    model = find(setting.weights, "vqvae2-s4")
    assert model is not None
    task = Task(model, "xray", NONE, method, 0, curve=True)
    codec, record = tuning.tuned(setting, task)
    again, same = tuning.tuned(setting, task)
    assert isinstance(codec, Adaptable)
    assert isinstance(again, Adaptable)
    assert record == same
    assert [point["step"] for point in record["curve"]] == [0, 2]
    for name, tensor in codec.parameters().items():
        assert np.array_equal(tensor, again.parameters()[name]), name
    codebooks_moved = not np.array_equal(
        model.open().parameters()["codebook_b.vectors"],  # type: ignore[attr-defined]
        codec.parameters()["codebook_b.vectors"],
    )
    assert codebooks_moved == (method == "dft")


def test_lessons_of_lsdft_hold_no_originals_and_noise_reaches_the_features(setting: Setting) -> None:
    model = find(setting.weights, "vqvae2-s4-f20")
    assert model is not None
    pictures = methods.evaluation(setting, "xray")
    codec = model.open(tuning.FEATURES)
    sent = codec.encode(pictures[0].pixels)[0]
    assert sent.kind is Kind.SYMBOLS
    for method, condition in (("lsdft", CHANNEL_20), ("dft", NONE)):
        lesson = tuning.lessons(codec, Task(model, "xray", condition, method, 0), pictures)[0]
        assert (lesson.original is not None) == (method == "dft")
        assert np.array_equal(lesson.segments[0].values, sent.values) == (condition is NONE)


@pytest.mark.parametrize("shipped", [True, False])
def test_settings_follow_method_seed_and_what_is_shipped(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shipped: bool
) -> None:
    monkeypatch.setattr(weights, "shipped_folder", lambda: tmp_path)
    if shipped:
        (tmp_path / "dncnn-s4.safetensors").touch()
    model = find(setting.weights, "vqvae2-s4")
    assert model is not None
    dft, lsdft = (
        tuning.adapt_settings(setting, Task(model, "xray", CHANNEL_20, method, 3)) for method in ("dft", "lsdft")
    )
    assert dft == AdaptSettings(method="dft", steps=2, batch=1, seed=3)
    assert lsdft == AdaptSettings(method="lsdft", steps=2, batch=1, seed=3, denoise=shipped)
    assert bool(setting.skipped) != shipped


def test_the_finest_variant_that_fits_is_sent_and_the_budget_holds(setting: Setting) -> None:
    offered = compare.offers(setting, "xray", "PT")
    assert [offer.variant.name for offer in offered] == ["s=4"]
    cell = compare.latent(offered, 10.0, 1000)
    assert cell["outages"] == 0
    assert max(cell["symbols"]) <= 1000
    bearer = LdpcBlocks(10.0)
    segments = offered[0].sent[0].segments
    sizes = [segment.size_bits for segment in segments]
    charged = bearer.plan(sizes[0] + compare.MODE_BITS, 0).symbols + bearer.plan(sizes[1], 1).symbols
    assert cell["symbols"][0] == charged
    assert cell["bits"][0] == sum(sizes) + compare.MODE_BITS
    assert compare.latent(offered, 10.0, 10)["outages"] == setting.pictures


def test_verdicts_name_the_lead_over_each_rival() -> None:
    place = {"set": "Kodak", "k_over_n": "1/32", "snr_db": 0.0}
    psnr = {"VQ-VAE-2 PT": 20.0, "VQ-VAE-2 DFT": 21.0, "JPEG+LDPC": 18.5, "JPEG, shrunken": 20.5, "JSCC": 23.0}
    rows = [place | {"method": method, "psnr_db": value} for method, value in psnr.items()]
    assert compare.verdicts(rows) == [
        place | {"above_jpeg_db": 2.5, "above_jpeg_shrunken_db": 0.5, "above_jscc_db": -2.0}
    ]


def test_a_picture_is_shrunken_where_its_true_size_does_not_fit(setting: Setting) -> None:
    offered = compare.shrunken_offers(setting, "xray")
    assert [one.side for one in offered[0]] == list(compare.SIDES)  # one variant has weights here
    bearer = LdpcBlocks(10.0)
    mode_bits = compare.MODE_BITS + compare.SIDE_BITS
    needed = [compare.symbols(one.sent.segments, bearer, mode_bits) for one in offered[0]]
    tight = compare.shrunken(setting, "xray", offered, 10.0, needed[-1])
    assert tight["outages"] == 0
    assert set(tight["variants"]) == {f"s=4 at {compare.SIDES[-1]}"}
    assert tight["symbols"][0] == needed[-1]
    assert tight["bits"][0] == sum(s.size_bits for s in offered[0][-1].sent.segments) + mode_bits
    wide = compare.shrunken(setting, "xray", offered, 10.0, max(needed))
    assert wide["variants"][0] == f"s=4 at {max(offered[0], key=lambda one: one.psnr_db).side}"
    assert compare.shrunken(setting, "xray", offered, 10.0, 10)["outages"] == setting.pictures
