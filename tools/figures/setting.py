"""What the commands of a paper's figures share: what each is told, where expensive results are kept, how values become
files, and a command that runs them all. What a paper's figures are told besides is in its own setting.py."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import click

from tools.figures.cells import Cells
from tools.figures.results import BAND, Row, put, table, versions

FOLDER = click.Path(path_type=Path, file_okay=False)

SHARED = (
    click.option("--out", type=FOLDER, required=True, help="Results; also what an interrupted run goes on from."),
    click.option("--seeds", type=click.IntRange(1), default=3, show_default=True),
    click.option("--threads", type=click.IntRange(1), default=1, show_default=True),
    click.option("--quick", is_flag=True, help="One seed, few pictures: tries the machinery."),
)


@dataclass(frozen=True, kw_only=True)
class FigureSetting:
    """out: results. seeds: how many. quick: few of everything, to try the machinery; such results say so.

    remarks: what must be known to read any of the paper's figures.
    """

    remarks: ClassVar[Sequence[str]] = ()
    out: Path
    seeds: int = 3
    quick: bool = False
    skipped: list[str] = field(default_factory=list)

    @property
    def cells(self) -> Cells:
        return Cells(self.out / "cells")

    def skip(self, why: str) -> None:
        """Notes, once, and tells on stderr, what this run leaves out."""
        if why not in self.skipped:
            self.skipped.append(why)
            click.echo(f"  skipped: {why}", err=True)

    def found(self, path: Path) -> Path | None:
        """What a training left; None, noted, where there is nothing."""
        if not path.is_file():
            self.skip(f"{path.name}: no such file")
            return None
        return path

    def as_json(self) -> dict[str, Any]:
        """The numbers, and which seeds."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        return numbers | {"seeds": list(range(self.seeds))}


def command_line() -> str:
    """As it was typed, folders by their base names."""
    module = Path(sys.argv[0])
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return shlex.join(["python", "-m", f"tools.{module.parent.name}.{module.stem}", *words])


def write(
    setting: FigureSetting, name: str, rows: Sequence[Row], more: Mapping[str, Any], remarks: Sequence[str] = ()
) -> None:
    """Writes NAME.json and NAME.csv into the output folder. more: what the JSON holds beside the rows."""
    document = {
        "figure": name,
        "command": command_line(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "settings": setting.as_json(),
        "versions": versions(),
        "band": BAND,
        "remarks": [*setting.remarks, *remarks],
        "skipped": setting.skipped,
        "rows": list(rows),
        **more,
    }
    put(setting.out / f"{name}.json", json.dumps(document, indent=1).encode())
    put(setting.out / f"{name}.csv", table(rows).encode())
    click.echo(f"{name}: {len(rows)} rows, {len(setting.skipped)} skipped -> {setting.out.name}/{name}.json, .csv")


def as_command(
    figure: Callable[..., None], run: Callable[..., None], own: Sequence[Callable[..., Any]]
) -> click.Command:
    """A figure's command. run: takes the options' values, SHARED and own ones, and calls the figure."""
    wrapped = run
    for decorate in reversed((*own, *SHARED)):
        wrapped = decorate(wrapped)
    module = sys.modules[figure.__module__]
    return click.command(name=figure.__name__, help=(module.__doc__ or "").split("\n")[0])(wrapped)


def run_all(package: str, *lines: Sequence[str], first: str | None = None) -> click.Command:
    """A command that runs modules of a package; a failure does not stop the others.

    lines: what runs in order; lines run side by side, up to --jobs where there are several. first: what runs before
    them, alone, and is told --jobs itself.
    """
    names = [*([first] if first else []), *(name for line in lines for name in line)]

    def main(only: tuple[str, ...], arguments: tuple[str, ...], jobs: int = 1) -> None:
        def failing(line: Sequence[str], more: tuple[str, ...] = ()) -> list[str]:
            chosen = [name for name in line if not only or name in only]
            return [name for name in chosen if not _run(f"{package}.{name}", (*arguments, *more))]

        failed = failing([first], ("--jobs", str(jobs))) if first else []
        with ThreadPoolExecutor(jobs) as pool:
            each = pool.map(failing, lines) if jobs > 1 else map(failing, lines)
            failed += [name for line in each for name in line]
        if failed:
            raise click.ClickException(f"failed: {', '.join(failed)}; run the same command again when it is mended")

    wrapped = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)(main)
    wrapped = click.option("--only", multiple=True, type=click.Choice(names))(wrapped)
    if len(lines) > 1:
        at_once = click.IntRange(1, len(lines))
        wrapped = click.option("--jobs", type=at_once, default=1, show_default=True, help="Side by side.")(wrapped)
    words = "Run everything with the ARGUMENTS that each command takes; an interrupted run goes on where it was."
    return click.command(help=words, context_settings={"ignore_unknown_options": True})(wrapped)


def _run(module: str, arguments: Sequence[str]) -> bool:
    """Whether it ended well."""
    began = time.perf_counter()
    click.echo(f"== {module}")
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
    click.echo(f"== {module}: exit {done.returncode}, {time.perf_counter() - began:.0f} s")
    return done.returncode == 0
