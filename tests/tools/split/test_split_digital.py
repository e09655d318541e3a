from __future__ import annotations

import math

import numpy as np
import pytest

from edge import metrics
from edge.codecs.contract import Half
from edge.codecs.jpeg2000 import Jpeg2000
from emulator.channels.ldpc import Mcs
from tools.split import digital
from tools.split.digital import Scheme, Tried
from tools.split.setting import Setting


def test_a_picture_has_k_m_r_bits_whatever_the_blocks() -> None:
    for length in digital.LENGTHS:
        assert Scheme(Mcs(16, 0.5), length).size_bytes(128) == 32


def test_blocks_are_a_pictures_own_or_shared() -> None:
    assert Scheme(Mcs(4, 0.5), 0).blocks(128) == (256, 1)
    assert Scheme(Mcs(4, 0.5), 512).blocks(128) == (512, 0.5)
    assert Scheme(Mcs(64, 0.5), 512).blocks(128) == (512, 1.5)
    coded, each = Scheme(Mcs(64, 5 / 6), 0).blocks(8192)  # 40 960 information bits: 5 blocks of at most 8448
    assert (coded % 6, each) == (0, 5)
    assert coded * each <= 8192 * 6


def test_only_schemes_with_a_chance_are_tried_in_blocks_of_whole_symbols() -> None:
    for snr_db in (0.0, 10.0, 20.0):
        offered = list(digital.schemes(128, snr_db))
        assert offered
        assert all(scheme.mcs.efficiency < math.log2(1 + 10 ** (snr_db / 10 + 0.15)) for scheme in offered)
        assert not any(scheme.mcs.order == 64 and scheme.length == 512 for scheme in offered)
    assert any(scheme.mcs.order == 64 and scheme.length == 768 for scheme in digital.schemes(128, 20.0))
    assert {scheme.length for scheme in digital.schemes(8192, 20.0)} == {0}


def test_without_noise_nothing_is_lost_and_in_noise_pictures_that_share_a_block_are_lost_together() -> None:
    shared = Scheme(Mcs(4, 0.75), 768)  # 3 pictures of 128 symbols a block
    assert not digital.failed(shared, 128, 30.0, 9, 0).any()
    lost = digital.failed(shared, 128, 3.75, 90, 0).reshape(-1, 3)
    assert 0 < lost.mean() < 1
    assert (lost.any(axis=1) == lost.all(axis=1)).all()


def test_a_picture_over_the_edge_of_blocks_needs_both() -> None:
    scheme = Scheme(Mcs(64, 0.5), 768 - 192)  # 576 coded bits: 768 of a picture lie in two or three blocks
    coded, each = scheme.blocks(128)
    assert (coded, each) == (576, 4 / 3)
    alone = digital.failed(Scheme(Mcs(64, 0.5), 768), 128, 10.5, 60, 0).mean()
    assert digital.failed(scheme, 128, 10.5, 60, 0).mean() > alone > 0


def test_more_bytes_never_make_a_worse_picture_and_none_make_its_mean_colour(setting: Setting) -> None:
    picture = setting.scored()[2]
    tried = Tried(Jpeg2000.open({}, Half.BOTH), picture)
    flat = np.full_like(picture, np.rint(picture.reshape(-1, 3).mean(axis=0)).astype(np.uint8))
    assert tried.mean_db == pytest.approx(metrics.psnr(picture, flat))
    assert tried.best_db(0, 1) is None
    quality = [tried.best_db(size, 1) or 0.0 for size in (60, 120, 400)]
    assert quality == sorted(quality)
    assert quality[2] > 30


def test_the_curve_rises_and_names_its_scheme(setting: Setting) -> None:
    rows = digital.curve(setting, setting.scored(), "jpeg2000", [128])
    quality = [row["psnr_db"] for row in rows]
    assert quality == sorted(quality)
    assert rows[-1]["mcs"].startswith("64-QAM 0.833")
    assert rows[-1]["size_bytes"] == 80
    assert all(0 <= row["outages"] <= 1 for row in rows)
