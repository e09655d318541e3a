"""The command edge-optimizer. Everything heavy is imported by the verb that needs it, so that --help is instant."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

_BAD_INPUT = 2
_NOT_OPTIMAL = 3


def _refuse(error: Exception) -> None:
    """One sentence on standard error, exit status 2."""
    click.echo(f"edge-optimizer: {error}", err=True)
    sys.exit(_BAD_INPUT)


@click.group()
def main() -> None:
    """Plans bandwidth, power and compression for the receivers of a downlink (FTSC, section V)."""


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--solver", default=None, help="price, algorithm1, algorithm1-joint or convex; default: the file's.")
@click.option("--seed", type=int, default=None, help="Seed of drawn distances and fading; default: the file's.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(file: Path, solver: str | None, seed: int | None, as_json: bool) -> None:
    """Solve the problem in FILE (YAML or JSON) and print the plan with its certificate.

    Exit status 2 for bad input or an infeasible deadline, 3 when the solver could not be trusted.
    """
    from optimizer.errors import ProblemError
    from optimizer.plan import Status
    from optimizer.problem_file import read
    from optimizer.render import plan_dict, plan_table
    from optimizer.solve import solve

    try:
        problem, stated_solver = read(file, seed)
        answer = solve(problem, solver or stated_solver)
    except ProblemError as error:
        _refuse(error)
        return
    click.echo(json.dumps(plan_dict(answer), indent=2) if as_json else plan_table(answer))
    if answer.status in (Status.INACCURATE, Status.FAILED):
        click.echo(f"edge-optimizer: {answer.solver} ended {answer.status.value}; do not use this plan", err=True)
        sys.exit(_NOT_OPTIMAL)


@main.command()
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT; port 0 takes any free one.")
@click.option("--name", default="optimizer", show_default=True, help="This process's name, and its certificate's.")
@click.option(
    "--tls",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=None,
    help="Folder with ca.pem and this process's certificate: mutual TLS.",
)
@click.option("--insecure", is_flag=True, help="Allow plain text beyond loopback: anybody there may ask for plans.")
def serve(listen: str, name: str, tls: Path | None, insecure: bool) -> None:
    """Serve optimizer.v1.PlannerService until SIGTERM or Ctrl-C."""
    import asyncio

    from edge.wire.endpoint import EndpointError, Security
    from optimizer.server import serve as run

    try:
        asyncio.run(run(listen, Security(name=name, tls_dir=tls, insecure=insecure)))
    except EndpointError as error:
        _refuse(error)


if __name__ == "__main__":
    main()
