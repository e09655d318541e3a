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
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--solver", default=None, help="price, algorithm1, algorithm1-joint or convex; default: the file's.")
@click.option("--seed", type=int, default=None, help="Seed of drawn distances and fading; default: the file's.")
@click.option("--json", "as_json", is_flag=True, help="Print the sentences as JSON.")
def explain(file: Path, solver: str | None, seed: int | None, as_json: bool) -> None:
    """Say in words why the plan for FILE gives each receiver what it gives."""
    from optimizer.errors import ProblemError
    from optimizer.explain import explain as sentences_of
    from optimizer.problem_file import read
    from optimizer.solve import solve

    try:
        problem, stated_solver = read(file, seed)
        answer = solve(problem, solver or stated_solver)
    except ProblemError as error:
        _refuse(error)
        return
    sentences = (*sentences_of(answer), *(f"Warning: {sentence}." for sentence in answer.warnings))
    click.echo(json.dumps({"explanation": sentences}, indent=2) if as_json else "\n".join(sentences))


@main.command()
@click.argument("what", metavar="fig12|fig13|fig14|stall|FILE")
@click.option("--vary", "varied", default=None, help="For a FILE: KEY=START:STOP:STEP or KEY=V1,V2,...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder for the files.")
@click.option("--seeds", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many draws.")
@click.option("--seed", default=0, show_default=True, type=int, help="First of the draws' seeds.")
@click.option("--preset", default=None, type=click.Choice(["paper", "tradeoff"]), help="For a figure.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON as well.")
def sweep(what: str, varied: str | None, out: Path, seeds: int, seed: int, preset: str | None, as_json: bool) -> None:
    """Solve a whole figure of the paper, or a problem FILE over a range, and write CSV, JSON and PNG.

    stall shows where Algorithm 1 ends for different starts.
    """
    from optimizer.errors import ProblemError
    from optimizer.experiment_files import write
    from optimizer.figures import FIGURES
    from optimizer.problem_file import read_mapping
    from optimizer.vary import vary

    draws = tuple(range(seed, seed + seeds))
    try:
        if what in FIGURES:
            if varied is not None:
                raise ProblemError(f"--vary {varied}: {what} varies its own quantity; give a problem file instead")
            experiment = FIGURES[what](draws) if preset is None else FIGURES[what](draws, preset)
        elif varied is None:
            raise ProblemError(f"{what}: needs --vary, such as --vary bandwidth_hz=1000:8000:1000")
        else:
            file = Path(what)
            experiment = vary(read_mapping(file), varied, draws, file.parent)
    except ProblemError as error:
        _refuse(error)
        return
    try:
        paths = write(experiment, out)
    except OSError as error:
        _refuse(ProblemError(f"--out {out}: cannot write ({error.strerror}); choose a folder that can be written"))
        return
    if as_json:
        click.echo(paths[1].read_text(encoding="utf-8"))
    for path in paths:
        click.echo(path, err=as_json)


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
