"""Every table and figure, each by its own command, up to --jobs at a time; an interrupted run goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import click

# Each line runs in order; lines run side by side. Those that share fine-tuned decoders stay in one line.
LINES = (("table2_3", "fig11", "fig10", "fig7", "fig8"), ("fig2_3", "table1", "compare", "ablations"))


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--jobs", type=click.IntRange(1, 2), default=1, show_default=True, help="Processes side by side.")
@click.option("--only", multiple=True, type=click.Choice([name for line in LINES for name in line]))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(jobs: int, only: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run everything with the ARGUMENTS that each command takes (--data, --weights, --out and more)."""
    lines = [[name for name in line if not only or name in only] for line in LINES]
    with ThreadPoolExecutor(jobs) as pool:
        failed = [name for names in pool.map(lambda line: _run(line, arguments), lines) for name in names]
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}; run the same command again when it is mended")


def _run(line: list[str], arguments: tuple[str, ...]) -> list[str]:
    """Returns the names that failed; a failure does not stop the others."""
    failed = []
    for name in line:
        began = time.perf_counter()
        click.echo(f"== {name}")
        done = subprocess.run([sys.executable, "-m", f"tools.ftsc.{name}", *arguments], check=False)
        click.echo(f"== {name}: exit {done.returncode}, {time.perf_counter() - began:.0f} s")
        if done.returncode:
            failed.append(name)
    return failed


if __name__ == "__main__":
    main()
