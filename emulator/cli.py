"""The command edge-emulator. Everything heavy is imported by the verb that needs it, so that `validate` is instant."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Never, TypeVar

import click

BAD_INPUT = 2
REPORTS = Path("reports")

Command = TypeVar("Command", bound=Callable[..., Any])


def _refuse(*sentences: object) -> Never:
    """One sentence a line on standard error, exit status 2."""
    for sentence in sentences:
        click.echo(str(sentence), err=True)
    sys.exit(BAD_INPUT)


def _folder(exists: bool = False) -> click.Path:
    return click.Path(path_type=Path, file_okay=False, exists=exists)


def _overrides(command: Command) -> Command:
    """The options that change a scenario from the command line, as parameters settings, seed and clock."""
    for option in (
        click.option("--clock", metavar="CLOCK", help="virtual, real or scaled:F, in place of the scenario's."),
        click.option("--seed", type=int, help="Seed of all randomness, in place of the scenario's."),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a key, such as plan.scale=2; repeatable.",
        ),
    ):
        command = option(command)
    return command


def _load(name: str, settings: Iterable[str] = (), seed: int | None = None, clock: str | None = None) -> Any:
    """The Scenario; leaves with every fault when it is none."""
    from emulator.topology import TopologyError, load

    try:
        return load(name, tuple(settings), seed=seed, clock=clock)
    except TopologyError as error:
        _refuse(*error.faults)


@click.group()
def main() -> None:
    """Emulates the network between edge devices: runs scenarios, serves links, checks topologies, draws reports."""
    os.environ.setdefault(
        "GRPC_VERBOSITY", "NONE"
    )  # its C core repeats our sentences on standard error, in its own words


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the scenarios that come with semedge."""
    from emulator.topology import names

    entries = [_summary(_load(name)) for name in names()]
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    width = max((len(entry["name"]) for entry in entries), default=0)
    for entry in entries:
        click.echo(f"{entry['name']:{width}}  {entry['description']}")


def _summary(scenario: Any) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "description": scenario.description,
        "file": str(scenario.file),
        "digest": scenario.digest,
        "seed": scenario.seed,
        "clock": str(scenario.clock),
        "nodes": len(scenario.nodes),
        "links": len(scenario.links),
        "planned": scenario.plan is not None,
        "workload": [step.kind for step in scenario.workload],
    }


@main.command()
@click.argument("scenario")
@_overrides
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(scenario: str, settings: tuple[str, ...], seed: int | None, clock: str | None, as_json: bool) -> None:
    """Check SCENARIO (a file, or a name from `list`) and say what is in it.

    Every fault is one line on standard error, with file, line and key; exit status 2.
    """
    found = _summary(_load(scenario, settings, seed, clock))
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    counts = (
        _count(found["nodes"], "node"),
        _count(found["links"], "link"),
        _count(len(found["workload"]), "workload step"),
    )
    click.echo(f"{scenario}: valid: {', '.join(counts)}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@main.command()
@click.argument("directory", type=_folder())
@click.option("--name", "names", multiple=True, help="A node that gets a certificate; repeatable.")
@click.option("--topology", metavar="SCENARIO", help="Certificates for the nodes of this file or scenario.")
@click.option("--host", "hosts", multiple=True, help="A host name or address that daemons listen on; repeatable.")
@click.option("--days", type=int, default=365, show_default=True, help="How long certificates hold.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def certs(
    directory: Path, names: tuple[str, ...], topology: str | None, hosts: tuple[str, ...], days: int, as_json: bool
) -> None:
    """Make certificates for mutual TLS in DIRECTORY: a private authority, and one for each daemon and node.

    Run again, it adds what is missing and overwrites nothing. Each machine needs ca.pem and its own NAME.pem and
    NAME.key; keep ca.key to yourself: who has it can be anybody.
    """
    from emulator.certs import DEFAULT_NAMES, CertificateError, make_certificates

    wanted = [*DEFAULT_NAMES, *names]
    if topology is not None:
        wanted += [name for name, node in _load(topology).nodes.items() if node.role != "relay"]
    try:
        made = make_certificates(directory, wanted, hosts, days)
    except CertificateError as error:
        _refuse(error)
    if as_json:
        answer = {"authority": made.new_authority, "made": list(made.made), "kept": list(made.kept)}
        click.echo(json.dumps({"directory": str(directory), **answer}, indent=2))
        return
    click.echo(f"{directory}/ca.pem: {'made' if made.new_authority else 'kept'}")
    for name in made.made:
        click.echo(f"{directory}/{name}.pem: made")
    for name in made.kept:
        click.echo(f"{directory}/{name}.pem: kept; delete it and its key to have it made again")


@main.command()
@click.argument("scenario")
@click.option("--images", type=click.Path(path_type=Path), help="Your pictures: file, folder, .tar or .npz.")
@click.option("--limit", type=click.IntRange(1), help="At most so many pictures.")
@_overrides
@click.option("--out", type=_folder(), help="The report's folder. [default: reports/NAME-TIME]")
@click.option("--tls", type=_folder(exists=True), help="Folder made by `certs`: processes speak mutual TLS.")
@click.option("--json", "as_json", is_flag=True, help="Print report.json on standard output; no progress.")
def run(
    scenario: str,
    images: Path | None,
    limit: int | None,
    settings: tuple[str, ...],
    seed: int | None,
    clock: str | None,
    out: Path | None,
    tls: Path | None,
    as_json: bool,
) -> None:
    """Run SCENARIO (a file, or a name from `list`): start its processes, send pictures, write a report."""
    loaded = _load(scenario, settings, seed, clock)
    folder = REPORTS / f"{loaded.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}" if out is None else out

    import asyncio

    from edge.images import ImageError
    from edge.wire.endpoint import EndpointError
    from emulator.launch.local import LaunchError
    from emulator.progress import Bars
    from emulator.report import ReportError
    from emulator.report.terminal import summary
    from emulator.run import RunError, RunOptions, run_scenario

    options = RunOptions(out=folder, images=images, limit=limit, tls_dir=tls, command=["edge-emulator", *sys.argv[1:]])
    try:
        report = asyncio.run(run_scenario(loaded, options, None if as_json else Bars()))
    except (RunError, LaunchError, ImageError, ReportError, EndpointError) as error:
        _refuse(error)
    except OSError as error:
        _refuse(f"{error.filename or folder}: {error.strerror}; choose another folder with --out")
    click.echo(report.to_json() if as_json else f"{summary(report)}\nreport: {folder / 'report.html'}")


@main.command()
@click.option(
    "--topology", metavar="SCENARIO", help="Serve this file or scenario; without it, wait for a controller's."
)
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT; port 0 takes any free one.")
@_overrides
@click.option("--tls", type=_folder(exists=True), help="Folder made by `certs`: mutual TLS.")
@click.option("--insecure", is_flag=True, help="Allow plain text beyond loopback: anybody there may send and control.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
def serve(
    topology: str | None,
    listen: str,
    settings: tuple[str, ...],
    seed: int | None,
    clock: str | None,
    tls: Path | None,
    insecure: bool,
    verbose: bool,
) -> None:
    """Serve the emulated network: prints {"serving": "HOST:PORT"}, ends on SIGTERM or SIGINT with nothing lost."""
    if topology is None and (settings or seed is not None or clock is not None):
        _refuse("--set, --seed, --clock: change a topology, and none is given; add --topology SCENARIO")
    loaded = None if topology is None else _load(topology, settings, seed, clock)

    import logging

    from edge.wire.endpoint import EndpointError, Security
    from emulator import server
    from emulator.link_config import TopologyError

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    try:
        server.run(listen, Security("emulator", tls, insecure), None if loaded is None else loaded.to_proto())
    except (EndpointError, TopologyError) as error:
        _refuse(error)


@main.command()
@click.argument("directory", type=_folder())
def report(directory: Path) -> None:
    """Draw the report in DIRECTORY again from its report.json and pictures."""
    from emulator.report import ReportError, build

    try:
        page = build(directory)
    except ReportError as error:
        _refuse(error)
    click.echo(f"report: {page}")
