"""Every figure of multi-user Swin, each by its own command; an interrupted run goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time

import click

ALL = ("fig2", "fig3", "fig4", "fig5", "against", "decoders")


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--only", multiple=True, type=click.Choice(ALL))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(only: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run everything with the ARGUMENTS that each command takes (--data, --out and more)."""
    failed = [name for name in ALL if (not only or name in only) and not _run(name, arguments)]
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}; run the same command again when it is mended")


def _run(name: str, arguments: tuple[str, ...]) -> bool:
    """Whether it ended well; a failure does not stop the others."""
    began = time.perf_counter()
    click.echo(f"== {name}")
    done = subprocess.run([sys.executable, "-m", f"tools.multiuser.{name}", *arguments], check=False)
    click.echo(f"== {name}: exit {done.returncode}, {time.perf_counter() - began:.0f} s")
    return done.returncode == 0


if __name__ == "__main__":
    main()
