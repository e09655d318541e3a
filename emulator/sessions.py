"""The sessions that the controller opens: which codec each end holds, agreed before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.v1 import node_pb2, node_pb2_grpc
from emulator.errors import RunError
from emulator.fleet import Fleet
from emulator.together import together
from emulator.topology import Scenario
from emulator.topology.resolve import receiver_codec, sender_codec

CONFIGURE_TIMEOUT_S = 120.0


@dataclass
class Session:
    """A session that is open. scale: as its codecs were opened. next_id: number of its next message. level_bers: bit
    error rate that its codec asks for, a reliability level each. highest_levels: highest level that a receiver takes,
    of those that do not take all. layered: whether its codec makes sub-blocks. heads, etas: of these, as in
    SessionDescription. whole: every receiver is sent all of them."""

    name: str
    source: str
    destinations: tuple[str, ...]
    scale: int | None
    next_id: int = 0
    level_bers: tuple[float, ...] = ()
    highest_levels: dict[str, int] = field(default_factory=dict)
    layered: bool = False
    heads: tuple[str, ...] = ()
    etas: tuple[float, ...] = ()
    whole: bool = False


class Sessions:
    """Opens sessions. scales: the planned scaling rate of each receiver that has one."""

    def __init__(self, scenario: Scenario, fleet: Fleet) -> None:
        self._scenario = scenario
        self._fleet = fleet
        self._open: dict[str, Session] = {}
        self.scales: dict[str, int] = {}

    async def open(self, source: str, destinations: tuple[str, ...], whole: bool = False) -> Session:
        """The session from source to destinations, opened when it is not. whole: they are sent all that the codec
        makes, whatever they take of it. Raises RunError when codecs differ."""
        name = f"{source}->{','.join(destinations)}{' whole' if whole else ''}"
        if name not in self._open:
            session = Session(name, source, destinations, self.scales.get(destinations[0]), whole=whole)
            await self._agree(session)
            self._open[name] = session
        return self._open[name]

    async def rescale(self) -> list[Session]:
        """Opens anew the codecs whose planned scale has changed; gives those sessions."""
        changed = []
        for session in self._open.values():
            scale = self.scales.get(session.destinations[0])
            if scale not in (None, session.scale):
                session.scale = scale
                await self._agree(session)
                changed.append(session)
        return changed

    async def restore(self, node: str) -> None:
        """Tells a new node process its sessions. (A sender dies between two steps: a step under way has failed.)"""
        for session in self._open.values():
            if node in (*session.destinations, session.source):
                await self._configure(node, self._config(session, node))

    async def _agree(self, session: Session) -> None:
        """Receivers first, then the sender, which is told what they hold and refuses what does not match."""
        answers = await together([self._configure(d, self._config(session, d)) for d in session.destinations])
        descriptions = [_described(answer, session) for answer in answers]
        held = [description.codec for description in descriptions]
        for other in held[1:]:
            if other != held[0]:
                raise RunError(
                    f"session {session.name}: its receivers hold different codecs ({held[0].name}, {other.name}); "
                    "give them the same, or send unicast"
                )
        session.highest_levels = {
            receiver: description.highest_level
            for receiver, description in zip(session.destinations, descriptions, strict=True)
            if description.HasField("highest_level") and not session.whole
        }
        session.layered = any(description.layered for description in descriptions)
        session.heads, session.etas = tuple(descriptions[0].heads), tuple(descriptions[0].etas)
        config = self._config(session, session.source)
        config.peer_codec.CopyFrom(held[0])
        answer = await self._configure(session.source, config)
        session.level_bers = tuple(_described(answer, session).level_bers)

    def _config(self, session: Session, node: str) -> node_pb2.SessionConfig:
        """What a node is told: its own codec, or the receivers' where it names none; the planned scale above all."""
        if node == session.source:
            codec = sender_codec(self._scenario, node, session.destinations, session.scale)
        else:
            codec = receiver_codec(self._scenario, node, session.scale)
        return node_pb2.SessionConfig(
            session=session.name,
            source=session.source,
            destinations=session.destinations,
            codec=node_pb2.CodecConfig(name=codec.name, options=codec.options),
            highest_levels=session.highest_levels if node == session.source else None,
        )

    async def _configure(self, node: str, config: node_pb2.SessionConfig) -> node_pb2.ConfigureResponse:
        stub = node_pb2_grpc.NodeServiceStub(self._fleet.members[node].channel)
        answer: node_pb2.ConfigureResponse = await stub.Configure(
            node_pb2.ConfigureRequest(sessions=[config]), timeout=CONFIGURE_TIMEOUT_S
        )
        return answer


def _described(answer: node_pb2.ConfigureResponse, session: Session) -> node_pb2.SessionDescription:
    """A node's own words on a session that it was given."""
    described: node_pb2.SessionDescription = next(each for each in answer.sessions if each.session == session.name)
    return described
