from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from factory import Shape, make
from pydantic import ValidationError

from emulator.report.schema import (
    LinkReport,
    MessageReport,
    Report,
    ReportError,
    ScenarioReport,
    Section,
    parse,
)

SECTIONS = [*Section.__subclasses__()]


def _minimal() -> Report:
    return Report(
        semedge_version="0.1.0",
        scenario=ScenarioReport(name="x"),
        seed=1,
        clock="virtual",
        started_at=datetime.now(UTC),
    )


def test_a_report_survives_the_round_trip_through_json() -> None:
    report = make(Shape(interrupted="Ctrl-C", chain=("router",))).report
    assert parse(report.to_json(), "report.json") == report


def test_reports_do_not_share_their_defaults() -> None:
    first, second = _minimal(), _minimal()
    first.command.append("run")
    first.timing.up_s = 1.0
    assert second.command == []
    assert second.timing.up_s is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_not_finite_is_refused_at_construction_and_at_assignment(value: float) -> None:
    with pytest.raises(ValidationError):
        LinkReport(name="a", source="b", destination="c", rate_bps=value)
    message = make().report.messages[0]
    with pytest.raises(ValidationError):
        message.psnr_db = value


def test_a_figure_smuggled_past_validation_is_not_written() -> None:
    report = make().report
    report.messages[0].__dict__["psnr_db"] = math.inf
    with pytest.raises(ReportError, match="put null where there is no figure"):
        report.to_json()


def test_times_are_kept_in_utc() -> None:
    report = _minimal()
    report.started_at = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(report.to_json())["started_at"] == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_field_says_what_it_means_and_every_measured_figure_has_a_unit(section: type[Section]) -> None:
    units = {"_s": "s", "_db": "dB", "_bps": "bit/s", "_hz": "Hz", "_w": "W", "_j": "J", "_bits": "bit", "_m": "m"}
    for name, field in section.model_fields.items():
        assert field.description, name
        assert isinstance(field.json_schema_extra, dict), name
        unit = field.json_schema_extra["unit"]
        if "float" in str(field.annotation):
            assert unit is not None, f"{name} is a figure without a unit"
        for suffix, expected in units.items():
            if name.endswith(suffix):
                assert unit == expected, name


def test_deterministic_ignores_what_depends_on_the_machine_and_the_order_of_messages() -> None:
    first, second = make().report, make().report
    second.started_at = datetime(2027, 1, 1, tzinfo=UTC)
    second.clock, second.wall_s, second.command = "real", 99.0, ["edge-emulator", "run", "--out", "elsewhere"]
    second.timing.up_s = 42.0
    second.nodes[0].resident_bytes, second.nodes[0].restarts = 1, 3
    second.steps[0].wall_s = second.steps[0].started_wall_s = 77.0
    for message in second.messages:
        message.encode_wall_s = message.decode_wall_s = 5.0
        message.picture = "received/elsewhere.png"
    second.messages.reverse()
    assert first != second
    assert first.deterministic() == second.deterministic()


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("messages", "psnr_db", 1.0),
        ("messages", "element_errors", 5),
        ("messages", "received_s", 9.5),
        ("messages", "status", "partial"),
        ("links", "measured_rate_bps", 7.0),
        ("steps", "model_end_s", 2.0),
    ],
)
def test_deterministic_sees_every_model_figure(section: str, field: str, value: object) -> None:
    first, second = make().report, make().report
    setattr(getattr(second, section)[0], field, value)
    assert first.deterministic() != second.deterministic()


def test_deterministic_is_plain_data_without_paths_or_wall_times() -> None:
    text = json.dumps(make().report.deterministic())
    assert "wall" not in text
    for word in ("resident_bytes", "restarts", "started_at", "picture", "command", '"clock"'):
        assert word not in text


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.png", "a/../../b.png", "", "a\\b.png"])
def test_pictures_stay_inside_the_folder(path: str) -> None:
    with pytest.raises(ValidationError, match="inside the report's folder"):
        MessageReport(
            session="s", message_id=0, source="a", destination="b", image="c", status="complete", picture=path
        )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "r.json: not JSON (.*); give a folder that `edge-emulator run` wrote"),
        ("[]", "r.json: not a semedge report"),
        ('{"a": 1}', "r.json: not a semedge report"),
        ('{"schema_version": 99}', "r.json: schema_version: must be 1, got 99; use the semedge version that wrote it"),
        ('{"schema_version": 1}', "r.json: semedge_version: Field required; restore the file"),
        (b"\xff\xfe\x00", "r.json: not JSON"),
    ],
)
def test_foreign_files_are_refused_in_one_sentence(text: str | bytes, sentence: str) -> None:
    with pytest.raises(ReportError, match="^" + sentence.replace("(.*)", r"\(.*\)")) as caught:
        parse(text, "r.json")
    assert "\n" not in str(caught.value)


def test_a_damaged_field_is_named_by_its_place() -> None:
    data = json.loads(make().report.to_json())
    data["links"][1]["rate_bps"] = "fast"
    with pytest.raises(ReportError, match=r"r\.json: links\.1\.rate_bps: Input should be a valid number"):
        parse(json.dumps(data), "r.json")
    data = json.loads(make().report.to_json())
    data["messages"][0]["psnr"] = 3
    with pytest.raises(ReportError, match=r"messages\.0\.psnr: Extra inputs are not permitted"):
        parse(json.dumps(data), "r.json")
