"""Problem files: defaults, presets, drawn receivers, and a sentence for everything that can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimizer.errors import ProblemError
from optimizer.problem import QualityAggregate
from optimizer.problem_file import parse, read

TWO = [{"name": "a", "gain": 1e-9}, {"gain": 2e-9}]


def test_defaults_are_the_papers() -> None:
    problem, solver = parse({"receivers": TWO})
    assert solver == "price"
    assert problem.names == ("a", "rx2")
    assert (problem.bandwidth_hz, problem.power_w, problem.compute.energy_coefficient) == (5000.0, 50.0, 1e-38)
    assert (problem.weights.quality, problem.weights.delay, problem.weights.energy) == (0.33, 0.33, 0.33)
    assert problem.quality.intercept_db == 41.22
    assert problem.scales == ()


def test_everything_can_be_said() -> None:
    problem, solver = parse(
        {
            "preset": "tradeoff",
            "receivers": TWO,
            "bandwidth_hz": 2000,
            "power_w": 3,
            "noise_density_w_per_hz": "4e-21",
            "weights": {"quality": 0.5, "delay": 0.2, "energy": 0.1},
            "image": {"height": 128, "width": 64},
            "compute": {"model": "affine", "base_mac": 1e9, "slope_mac": 1e8, "frequency_hz": 1e9, "passes": 2},
            "quality": {"points": [[0.01, 25.0], [0.1, 33.0]]},
            "aggregate": "mean",
            "rho": {"min": 0.005, "max": 0.05},
            "scales": [4, 8],
            "deadline_s": 30,
            "spectral_efficiency_cap": 12,
            "solver": "price",
        }
    )
    assert solver == "price"
    assert problem.source_bits == 3 * 128 * 64 * 8
    assert problem.compute.time_base_s == pytest.approx(2.0)
    assert problem.compute.energy_coefficient == 1e-28
    assert problem.quality.slope_db == pytest.approx(8.0 / 2.302585, rel=1e-6)
    assert problem.aggregate is QualityAggregate.MEAN
    assert (problem.rho_lower, problem.rho_upper, problem.allowed_scales) == (0.005, 0.05, (4, 8))
    assert (problem.deadline_s, problem.spectral_efficiency_cap) == (30.0, 12.0)


def test_distances_are_drawn_by_seed_name_and_block() -> None:
    def gains(**changes: Any) -> list[float]:
        content = {"receivers": [{"name": "a", "distance_m": 50}, {"name": "b", "distance_m": 50}], **changes}
        return parse(content)[0].gain.tolist()

    assert gains() == gains()
    assert gains() != gains(seed=1)
    assert gains() != gains(channel={"block": 1})
    alone = parse({"receivers": [{"name": "b", "distance_m": 50}]})[0].gain.tolist()
    assert alone == gains()[1:]


def test_receivers_can_be_drawn_altogether() -> None:
    problem, _ = parse({"receivers": {"count": 4, "nearest_m": 10, "farthest_m": 20}})
    assert problem.names == ("rx1", "rx2", "rx3", "rx4")
    assert all(1e-3 / 20**2 * 0.05 < gain < 1e-3 / 10**2 * 3 for gain in problem.gain)


def test_one_scale_for_everybody() -> None:
    assert parse({"receivers": TWO, "scale": 8})[0].allowed_scales == (8,)


def test_quality_from_a_file_beside_the_problem(tmp_path: Path) -> None:
    points = [{"rho": 0.01, "psnr_db": 25.0, "scale": 8}, {"rho": 0.1, "psnr_db": 33.0}]
    for content in (points, {"points": points}, {"codec": "x", "quality": points, "runs": []}):
        (tmp_path / "curve.json").write_text(json.dumps(content))
        (tmp_path / "problem.yaml").write_text("receivers: {count: 2}\nquality: {file: curve.json}\n")
        assert read(tmp_path / "problem.yaml")[0].quality.slope_db == pytest.approx(8.0 / 2.302585, rel=1e-6)


def test_json_is_read_as_well_and_a_seed_replaces_the_files(tmp_path: Path) -> None:
    path = tmp_path / "problem.json"
    path.write_text(json.dumps({"receivers": {"count": 3}, "seed": 5}))
    assert read(path)[0].gain.tolist() == read(path, seed=5)[0].gain.tolist()
    assert read(path)[0].gain.tolist() != read(path, seed=6)[0].gain.tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "problem: must be a mapping"),
        ({}, "receivers: is required"),
        ({"receivers": []}, "receivers: at least one receiver required"),
        ({"receivers": TWO, "bandwith_hz": 1}, "bandwith_hz: unknown key"),
        ({"receivers": TWO, "weights": {"speed": 1}}, r"weights\.speed: unknown key"),
        ({"receivers": [{"gain": 1e-9, "distance_m": 5}]}, r"receivers\[0\] \(rx1\): give either gain or distance_m"),
        ({"receivers": [{"gain": 1e-9}, {"name": "b"}]}, r"receivers\[1\] \(b\): give either gain or distance_m"),
        ({"receivers": [{"gain": "loud"}]}, r"receivers\[0\]\.gain: .*got 'loud'"),
        ({"receivers": [{"gain": float("nan")}]}, r"receivers\[0\] \(rx1\): gain must be finite and > 0"),
        ({"receivers": [{"name": "b", "distance_m": -3}]}, r"receivers\[0\]: receiver b: distance must be finite"),
        ({"receivers": {"count": 0}}, r"receivers\.count: .*got 0"),
        ({"receivers": TWO, "preset": "mine"}, "preset: .*got 'mine'"),
        ({"receivers": TWO, "bandwidth_hz": -1}, r"bandwidth_hz: must be a positive finite number \(Hz\), got -1"),
        ({"receivers": TWO, "channel": {"rician_k": -1}}, r"channel\.rician_k: must be a finite number >= 0"),
        ({"receivers": TWO, "channel": {"path_loss_exponent": 0}}, r"channel\.path_loss_exponent: must be a positive"),
        ({"receivers": TWO, "compute": {"energy_coefficient": -1}}, r"compute\.energy_coefficient: must be .* >= 0"),
        ({"receivers": TWO, "compute": {"frequency_hz": 0}}, r"compute\.frequency_hz: must be a positive"),
        ({"receivers": TWO, "compute": {"model": "affine"}}, "compute: model affine needs base_mac and slope_mac"),
        ({"receivers": TWO, "image": {"height": 0}}, r"image\.height: must be a positive"),
        ({"receivers": TWO, "quality": {"slope_db": 3}}, "quality: intercept_db and slope_db go together"),
        ({"receivers": TWO, "quality": {"intercept_db": 40, "slope_db": 0}}, r"quality\.slope_db: must be a positive"),
        (
            {"receivers": TWO, "quality": {"preset": "ffhq-20db", "file": "x"}},
            "quality: give one of .*got preset, file",
        ),
        ({"receivers": TWO, "quality": {"file": "nowhere.json"}}, r"quality\.file: nowhere.json cannot be read"),
        ({"receivers": TWO, "scale": 4, "scales": [2]}, "scale: give either scale .* or scales"),
    ],
)
def test_bad_content_is_one_sentence_with_its_key(content: object, message: str) -> None:
    with pytest.raises(ProblemError, match=message) as caught:
        parse(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("receivers: [", r"problem.yaml, line \d+: not valid YAML"),
        ("just words", r"problem.yaml: must be a mapping"),
        ("receivers: []", r"problem.yaml: receivers: at least one receiver required"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "problem.yaml").write_text(text)
    with pytest.raises(ProblemError, match=message):
        read(tmp_path / "problem.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match=r"absent.yaml: cannot be read"):
        read(tmp_path / "absent.yaml")


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"rho": 0.1}]', '[{"rho": "x", "psnr_db": 3}]', "nonsense"])
def test_bad_quality_files_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "curve.json").write_text(content)
    with pytest.raises(ProblemError, match=r"quality\.file: .*curve\.json"):
        parse({"receivers": TWO, "quality": {"file": "curve.json"}}, tmp_path)
