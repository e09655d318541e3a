"""How many bytes and packets a second cross the emulator, beside a bare two-hop gRPC forward in the same run.

Three processes each time: sender, middle, receiver. The bare middle forwards the same protobuf messages and does
nothing else; the emulator's middle serves a link without rate limit whose level flips bits at the given rate.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import click
import grpc.aio
import numpy as np

from edge.segment import Kind, Segment
from edge.wire.endpoint import CHANNEL_OPTIONS, SERVER_OPTIONS, Security, announce_serving
from edge.wire.integrity import header_crc
from edge.wire.packets import RUN_BYTES, message_head, packetize
from emulator.v1 import control_pb2, data_plane_pb2, data_plane_pb2_grpc

MESSAGE_BYTES = 4 * RUN_BYTES  # about 1 MiB
QUEUE_BYTES = 8 * 1024 * 1024
Request: TypeAlias = data_plane_pb2.AttachRequest
Response: TypeAlias = data_plane_pb2.AttachResponse


# -- the middle ------------------------------------------------------------------------------------------------------


class BareForward(data_plane_pb2_grpc.DataPlaneServiceServicer):  # type: ignore[misc]
    """Gives every batch of the stream 'tx' to the stream 'rx', through a queue of a few."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Response] = asyncio.Queue(maxsize=8)

    async def Attach(self, request_iterator: Any, context: Any) -> None:  # noqa: N802
        hello = await anext(aiter(request_iterator))
        if hello.hello.node == "tx":
            async for request in request_iterator:
                response = Response()
                response.batch.CopyFrom(request.batch)
                await self.queue.put(response)
        else:
            while True:
                await context.write(await self.queue.get())


async def bare_forward() -> None:
    server = grpc.aio.server(options=list(SERVER_OPTIONS))
    data_plane_pb2_grpc.add_DataPlaneServiceServicer_to_server(BareForward(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    announce_serving(f"127.0.0.1:{port}")
    await server.wait_for_termination()


def emulator(ber: float) -> None:
    from emulator import server

    link = control_pb2.Link(
        name="air",
        source="tx",
        destinations=["rx"],
        queue_bytes=QUEUE_BYTES,
        levels=[control_pb2.ReliabilityLevel(ber=ber)],
    )
    clock = control_pb2.Clock(mode=control_pb2.CLOCK_MODE_VIRTUAL)
    topology = control_pb2.Topology(name="bench", seed=1, clock=clock, nodes=["tx", "rx"], links=[link])
    server.run("127.0.0.1:0", Security("emulator"), topology)


# -- the ends --------------------------------------------------------------------------------------------------------


def requests(count: int, packet_bytes: int) -> Iterator[tuple[Request, int]]:
    """`count` messages of random bits, a run a request: gRPC messages of about 256 KiB, and their payload in bytes."""
    bits = np.random.default_rng(1).integers(0, 2, MESSAGE_BYTES * 8).astype(np.uint8)
    part = Segment(Kind.BITS, bits)
    template = list(packetize("s", 0, [part], packet_bytes=packet_bytes))
    for number in range(count):
        for i, run in enumerate(template):
            run.message_id = number
            run.header_crc = header_crc(run)
            request = Request()
            if i == 0:
                request.batch.frames.add().head.CopyFrom(message_head("s", number, [part]))
            request.batch.frames.add().run.CopyFrom(run)
            if i == len(template) - 1:
                end = request.batch.frames.add().end
                end.session, end.message_id = "s", number
            yield request, len(run.payload)


async def sender(address: str, count: int, packet_bytes: int, credited: bool) -> None:
    async with grpc.aio.insecure_channel(address, options=list(CHANNEL_OPTIONS)) as channel:
        call = data_plane_pb2_grpc.DataPlaneServiceStub(channel).Attach()
        await call.write(Request(hello=data_plane_pb2.Hello(node="tx", instance="tx")))
        credit, more = 0, asyncio.Event()

        async def read_credit() -> None:
            nonlocal credit
            with contextlib.suppress(grpc.aio.AioRpcError):  # the parent ends the middle first
                while (response := await call.read()) is not grpc.aio.EOF:
                    credit += response.credit.size_bytes
                    more.set()

        if credited:
            await call.write(
                Request(announcement=data_plane_pb2.Announcement(session="s", source="tx", destinations=["rx"]))
            )
            reader = asyncio.create_task(read_credit())
        for request, size in requests(count, packet_bytes):
            while credited and credit < size:
                more.clear()
                await more.wait()
            credit -= size
            await call.write(request)
        if credited:
            await reader
        await asyncio.sleep(3600)  # until the parent ends us: closing the stream would end the measurement early


async def receiver(address: str, count: int, credited: bool) -> None:
    async with grpc.aio.insecure_channel(address, options=list(CHANNEL_OPTIONS)) as channel:
        call = data_plane_pb2_grpc.DataPlaneServiceStub(channel).Attach()
        await call.write(Request(hello=data_plane_pb2.Hello(node="rx", instance="rx")))
        if credited:
            await call.read()
        announce_serving(address)
        received, packets, began = 0, 0, 0.0
        while received < count * MESSAGE_BYTES:
            response = await call.read()
            if response.WhichOneof("response") == "announcement":
                await call.write(Request(answer=data_plane_pb2.Answer(session="s", destination="rx", accepted=True)))
                continue
            began = began or time.perf_counter()
            for frame in response.batch.frames:
                received += len(frame.run.payload)
                packets += -(-frame.run.count // frame.run.packet_elements) if frame.HasField("run") else 0
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "bytes": received, "packets": packets}), flush=True)


# -- the parent ------------------------------------------------------------------------------------------------------


def _start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, "role", *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def _line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def measure(middle: str, count: int, packet_bytes: int, ber: float) -> dict[str, float]:
    """One pass: MB/s and packets/s at the receiver."""
    processes = [_start(middle, "--ber", ber)]
    try:
        address = _line(processes[0])["serving"]
        credited = ["--credited"] if middle == "emulator" else []
        processes.append(_start("receiver", "--address", address, "--count", count, *credited))
        _line(processes[1])
        processes.append(
            _start("sender", "--address", address, "--count", count, "--packet-bytes", packet_bytes, *credited)
        )
        figures = _line(processes[1])
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return {
        "mb_per_s": figures["bytes"] / figures["seconds"] / 1e6,
        "packets_per_s": figures["packets"] / figures["seconds"],
    }


@click.group()
def main() -> None:
    """Throughput of the data plane."""


@main.command()
@click.option("--count", default=400, show_default=True, help="Messages of about 1 MiB a pass.")
@click.option("--passes", default=5, show_default=True, help="Passes of each kind, taken in turn.")
@click.option("--ber", default=1e-3, show_default=True)
@click.option("--packet-bytes", default=1024, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON here too.")
def run(count: int, passes: int, ber: float, packet_bytes: int, out: Path | None) -> None:
    """Measures both middles in turn and prints medians and their ratio."""
    results: dict[str, list[dict[str, float]]] = {"bare": [], "emulator": []}
    for _ in range(passes):
        for middle, rows in results.items():
            rows.append(measure(middle, count, packet_bytes, ber))
    median = {
        kind: {key: statistics.median(row[key] for row in rows) for key in rows[0]} for kind, rows in results.items()
    }
    figures = {
        "what": "sender -> middle -> receiver, three processes",
        "ber": ber,
        "packet_bytes": packet_bytes,
        "grpc_message_bytes": RUN_BYTES,
        "bare_mb_per_s": median["bare"]["mb_per_s"],
        "emulator_mb_per_s": median["emulator"]["mb_per_s"],
        "ratio": statistics.median(
            e["mb_per_s"] / b["mb_per_s"] for e, b in zip(results["emulator"], results["bare"], strict=True)
        ),
        "emulator_packets_per_s": median["emulator"]["packets_per_s"],
        "passes": results,
    }
    text = json.dumps(figures, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")


@main.command()
@click.argument("which", type=click.Choice(["bare", "emulator", "sender", "receiver"]))
@click.option("--address", default="")
@click.option("--count", default=1)
@click.option("--packet-bytes", default=1024)
@click.option("--ber", default=1e-3)
@click.option("--credited", is_flag=True)
def role(which: str, address: str, count: int, packet_bytes: int, ber: float, credited: bool) -> None:
    """One of the processes; `run` starts them."""
    if which == "bare":
        asyncio.run(bare_forward())
    elif which == "emulator":
        emulator(ber)
    elif which == "sender":
        asyncio.run(sender(address, count, packet_bytes, credited))
    else:
        asyncio.run(receiver(address, count, credited))


if __name__ == "__main__":
    main()
