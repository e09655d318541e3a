"""What a paper claims beside what was measured: the table of verdicts that each paper's claims command prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from tools.slf.results import Verdict


class Claim(NamedTuple):
    """source: where it stands; found: our figures; command: the module that makes them."""

    source: str
    claim: str
    found: str
    verdict: Verdict
    command: str


def said(values: Sequence[float], digits: int = 1) -> str:
    """Figures in a row."""
    return " / ".join(f"{value:.{digits}f}" for value in values)


def printing(claims: Callable[[Path], Sequence[Claim]], doc: str) -> click.Command:
    """A command that prints, as Markdown, what claims(RESULTS) finds."""

    def main(results: Path) -> None:
        click.echo("| paper | claim | ours | verdict | command |\n|---|---|---|---|---|")
        for one in claims(results):
            click.echo(f"| {one.source} | {one.claim} | {one.found} | {one.verdict} | `{one.command}` |")

    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    return click.command(help=doc.split("\n")[0])(click.argument("results", type=folder)(main))
