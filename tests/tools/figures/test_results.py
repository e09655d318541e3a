from __future__ import annotations

import csv
import io

import pytest

from tools.figures.results import Banded, Verdict, banded, columns, curve_of, rank_correlation, table, verdict_over


def test_a_table_has_every_column_of_every_row() -> None:
    text = table([{"set": "a", "psnr_db": 1.5}, {"set": "b", "better": "1 of 2"}])
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"set": "a", "psnr_db": "1.5", "better": ""},
        {"set": "b", "psnr_db": "", "better": "1 of 2"},
    ]


def test_a_band_needs_a_seed() -> None:
    with pytest.raises(ValueError, match="one value a seed"):
        banded([])


def test_a_curve_is_of_the_rows_that_have_the_value_in_the_order_of_the_axis() -> None:
    rows = [{"eps": eps, "l": 2, **columns("mse", [eps, 3 * eps], 4)} for eps in (0.2, 0.1)]
    rows += [{"eps": 0.3, "l": 2, "mse": None}, {"eps": 0.4, "l": 3, **columns("mse", [1.0], 4)}]
    x, y = curve_of(rows, "eps", "mse", lambda row: row["l"] == 2)
    assert (x, y) == ([0.1, 0.2], [Banded(0.2, 0.1, 0.3), Banded(0.4, 0.2, 0.6)])


@pytest.mark.parametrize(("y", "wanted"), [((1, 2, 3), 1.0), ((3, 2, 1), -1.0), ((1, 1, 1), 0.0), ((1, 3, 2), 0.5)])
def test_rank_correlation(y: tuple[float, ...], wanted: float) -> None:
    assert rank_correlation((1, 2, 3), y) == pytest.approx(wanted)


def test_a_verdict_over_seeds() -> None:
    assert verdict_over([True, True]) is Verdict.HOLDS
    assert verdict_over([True, False]) is Verdict.MIXED
    assert verdict_over([False]) is Verdict.DOES_NOT_HOLD
    assert verdict_over([]) is Verdict.NOT_MEASURED
