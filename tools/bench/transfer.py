"""Is time right? 114 000 bytes over 2 Mbit/s and 20 ms: model time on the virtual clock, wall time on the real one.

Wall time is from the write of the sender to the reading of the end by the receiver, over real sockets: both in this
process, the emulator in its own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.endpoint import Security, open_channel
from edge.wire.packets import message_head, packetize
from emulator.v1 import data_plane_pb2, data_plane_pb2_grpc

SIZE_BYTES, RATE_BPS, DELAY_S = 114_000, 2e6, 0.02
THEORY_S = SIZE_BYTES * 8 / RATE_BPS + DELAY_S
TOPOLOGY = """
version: 1
name: transfer
clock: {clock}
nodes: {{tx: {{role: tx}}, rx: {{role: rx, codec: {{name: raw}}}}}}
links: [{{name: link, from: tx, to: rx, rate_bps: 2e+6, delay_s: 0.02}}]
"""
Request = data_plane_pb2.AttachRequest


async def _until(call: Any, kind: str) -> Any:
    while (response := await call.read()).WhichOneof("response") != kind:
        pass
    return response


async def _receive_end(rx: Any) -> packet_pb2.Transit:
    while True:
        for frame in (await _until(rx, "batch")).batch.frames:
            if frame.HasField("end"):
                transit: packet_pb2.Transit = frame.end.transit
                return transit


async def transfers(address: str, count: int) -> list[dict[str, float]]:
    """`count` messages, one after the other."""
    part = Segment(Kind.OPAQUE, np.zeros(SIZE_BYTES, np.uint8))
    rows = []
    async with open_channel(address, Security("controller"), "emulator") as channel:
        stub = data_plane_pb2_grpc.DataPlaneServiceStub(channel)
        tx, rx = stub.Attach(), stub.Attach()
        for call, name in ((tx, "tx"), (rx, "rx")):
            await call.write(Request(hello=data_plane_pb2.Hello(node=name, instance=name)))
            await _until(call, "welcome")
        announcement = data_plane_pb2.Announcement(session="s", source="tx", destinations=["rx"])
        await tx.write(Request(announcement=announcement))
        await _until(rx, "announcement")
        await rx.write(Request(answer=data_plane_pb2.Answer(session="s", destination="rx", accepted=True)))
        await _until(tx, "credit")
        for number in range(count):
            batch = packet_pb2.Batch(frames=[packet_pb2.Frame(head=message_head("s", number, [part]))])
            batch.frames.extend(packet_pb2.Frame(run=run) for run in packetize("s", number, [part]))
            batch.frames.append(packet_pb2.Frame(end=packet_pb2.MessageEnd(session="s", message_id=number)))
            began = time.perf_counter()
            await tx.write(Request(batch=batch))
            transit = await _receive_end(rx)
            wall_s = time.perf_counter() - began
            rows.append({"model_ns": transit.received_ns - transit.sent_ns, "wall_s": wall_s})
        tx.cancel()
        rx.cancel()
    return rows


def measure(clock: str, count: int) -> list[dict[str, float]]:
    """Transfers through an emulator process under a clock."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "transfer.yaml"
        file.write_text(TOPOLOGY.format(clock=clock))
        command = [sys.executable, "-m", "emulator", "serve", "--topology", str(file)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            return asyncio.run(transfers(json.loads(process.stdout.readline())["serving"], count))
        finally:
            process.terminate()
            process.wait()


@click.command()
@click.option("--count", default=20, show_default=True, help="Transfers under each clock.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON here too.")
def main(count: int, out: Path | None) -> None:
    """Transfer times under the virtual and the real clock, beside size / rate + delay."""
    virtual, real = measure("virtual", count), measure("real", count)
    errors = [row["wall_s"] / THEORY_S - 1 for row in real]
    figures = {
        "what": f"{SIZE_BYTES} bytes over {RATE_BPS:g} bit/s and {DELAY_S:g} s",
        "theory_s": THEORY_S,
        "virtual_model_ns": sorted({int(row["model_ns"]) for row in virtual}),
        "real_model_ns": sorted({int(row["model_ns"]) for row in real}),
        "real_wall_s_median": statistics.median(row["wall_s"] for row in real),
        "real_error_median": statistics.median(errors),
        "real_error_worst": max(errors, key=abs),
        "virtual_wall_s_median": statistics.median(row["wall_s"] for row in virtual),
    }
    text = json.dumps(figures, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n")


if __name__ == "__main__":
    main()
