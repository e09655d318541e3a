"""Every figure and table of SLF, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import click

LONG = ("sequence", "fedavg", "anew")  # with trainings of their own: side by side, one process each
DRAWN = ("fig3", "table1", "pilots", "choose", "fig2")  # from what align_all made
ALL = ("align_all", *LONG, *DRAWN)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--jobs", type=click.IntRange(1, 8), default=1, show_default=True, help="Processes side by side.")
@click.option("--only", multiple=True, type=click.Choice(ALL))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(jobs: int, only: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run everything with the ARGUMENTS that each command takes (--data, --out and more)."""
    chosen = [name for name in ALL if not only or name in only]
    failed = [name for name in chosen if name == "align_all" and not _run(name, (*arguments, "--jobs", str(jobs)))]
    with ThreadPoolExecutor(jobs) as pool:
        rest = [name for name in chosen if name != "align_all"]
        done = pool.map(lambda name: _run(name, arguments), rest)
        failed += [name for name, well in zip(rest, done, strict=True) if not well]
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}; run the same command again when it is mended")


def _run(name: str, arguments: tuple[str, ...]) -> bool:
    """Whether it ended well; a failure does not stop the others."""
    began = time.perf_counter()
    click.echo(f"== {name}")
    done = subprocess.run([sys.executable, "-m", f"tools.slf.{name}", *arguments], check=False)
    click.echo(f"== {name}: exit {done.returncode}, {time.perf_counter() - began:.0f} s")
    return done.returncode == 0


if __name__ == "__main__":
    main()
