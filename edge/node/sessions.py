"""The sessions of a node: which flows it takes part in, and the codec half it holds for each.

Configuration is all or nothing: codecs are opened and compared first, and only then does the table change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from edge.codecs import registry, tensors
from edge.codecs.contract import Codec, CodecDescription, CodecError, Half
from edge.codecs.layered import Layered, highest_level
from edge.codecs.leveled import AsksForLevels
from edge.codecs.tensors import TensorHolder
from edge.codecs.variants import HasVariants
from edge.node.codec_thread import CodecThread, keep_torch_to_one_thread
from edge.node.descriptions import from_proto, mismatch, to_proto
from edge.v1 import node_pb2

MAX_SESSIONS = 1024
MAX_NAME = 1024  # characters of a session's name, which crosses the network with every run of packets
MAX_DESTINATIONS = 1024
MAX_LEVEL = 255
WAY_BACK = "/down"  # ends the name of the session from a receiver back to its source, which only the nodes open


class Role(Enum):
    TX = "tx"
    RX = "rx"

    @property
    def half(self) -> Half:
        return Half.ENCODER if self is Role.TX else Half.DECODER


class ConfigurationError(ValueError):
    """A configuration that cannot be used; the message names the field and the fix."""


class MismatchError(ValueError):
    """The two ends hold different codecs; the message names both. Also: the configuration clashes with work at hand."""


@dataclass(eq=False)
class Session:
    """One flow, as this node takes part in it. `description` is what the codec said when it was last asked.

    options: those that the codec was opened with. shared: other sessions use the codec object too. highest_levels: at
    the source, the highest level that a destination takes, of those that do not take all. epoch: counts the uploads of
    parameters that were put in force; changed in the codec thread, with them.
    """

    name: str
    source: str
    destinations: tuple[str, ...]
    codec: Codec
    description: CodecDescription
    options: Mapping[str, str] = field(default_factory=dict)
    shared: bool = False
    highest_levels: Mapping[str, int] = field(default_factory=dict)
    epoch: int = 0

    @property
    def decoder(self) -> str:
        """Which of its codec's decoders is open; empty for a codec that has one only, and at the source."""
        return self.codec.variant if isinstance(self.codec, HasVariants) else ""


class SessionTable:
    """Every session of one node, also those the nodes open themselves: a node may be a source and a destination.

    Changed only in the event loop; codecs are opened in the codec thread.
    """

    def __init__(
        self, node: str, role: Role, thread: CodecThread, load_codec: Callable[[str], type[Codec]] = registry.load
    ) -> None:
        self.node = node
        self.role = role
        self._thread = thread
        self._load_codec = load_codec
        self._sessions: dict[str, Session] = {}
        self.restore: Callable[[Session], Awaitable[None]] | None = None  # puts kept parameters into a fresh codec

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def get(self, name: str) -> Session | None:
        return self._sessions.get(name)

    def describe(self) -> list[node_pb2.SessionDescription]:
        """Every session that was configured, with its codec, by name; without digests of weights."""
        configured = (session for session in self if not is_way_back(session.name))
        return [_described(session) for session in sorted(configured, key=lambda session: session.name)]

    def weights_digests(self) -> dict[str, str]:
        """Digest of what each session's codec holds, by session; those that hold no tensors are left out. To be called
        in the codec thread, which is where tensors are replaced."""
        holders = {s.name: s.codec for s in self if isinstance(s.codec, TensorHolder)}
        found = {id(codec): codec for codec in holders.values()}  # sessions may share one
        digests = {key: tensors.digest(codec.parameters()) for key, codec in found.items()}
        return {name: digests[id(codec)] for name, codec in holders.items()}

    async def open_codec(self, config: node_pb2.CodecConfig) -> tuple[Codec, CodecDescription]:
        """This node's half of a codec. Raises CodecError."""

        def open_half() -> tuple[Codec, CodecDescription]:
            codec = self._load_codec(config.name).open(dict(config.options), self.role.half)
            keep_torch_to_one_thread()
            return codec, codec.describe()

        return await self._thread.run(open_half)

    async def prepare(self, configs: Sequence[node_pb2.SessionConfig]) -> list[Session]:
        """Opens what a configuration asks for, and changes nothing.

        Raises ConfigurationError for a bad field, MismatchError when `peer_codec` is another codec.
        """
        self._check(configs)
        prepared = []
        for number, config in enumerate(configs):
            try:
                codec, description = await self.open_codec(config.codec)
            except CodecError as error:
                raise ConfigurationError(f"sessions[{number}] '{config.session}': {error}") from error
            destinations = tuple(config.destinations)
            options = dict(config.codec.options)
            highest = dict(config.highest_levels)
            session = Session(config.session, config.source, destinations, codec, description, options, False, highest)
            if self.restore is not None:
                await self.restore(session)
            if config.HasField("peer_codec") and from_proto(config.peer_codec) != session.description:
                peer = ", ".join(config.destinations) if self.role is Role.TX else config.source
                raise MismatchError(
                    mismatch(config.session, self.node, session.description, peer, from_proto(config.peer_codec))
                )
            prepared.append(session)
        return prepared

    def put(self, sessions: Iterable[Session]) -> None:
        """Puts prepared sessions in force, all of them. Raises ConfigurationError, with nothing changed, when they
        would be too many."""
        after = self._sessions | {session.name: session for session in sessions}
        if len(after) > MAX_SESSIONS:
            raise ConfigurationError(f"sessions: {len(after)} are more than {MAX_SESSIONS}; start another node")
        self._sessions = after

    def _check(self, configs: Sequence[node_pb2.SessionConfig]) -> None:
        seen: set[str] = set()
        for number, config in enumerate(configs):
            where = f"sessions[{number}]"
            check_session_name(f"{where}.session", config.session)
            if config.session in seen:
                raise ConfigurationError(f"{where}.session: '{config.session}' comes twice; name each session once")
            seen.add(config.session)
            self._check_ends(where, config.source, config.destinations)
            for destination, level in config.highest_levels.items():
                if destination not in config.destinations or level > MAX_LEVEL:
                    raise ConfigurationError(
                        f"{where}.highest_levels['{destination}']: must be a level of 0 to {MAX_LEVEL} for one of the "
                        f"destinations, got {level}"
                    )

    def _check_ends(self, where: str, source: str, destinations: Sequence[str]) -> None:
        if not source or not 1 <= len(destinations) <= MAX_DESTINATIONS or not all(destinations):
            raise ConfigurationError(
                f"{where}: needs a source and 1 to {MAX_DESTINATIONS} named destinations, "
                f"got '{source}' and {len(destinations)}"
            )
        if source in destinations or len(set(destinations)) != len(destinations):
            raise ConfigurationError(
                f"{where}.destinations: must be distinct and not the source, got {list(destinations)}"
            )
        if self.role is Role.TX and source != self.node:
            raise ConfigurationError(
                f"{where}.source: this node is the tx '{self.node}', got '{source}'; configure '{source}'"
            )
        if self.role is Role.RX and self.node not in destinations:
            raise ConfigurationError(
                f"{where}.destinations: this node is the rx '{self.node}', which {list(destinations)} lacks; add it"
            )


def _described(session: Session) -> node_pb2.SessionDescription:
    codec = session.codec
    described = node_pb2.SessionDescription(
        session=session.name,
        codec=to_proto(session.description),
        level_bers=level_bers(codec),
        highest_level=highest_level(codec),
        decoder=session.decoder,
        epoch=session.epoch,
    )
    if isinstance(codec, Layered):
        described.layered = True
        described.heads[:] = codec.shape.names
        described.etas[:] = codec.etas
        described.parts[:] = codec.parts
    return described


def level_bers(codec: Codec) -> Sequence[float]:
    """Bit error rate that a codec asks for, a reliability level each; none when it asks for none."""
    return codec.level_bers if isinstance(codec, AsksForLevels) else ()


def level_shares(codec: Codec) -> Sequence[float]:
    """Share of a message's bits in each of these levels."""
    return codec.level_shares if isinstance(codec, AsksForLevels) else ()


def way_back(session: str) -> str:
    """Name of the session from a session's receiver back to its source."""
    return session + WAY_BACK


def is_way_back(session: str) -> bool:
    return session.endswith(WAY_BACK)


def forth(session: str) -> str:
    """Name of the session that a way back belongs to."""
    return session.removesuffix(WAY_BACK)


def check_session_name(where: str, name: str) -> None:
    """Raises ConfigurationError unless the name is 1 to MAX_NAME printable characters and not for the nodes alone."""
    if is_way_back(name):
        raise ConfigurationError(f"{where}: '{name[-40:]}' ends with {WAY_BACK}, which is for the nodes; rename it")
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise ConfigurationError(f"{where}: must be 1 to {MAX_NAME} printable characters, got {name[:40]!r}")
