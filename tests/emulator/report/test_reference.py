from __future__ import annotations

from pathlib import Path

from emulator.report.reference import markdown
from emulator.report.schema import Section

DOCUMENT = Path(__file__).parents[3] / "docs" / "report.md"


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == markdown(), "run python tools/report_reference.py"


def test_the_document_names_every_section_and_field() -> None:
    text = markdown()
    for section in Section.__subclasses__():
        assert f"\n## {section.__name__}\n" in text
        part = text.split(f"\n## {section.__name__}\n")[1].split("\n## ")[0]
        for name in section.model_fields:
            assert f"| `{name}`" in part
