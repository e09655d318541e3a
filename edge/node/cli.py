"""`edge-node`: the command. It checks options; the work is in edge.node.daemon and edge.node.by_hand."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.node.align_terms import PATIENCE_S, Terms
from edge.node.shelf import KEEP_BYTES
from edge.node.states_command import states
from edge.wire.endpoint import EndpointError, Security, announce_serving, security_options, split_address, wait_for_stop
from edge.wire.packets import PACKET_BYTES, RUN_BYTES

if TYPE_CHECKING:
    from edge.codecs.variants import Capacity
    from edge.node.by_hand import Order
    from edge.node.daemon import NodeDaemon, NodeSettings
    from edge.node.inbox import Delivery

SMALLEST_PACKET_BYTES = 16
LARGEST_RUN_BYTES = 1 << 19  # a run must fit one batch
BAD_INPUT = 2
MAX_NODE_NAME = 128


def _fail(sentence: str) -> None:
    click.echo(f"edge-node: {sentence}", err=True)
    sys.exit(BAD_INPUT)


class _NodeCommand(click.Command):
    """The node itself; `edge-node states ...` is another command beside it, which needs none of its options."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args[:1] == [states.name]:
            return states.make_context(f"{info_name} {states.name}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


@click.command(
    name="edge-node", cls=_NodeCommand, epilog="What a running node keeps of its codecs: edge-node states --help"
)
@click.option("--role", type=click.Choice(["tx", "rx"]), required=True, help="tx sends, rx receives.")
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="This node's name in the topology. rx: may be repeated, for several receivers in one process.",
)
@click.option("--emulator", required=True, metavar="HOST:PORT", help="Where the emulator listens.")
@click.option(
    "--listen",
    "listens",
    multiple=True,
    default=("127.0.0.1:0",),
    metavar="HOST:PORT",
    help="Where to be controlled (default 127.0.0.1:0); once for each --name, or once with port 0.",
)
@click.option("--codec", help="Open this codec at start, without a controller (see: edge-codec list).")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Option of --codec; may be repeated.")
@click.option("--from", "source", help="rx: accept sessions of this node only.")
@click.option("--to", "destinations", multiple=True, metavar="NAME", help="tx: send to this node; may be repeated.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep in this folder what was delivered (rx) and what adaptation left, so that it outlives the process.",
)
@click.option(
    "--save", type=click.Path(path_type=Path, file_okay=False), help="rx: put each received picture in this folder."
)
@click.option("--send", metavar="PATH|sample", help="tx: send these pictures, print the receipts, and end.")
@click.option("--crop", type=click.IntRange(1, 65535), help="With --send: the middle CROP x CROP pixels.")
@click.option("--limit", type=click.IntRange(1), help="With --send: at most so many pictures.")
@click.option(
    "--first-message-id",
    type=click.IntRange(0, 1 << 62),
    help="With --send: number of the first message, which noise depends on. Default: from the clock.",
)
@click.option("--packet-bytes", type=int, default=PACKET_BYTES, show_default=True, help="Largest payload of a packet.")
@click.option(
    "--run-bytes", type=int, default=RUN_BYTES, show_default=True, help="Payload of packets that share a header."
)
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=KEEP_BYTES,
    show_default=True,
    metavar="BYTES",
    help="tx: keep so much of the latest pictures' sub-blocks, for receivers that ask for more later.",
)
@click.option("--json", "as_json", is_flag=True, help="With --send: one JSON object a line.")
@click.option(
    "--align/--no-align", default=True, show_default=True, help="rx: whether others may change its decoder (SLF)."
)
@click.option(
    "--align-patience",
    type=click.FloatRange(0.1),
    default=PATIENCE_S,
    show_default=True,
    metavar="SECONDS",
    help="rx: how long a transmitter it aligns with may be silent while others wait.",
)
@click.option(
    "--capacity",
    metavar="measure|FLOPS",
    help="Say what this node can compute: floating-point operations a second, or measure them now (takes 0.3 s).",
)
@click.option(
    "--memory-bytes",
    type=click.IntRange(1),
    help="With --capacity: the memory for a decoder's parameters (default: what this process may have).",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
@security_options
def main(
    role: str,
    names: tuple[str, ...],
    emulator: str,
    listens: tuple[str, ...],
    codec: str | None,
    settings: tuple[str, ...],
    source: str | None,
    destinations: tuple[str, ...],
    state: Path | None,
    save: Path | None,
    send: str | None,
    crop: int | None,
    limit: int | None,
    first_message_id: int | None,
    packet_bytes: int,
    run_bytes: int,
    keep: int,
    as_json: bool,
    align: bool,
    align_patience: float,
    capacity: str | None,
    memory_bytes: int | None,
    verbose: bool,
    tls: Path | None,
    insecure: bool,
) -> None:
    """Runs a node: a transmitter or a receiver of images, attached to an emulated network.

    Prints {"serving": "HOST:PORT"} when it can be controlled. With --codec it works without a controller. With --send
    it ends: with status 0 when every picture was decoded everywhere, 1 when one was not, 2 when something was refused.
    """
    _begin_log(verbose)
    options = _options(settings)
    _check_combination(role, codec, source, destinations, save, send)
    _check_sizes(packet_bytes, run_bytes)
    _check_names(names, listens, role, codec is not None or save is not None)
    _check_emulator(emulator)

    from edge.node.by_hand import Order
    from edge.node.daemon import NodeSettings
    from edge.node.flow import Cutting
    from edge.node.sessions import Role

    first = NodeSettings(
        name=names[0],
        role=Role(role),
        emulator=emulator,
        security=Security(names[0], tls, insecure),
        codec=codec,
        options=options,
        source=source,
        state_dir=state,
        save_dir=save,
        cutting=Cutting(packet_bytes, run_bytes),
        keep_bytes=keep,
        align=Terms(align, align_patience),
        capacity=_capacity(capacity, memory_bytes),
    )
    others = [replace(first, name=name, security=Security(name, tls, insecure)) for name in names[1:]]
    order = None if send is None else Order(send, destinations, crop, limit, first_message_id, as_json)
    life = _live_together([first, *others], listens) if others else _live(first, listens[0], destinations, order)
    sys.exit(_run(life))


def _begin_log(verbose: bool) -> None:
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(message)s")


def _check_emulator(address: str) -> None:
    try:
        split_address(address)
    except EndpointError as error:
        _fail(f"--emulator: {error}")


def _capacity(given: str | None, memory_bytes: int | None) -> Capacity | None:
    """What the node is to say of itself; None when it was not asked to."""
    if given is None:
        if memory_bytes is not None:
            _fail("--memory-bytes: is for --capacity; add --capacity measure or a number")
        return None
    from edge.node.capacity import declared, measured

    if given == "measure":
        return measured(memory_bytes)
    try:
        return declared(float(given), memory_bytes)
    except ValueError:
        _fail(f"--capacity: must be measure or floating-point operations a second above 0, got '{given}'")
        return None


def _options(settings: tuple[str, ...]) -> dict[str, str]:
    options = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not key or not equals:
            _fail(f"--set {setting}: must be KEY=VALUE, such as scale=4")
        options[key] = value
    return options


def _check_combination(
    role: str,
    codec: str | None,
    source: str | None,
    destinations: tuple[str, ...],
    save: Path | None,
    send: str | None,
) -> None:
    if role == "rx" and (send is not None or destinations):
        _fail("--send, --to: are for --role tx; leave them out or change the role")
    if role == "tx" and (source is not None or save is not None):
        _fail("--from, --save: are for --role rx; leave them out or change the role")
    if send is not None and (codec is None or not destinations):
        _fail("--send: needs --codec NAME and --to NAME; add them")
    if role == "tx" and (codec is None) != (not destinations):
        _fail("--codec, --to: a tx that is not controlled needs both; add the other one")
    if len(set(destinations)) != len(destinations):
        _fail(f"--to: the same node twice ({', '.join(destinations)}); name each once")


def _check_names(names: tuple[str, ...], listens: tuple[str, ...], role: str, by_hand: bool) -> None:
    for name in names:
        if not 1 <= len(name) <= MAX_NODE_NAME or not name.isprintable() or "/" in name or name in (".", ".."):
            _fail(f"--name: must be 1 to {MAX_NODE_NAME} printable characters without '/', got {name[:40]!r}")
    if len(set(names)) != len(names):
        _fail(f"--name: the same name twice ({', '.join(names)}); name each once")
    if len(names) > 1 and (role == "tx" or by_hand):
        _fail("--name: several are for receivers with a controller (no --codec, no --save); start a process for each")
    if len(listens) != len(names) and not (len(listens) == 1 and listens[0].endswith(":0")):
        _fail(f"--listen: {len(listens)} addresses for {len(names)} names; give one for each, or one with port 0")


def _check_sizes(packet_bytes: int, run_bytes: int) -> None:
    if packet_bytes < SMALLEST_PACKET_BYTES:
        _fail(f"--packet-bytes: must be at least {SMALLEST_PACKET_BYTES}, got {packet_bytes}")
    if not packet_bytes <= run_bytes <= LARGEST_RUN_BYTES:
        _fail(f"--run-bytes: must be from --packet-bytes ({packet_bytes}) to {LARGEST_RUN_BYTES}, got {run_bytes}")


def _run(life: Coroutine[Any, Any, int]) -> int:
    from edge.codecs.contract import CodecError
    from edge.images import ImageError
    from edge.node.attachment import AttachRefusedError
    from edge.node.inbox import InboxError
    from edge.node.sessions import ConfigurationError, MismatchError

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(life)
    except (
        AttachRefusedError,
        CodecError,
        ConfigurationError,
        EndpointError,
        ImageError,
        InboxError,
        MismatchError,
    ) as error:
        click.echo(f"edge-node: {error}", err=True)
        return BAD_INPUT


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed: some 15 % more throughput."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _live(node: NodeSettings, listen: str, destinations: tuple[str, ...], order: Order | None) -> int:
    """The node from start to end; gives the exit status. Raises what makes it impossible."""
    from edge.node.by_hand import send, session_name
    from edge.node.daemon import NodeDaemon
    from edge.node.sessions import Role

    stopped = asyncio.create_task(wait_for_stop(), name="signals")
    daemon = NodeDaemon(node, delivered=_say_delivered if node.save_dir is not None else None)
    try:
        if node.role is Role.RX:
            await daemon.open_own_codec()
        elif node.codec is not None:
            await daemon.open_session(session_name(node.name, destinations), list(destinations))
        if order is None:
            announce_serving(await daemon.serve(listen))
        daemon.attach()
        failure = asyncio.create_task(daemon.failure(), name="failure")
        work = asyncio.create_task(send(daemon, order), name="send") if order is not None else None
        await asyncio.wait({stopped, failure, *([work] if work else [])}, return_when=asyncio.FIRST_COMPLETED)
        return await _outcome(daemon, failure, work)
    finally:
        stopped.cancel()
        await daemon.stop()


async def _live_together(nodes: list[NodeSettings], listens: tuple[str, ...]) -> int:
    """Several receivers in one process, each with its own stream and its own control service; one that cannot go on
    ends all. Raises what makes it impossible."""
    from edge.node.daemon import NodeDaemon

    stopped = asyncio.create_task(wait_for_stop(), name="signals")
    daemons = [NodeDaemon(node) for node in nodes]
    try:
        where = listens if len(listens) == len(nodes) else listens * len(nodes)
        announce_serving(*[await daemon.serve(listen) for daemon, listen in zip(daemons, where, strict=True)])
        for daemon in daemons:
            daemon.attach()
        failures = [asyncio.create_task(daemon.failure(), name="failure") for daemon in daemons]
        await asyncio.wait({stopped, *failures}, return_when=asyncio.FIRST_COMPLETED)
        for failure in failures:
            if failure.done():
                failure.result()
            failure.cancel()
        return 0
    finally:
        stopped.cancel()
        await asyncio.gather(*(daemon.stop() for daemon in daemons))


async def _outcome(daemon: NodeDaemon, failure: asyncio.Task[None], work: asyncio.Task[int] | None) -> int:
    """The exit status when something ended. Raises what ended it."""
    if work is not None and work.done():
        failure.cancel()
        return work.result()
    if failure.done():
        if work is not None:
            work.cancel()
        failure.result()
    failure.cancel()
    if work is None:
        return 0
    work.cancel()
    click.echo(f"edge-node: interrupted, {daemon.transmitter.under_way} messages without all receipts", err=True)
    return 1


def _say_delivered(delivery: Delivery) -> None:
    reason = f": {delivery.receipt.reason}" if delivery.receipt.reason else ""
    state = "not decoded" if delivery.receipt.reason else "received"
    click.echo(f"{delivery.session} message {delivery.message_id}: {state}{reason}", err=True)


if __name__ == "__main__":
    main()
