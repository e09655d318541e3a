from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from edge.images import Picture
from edge.sample.sample import kodak
from emulator.channels.ldpc import Mcs
from tools.ftsc.baseline_jpeg import best_for_budget, curve, jpeg_over_ldpc

QPSK = Mcs(4, 1 / 2)


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return [np.asarray(Image.fromarray(each.pixels).resize((128, 128))) for each in kodak()[:3]]


def test_what_fits_arrives_at_a_good_snr_and_costs_no_more_than_the_budget(pictures: list[Picture]) -> None:
    results = jpeg_over_ldpc(pictures, 8000, 3.0, mcs=QPSK)
    assert all(0.9 * 8000 < result.symbols <= 8000 for result in results)
    assert not any(result.outage for result in results)
    assert all(result.quality > 5 and result.psnr_db > 20 and result.ssim > 0.5 for result in results)
    assert results == jpeg_over_ldpc(pictures, 8000, 3.0, mcs=QPSK)


def test_below_the_waterfall_every_picture_is_an_outage(pictures: list[Picture]) -> None:
    results = jpeg_over_ldpc(pictures, 8000, 0.0, mcs=QPSK)
    assert all(result.outage and result.quality > 0 for result in results)
    assert all(result.psnr_db < 20 for result in results)


def test_a_picture_that_fits_at_no_quality_is_an_outage_with_its_mean_colour(pictures: list[Picture]) -> None:
    (result,) = jpeg_over_ldpc(pictures[:1], 300, 6.0, mcs=QPSK)
    mean = np.rint(pictures[0].reshape(-1, 3).mean(axis=0))
    mse = float(np.mean((pictures[0] - mean) ** 2))
    assert (result.quality, result.outage) == (0, True)
    assert result.psnr_db == pytest.approx(10 * np.log10(255**2 / mse))


def test_a_picture_that_may_shrink_has_no_cliff(pictures: list[Picture]) -> None:
    plain, shrunken = (jpeg_over_ldpc(pictures, 1500, 6.0, mcs=QPSK, shrink=shrink) for shrink in (False, True))
    assert all(result.outage for result in plain)
    assert not any(result.outage for result in shrunken)
    assert all(result.shrink > 1 and result.symbols <= 1500 for result in shrunken)
    assert all(ours.psnr_db > theirs.psnr_db for ours, theirs in zip(shrunken, plain, strict=True))


def test_a_budget_too_small_for_anything_is_refused(pictures: list[Picture]) -> None:
    with pytest.raises(ValueError, match=r"^budget_symbols: 60 hold 32 bits by 4-QAM 0.5, too few; give more"):
        jpeg_over_ldpc(pictures, 60, 3.0, mcs=QPSK)


def test_the_scheme_for_a_budget_rises_with_the_snr() -> None:
    chosen = [best_for_budget(snr_db, 6144) for snr_db in (0.0, 10.0, 20.0)]
    efficiencies = [mcs.efficiency for mcs in chosen]
    assert efficiencies == sorted(efficiencies)
    # between half of Shannon's limit and the limit
    for efficiency, snr in zip(efficiencies, (1.0, 10.0, 100.0), strict=True):
        assert 0.5 * np.log2(1 + snr) < efficiency < np.log2(1 + snr)


def test_the_curve_rises(pictures: list[Picture]) -> None:
    rows = curve(pictures)
    assert [row["psnr_db"] for row in rows] == sorted(row["psnr_db"] for row in rows)
    assert [row["bits_per_pixel"] for row in rows] == sorted(row["bits_per_pixel"] for row in rows)
