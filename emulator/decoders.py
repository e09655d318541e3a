"""Which decoder each receiver runs: asks the sender for a choice, carries its files to the receivers, keeps book.

The sender decides and makes the files; the controller carries them, because nodes take orders from nobody else. A file
goes over the control plane: it takes no model time, and the report says how large it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from edge.v1 import decoders_pb2, decoders_pb2_grpc, node_pb2, node_pb2_grpc, parameters_pb2, parameters_pb2_grpc
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.report.schema import DecoderChoice, DecoderOffer
from emulator.sessions import Session
from emulator.topology import Equip

TIMEOUT_S = 120.0
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class _File:
    """A decoder as a receiver got it."""

    session: str
    data: bytes
    digest: str


class Decoders:
    """Of all sessions of a run. choices: what equip steps chose, in order."""

    def __init__(self, fleet: Fleet) -> None:
        self.choices: list[DecoderChoice] = []
        self._fleet = fleet
        self._uploaded: dict[tuple[str, str], _File] = {}  # by session and receiver

    async def equip(self, index: int, step: Equip, session: Session) -> list[DecoderChoice]:
        """Has the sender choose for every receiver of a session, and gives each what it lacks.

        Raises RunError, or what the nodes say: of a receiver that is too weak, its name and both figures.
        """
        described = {name: await self._describe(name) for name in session.destinations}
        target = parameters_pb2.DecodeTarget(latency_s=step.latency_s, height=step.side, width=step.side)
        asked = [
            decoders_pb2.ReceiverCapacity(receiver=name, capacity=each.capacity) for name, each in described.items()
        ]
        stub = decoders_pb2_grpc.DecoderServiceStub(self._fleet.members[session.source].channel)
        request = decoders_pb2.ChooseDecodersRequest(session=session.name, target=target, receivers=asked)
        answer = await stub.ChooseDecoders(request, timeout=TIMEOUT_S)
        chosen = []
        for choice in answer.choices:
            told = described[choice.receiver]
            report = _report(index, step, session, choice, told)
            if report.before != report.decoder:
                report.uploaded_bytes = await self.give(session, choice.receiver, choice.decoder, target)
            chosen.append(report)
        self.choices += chosen
        return chosen

    async def give(
        self,
        session: Session,
        receiver: str,
        decoder: str,
        target: parameters_pb2.DecodeTarget | None = None,
    ) -> int:
        """Carries a decoder from the sender to a receiver; gives the bytes of its file. target: what it must manage
        there."""
        stub = decoders_pb2_grpc.DecoderServiceStub(self._fleet.members[session.source].channel)
        request = decoders_pb2.DownloadDecoderRequest(session=session.name, receiver=receiver, decoder=decoder)
        parts = [part async for part in stub.DownloadDecoder(request, timeout=TIMEOUT_S)]
        if not parts or sum(len(part.chunk) for part in parts) != parts[0].size_bytes:
            raise RunError(f"{session.source}: its file of decoder '{decoder}' came in part only; run it again")
        file = _File(session.name, b"".join(part.chunk for part in parts), parts[0].digest)
        await self._upload(receiver, file, target)
        self._uploaded[session.name, receiver] = file
        return len(file.data)

    async def restore(self, node: str) -> None:
        """Gives a new process of a receiver what the one before it had been given."""
        for (_, receiver), file in self._uploaded.items():
            if receiver == node:
                await self._upload(node, file, None)

    async def running(self, receiver: str, session: Session) -> node_pb2.SessionDescription:
        """A session as its receiver holds it now."""
        described = await self._describe(receiver)
        found: node_pb2.SessionDescription = next(each for each in described.sessions if each.session == session.name)
        return found

    async def _describe(self, name: str) -> node_pb2.DescribeResponse:
        stub = node_pb2_grpc.NodeServiceStub(self._fleet.members[name].channel)
        answer: node_pb2.DescribeResponse = await stub.Describe(
            node_pb2.DescribeRequest(), timeout=TIMEOUT_S, wait_for_ready=True
        )
        return answer

    async def _upload(self, receiver: str, file: _File, target: parameters_pb2.DecodeTarget | None) -> None:
        stub = parameters_pb2_grpc.ParameterServiceStub(self._fleet.members[receiver].channel)
        await stub.UploadParameters(_parts(file, target), timeout=TIMEOUT_S)


def _parts(file: _File, target: parameters_pb2.DecodeTarget | None) -> Iterator[parameters_pb2.UploadParametersRequest]:
    head = parameters_pb2.UploadHead(session=file.session, size_bytes=len(file.data), digest=file.digest, target=target)
    yield parameters_pb2.UploadParametersRequest(head=head)
    for number in range(ceil(len(file.data) / CHUNK_BYTES)):
        chunk = file.data[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
        yield parameters_pb2.UploadParametersRequest(chunk=chunk)


def _report(
    index: int,
    step: Equip,
    session: Session,
    choice: decoders_pb2.DecoderChoice,
    told: node_pb2.DescribeResponse,
) -> DecoderChoice:
    held = next(each.decoder for each in told.sessions if each.session == session.name)
    return DecoderChoice(
        step=index,
        session=session.name,
        source=session.source,
        receiver=choice.receiver,
        speed=told.capacity.flops_per_s,
        measured=told.capacity.measured,
        memory_bytes=told.capacity.memory_bytes,
        limit_s=step.latency_s,
        side=step.side,
        decoder=choice.decoder,
        before=held,
        offers=[
            DecoderOffer(
                decoder=offer.decoder,
                flops=offer.flops,
                memory_bytes=offer.memory_bytes,
                latency_s=offer.latency_s,
                fits=offer.fits,
            )
            for offer in choice.offers
        ],
    )
