"""Writes docs/report.md from the report's schema, or checks that it is current (--check, exit status 1 if not)."""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when docs/report.md is not current.")
def main(check: bool) -> None:
    """Generate docs/report.md."""
    sys.path.insert(0, str(ROOT))
    from emulator.report.reference import markdown

    path = ROOT / "docs" / "report.md"
    if not check:
        path.parent.mkdir(exist_ok=True)
        path.write_text(markdown(), encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != markdown():
        raise click.ClickException("docs/report.md is not current; run python tools/report_reference.py")


if __name__ == "__main__":
    main()
