from __future__ import annotations

import json

import pytest

from tools.figures.results import Banded, band_of
from tools.figures.setting import write
from tools.ftsc.fig8 import trained_for
from tools.ftsc.fig11 import steps_to_plateau
from tools.ftsc.fit import fit
from tools.ftsc.results import point, score_columns
from tools.ftsc.setting import Setting
from tools.ftsc.table2_3 import verdicts, with_differences


def test_a_band_spans_the_seeds_and_not_the_pictures() -> None:
    by_seed = [{"psnr_db": [20.0, 40.0], "ssim": [0.7, 0.9]}, {"psnr_db": [22.0, 42.0], "ssim": [0.8, 1.0]}]
    band = {"psnr_db": 31.0, "psnr_low_db": 30.0, "psnr_high_db": 32.0}
    assert score_columns(by_seed) == {**band, "ssim": 0.85, "seeds": 2}


def test_points_are_found_by_all_that_was_asked() -> None:
    row = {"set": "a", "snr_db": 10.0, "psnr_db": 3.0, "psnr_low_db": 2.0, "psnr_high_db": 4.0}
    assert point([row], set="a", snr_db=10.0) == band_of(row) == Banded(3.0, 2.0, 4.0)
    assert point([row], set="a", snr_db=20.0) is None


def test_files_say_what_was_set_and_name_no_folder_of_this_machine(setting: Setting) -> None:
    write(setting, "fig0", [{"psnr_db": 30.0}], {"laws": {}})
    text = (setting.out / "fig0.json").read_text()
    steps = {"fine_tuning_steps": 2, "fine_tuning_batch": 1, "basic_steps": 2}
    assert json.loads(text)["settings"] == {"seeds": [0, 1], "pictures": 2, **steps, "quick": False}
    assert str(setting.data) not in text


def test_the_rate_law_is_recovered_and_misfits_show() -> None:
    law = fit([0.1, 0.02, 0.004], [40 + 3 * logarithm for logarithm in (-2.302585, -3.912023, -5.521461)])
    assert law.intercept_db == pytest.approx(40, abs=1e-3)
    assert law.slope_db == pytest.approx(3, abs=1e-3)
    assert law.r_squared == pytest.approx(1, abs=1e-6)
    assert fit([0.1, 0.02, 0.004], [30.0, 40.0, 30.0]).r_squared < 0.1
    with pytest.raises(ValueError, match="at least three"):
        fit([0.1, 0.2], [30.0, 31.0])


def test_the_plateau_begins_where_the_curve_stays() -> None:
    curve = [{"step": 10 * i, "psnr_db": value} for i, value in enumerate([30.0, 34.95, 34.0, 34.93, 35.0])]
    assert steps_to_plateau(curve) == 30  # 34.95 at 10 was close, but did not stay
    assert steps_to_plateau([{"step": 0, "psnr_db": 30.0}]) == 0


@pytest.mark.parametrize(("snr_db", "trained_db"), [(0, 0), (5, 0), (6, 10), (15, 10), (16, 20), (20, 20)])
def test_weights_of_the_nearest_snr_the_lower_of_two(snr_db: float, trained_db: float) -> None:
    assert trained_for(snr_db).channel_snr_db == trained_db


def rows(condition: str, title: str, psnr: dict[str, float]) -> list[dict[str, object]]:
    return [{"condition": condition, "set": title, "method": m, "psnr_db": value} for m, value in psnr.items()]


def test_table_iii_and_its_verdicts() -> None:
    group = with_differences(rows("No noise", "Chest X-ray", {"DFT": 38.0, "LSDFT": 37.0, "PT": 36.5, "JPEG": 35.0}))
    assert [row["above_pt_db"] for row in group] == [1.5, 0.5, 0.0, -1.5]
    assert [row["lsdft_above_db"] for row in group] == [-1.0, 0.0, 0.5, 2.0]
    worse = with_differences(rows("No noise", "CamVid", {"DFT": 30.0, "LSDFT": 31.5, "PT": 31.0}))
    seen = with_differences(rows("No noise", "CelebA", {"DFT": 39.0, "LSDFT": 30.0, "PT": 31.0}))
    told = verdicts([*group, *worse, *seen])
    assert told["dft_beats_pt"] == ["No noise, Chest X-ray"]
    assert told["dft_does_not"] == ["No noise, CamVid"]
    assert told["dft_at_least_1_db_no_noise"] == ["Chest X-ray"]
    assert told["lsdft_between_no_noise"] == ["Chest X-ray"]


def test_without_pretrained_weights_there_is_no_difference() -> None:
    assert "above_pt_db" not in with_differences(rows("No noise", "CamVid", {"JPEG": 30.0}))[0]
