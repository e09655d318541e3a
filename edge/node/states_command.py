"""`edge-node states ADDRESS`: what a running node keeps of its sessions' codecs, and the way back to it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.wire.endpoint import EndpointError, Security, security_options

if TYPE_CHECKING:
    from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2_grpc

CONTROLLER = "controller"
PREVIOUS = "previous"
ANSWER_TIMEOUT_S = 30.0
ROLL_BACK_TIMEOUT_S = 300.0  # a tx waits until what is under way has its receipts
BAD_INPUT = 2


@dataclass(frozen=True)
class Row:
    """One kept state, as it is printed. created: UTC, ISO 8601."""

    session: str
    id: str
    method: str
    digest: str
    created: str
    before: float | None
    after: float | None
    unit: str
    active: bool

    def __str__(self) -> str:
        judged = "" if self.after is None else f", {self.before:.2f} -> {self.after:.2f} {self.unit}"
        mark = "*" if self.active else " "
        return f"{mark} {self.session}  {self.id}  {self.method}  {self.created}  {self.digest[:12]}{judged}"


@click.command(name="states")
@click.argument("address", metavar="HOST:PORT")
@click.option("--session", help="Only this session. Default: all of the node's.")
@click.option(
    "--roll-back", metavar="ID|previous", help="Put this state in force again; needs --session when there are several."
)
@click.option("--name", default="node", help="With --tls: the node's name, which its certificate bears.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@security_options
def states(
    address: str,
    session: str | None,
    roll_back: str | None,
    name: str,
    as_json: bool,
    tls: Path | None,
    insecure: bool,
) -> None:
    """Lists the codec states that the node at HOST:PORT keeps, the one in force marked with *.

    A state with another codebook is rolled back at the transmitter, and its receivers follow.
    """
    import grpc.aio  # here, because `edge-node --help` should not wait for it

    try:
        rows = asyncio.run(_ask(address, Security(CONTROLLER, tls, insecure), name, session, roll_back))
    except EndpointError as error:
        _fail(str(error))
    except grpc.aio.AioRpcError as error:
        _fail(f"{address}: {error.details() or error.code().name}")
    for row in rows:
        click.echo(json.dumps(asdict(row)) if as_json else str(row))
    if not rows and not as_json:
        click.echo("no states are kept: nothing was adapted yet", err=True)


async def _ask(address: str, security: Security, node: str, session: str | None, roll_back: str | None) -> list[Row]:
    """Rolls back when asked, then lists. Raises EndpointError and AioRpcError."""
    from edge.v1 import adapt_pb2, adapt_pb2_grpc, node_pb2_grpc
    from edge.wire.endpoint import open_channel

    channel = open_channel(address, security, node)
    try:
        stub = adapt_pb2_grpc.AdaptServiceStub(channel)
        sessions = [session] if session is not None else await _sessions(node_pb2_grpc.NodeServiceStub(channel))
        if roll_back is not None:
            if len(sessions) != 1:
                raise EndpointError(f"--roll-back: the node has {len(sessions)} sessions; choose one with --session")
            state_id = "" if roll_back == PREVIOUS else roll_back
            request = adapt_pb2.RollBackRequest(session=sessions[0], state_id=state_id)
            await stub.RollBack(request, timeout=ROLL_BACK_TIMEOUT_S)
        rows: list[Row] = []
        for name in sessions:
            rows += await _list(stub, name)
        return rows
    finally:
        await channel.close()


async def _sessions(stub: node_pb2_grpc.NodeServiceStub) -> list[str]:
    from edge.v1 import node_pb2

    answer = await stub.Describe(node_pb2.DescribeRequest(), timeout=ANSWER_TIMEOUT_S)
    return [session.session for session in answer.sessions]


async def _list(stub: adapt_pb2_grpc.AdaptServiceStub, session: str) -> list[Row]:
    from edge.v1 import adapt_pb2

    answer = await stub.ListStates(adapt_pb2.ListStatesRequest(session=session), timeout=ANSWER_TIMEOUT_S)
    return [_row(session, state) for state in answer.states]


def _row(session: str, state: adapt_pb2.CodecState) -> Row:
    return Row(
        session,
        state.id,
        state.method,
        state.digest,
        datetime.fromtimestamp(state.created_s, UTC).isoformat(timespec="seconds"),
        state.before if state.HasField("before") else None,
        state.after if state.HasField("after") else None,
        state.unit,
        state.active,
    )


def _fail(sentence: str) -> None:
    click.echo(f"edge-node states: {sentence}", err=True)
    sys.exit(BAD_INPUT)
