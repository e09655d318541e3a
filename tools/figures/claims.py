"""What a paper claims beside what was measured: the table of verdicts that each paper's claims command prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from tools.figures.results import Verdict


class Claim(NamedTuple):
    """source: where it stands; found: our figures; command: the module that makes them."""

    source: str
    claim: str
    found: str
    verdict: Verdict
    command: str


Judge = tuple[str, Callable[[Any], Iterable[Claim]]]  # a figure, and what its JSON says


def said(values: Sequence[float], digits: int = 1) -> str:
    """Figures in a row."""
    return " / ".join(f"{value:.{digits}f}" for value in values)


def of_files(results: Path, judges: Sequence[Judge]) -> list[Claim]:
    """The claims of whatever results there are."""
    files = [(results / f"{name}.json", judge) for name, judge in judges]
    return [claim for file, judge in files if file.exists() for claim in judge(json.loads(file.read_text()))]


def printing(claims: Callable[[Path], Sequence[Claim]], doc: str) -> click.Command:
    """A command that prints, as Markdown, what claims(RESULTS) finds."""

    def main(results: Path) -> None:
        click.echo("| paper | claim | ours | verdict | command |\n|---|---|---|---|---|")
        for one in claims(results):
            click.echo(f"| {one.source} | {one.claim} | {one.found} | {one.verdict} | `{one.command}` |")

    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    return click.command(help=doc.split("\n")[0])(click.argument("results", type=folder)(main))
