"""The states of each session's codec at one node: kept, put in force, gone back to.

A state holds what adaptation may change at this node: at a tx the codebooks (or, of a codec that is aligned, all that
its half holds), at an rx everything its half holds. The tensors are swapped in the codec thread, so a swap falls
between two messages; a session whose codec object serves other sessions too gets one of its own first.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from edge.adapt.errors import AdaptError
from edge.codecs.contract import CodecDescription, CodecError
from edge.codecs.tensors import TensorHolder, Tensors
from edge.node.codec_thread import CodecThread
from edge.node.sessions import Role, Session
from edge.node.workshop import Workshop, live_parameters

if TYPE_CHECKING:
    from edge.adapt.states import Origin, State, StateStore

log = logging.getLogger(__name__)

INITIAL = "initial"


class StateKeeper:
    """folder: where states outlive the process; None keeps them in memory. Methods that are coroutines may be called
    from the event loop only; they do their work in the codec thread."""

    def __init__(self, role: Role, folder: Path | None, thread: CodecThread, workshop: Workshop) -> None:
        self._role = role
        self._folder = folder
        self._thread = thread
        self._workshop = workshop
        self._stores: dict[str, StateStore] = {}

    @property
    def lasting(self) -> bool:
        """Whether states outlive the process."""
        return self._folder is not None

    def folder(self, session: Session) -> Path | None:
        """Where everything of a session's adaptation is kept; None for memory."""
        return None if self._folder is None else self._folder / _key(session)

    # What is kept.

    async def states(self, session: Session) -> tuple[list[State], str]:
        """All states, oldest first, and the id of the one in force. Raises AdaptError."""

        def read() -> tuple[list[State], str]:
            store = self._found(session)
            return ([], "") if store is None else (store.list(), store.active_id)

        return await self._thread.run(read)

    async def find(self, session: Session, state_id: str) -> State:
        """A state by its id, or with no id the one in force before the present one. Raises AdaptError."""

        def find() -> State:
            store = self._found(session)
            if store is None:
                raise AdaptError(
                    f"session '{session.name}': was not adapted at this node; there is nothing to go back to"
                )
            return store.get(state_id) if state_id else store.previous()

        return await self._thread.run(find)

    async def add(self, session: Session, changed: Tensors, origin: Origin) -> State:
        """Keeps the session's present parameters with `changed` in their place, as a state that is not in force yet.
        Before the first one, keeps them as they are. Raises AdaptError and OSError."""

        def add() -> State:
            store = self._store(session)
            live = self._live(session)
            if not store.list():
                first = _origin(session.description.knowledge, INITIAL)
                store.activate(store.save(live, first).id)
            return store.save({name: changed.get(name, tensor) for name, tensor in live.items()}, origin)

        return await self._thread.run(add)

    # What is in force.

    async def activate(self, session: Session, state_id: str, back: bool = False) -> State:
        """Puts a state in force. back: as a return to it. Raises AdaptError, CodecError and OSError."""

        def activate() -> tuple[State, CodecDescription]:
            store = self._store(session)
            state = store.get(state_id)
            description = self._swap(session, store.load(state_id))
            if back:
                store.roll_back(state_id)
            else:
                store.activate(state_id)
            return state, description

        state, session.description = await self._thread.run(activate)
        return state

    async def restore(self, session: Session) -> None:
        """Puts the state in force that was so when this node last held the session. Does nothing when there is none, or
        when the codec was opened from other weights than then."""

        def restore() -> CodecDescription:
            store = self._found(session)
            if store is None or not store.active_id:
                return session.description
            if store.by_knowledge(session.description.knowledge) is None:
                log.warning("session '%s': its kept states belong to other weights; left out", session.name)
                return session.description
            return self._swap(session, store.load(store.active_id))

        try:
            session.description = await self._thread.run(restore)
        except (AdaptError, CodecError, OSError) as error:
            log.error(
                "session '%s': its kept state cannot be put in force, the codec is as opened: %s", session.name, error
            )

    def can_follow(self, session: Session, knowledge: str) -> bool:
        """Whether a state with this knowledge is kept. Only of sessions that were restored, adapted or listed."""
        store = self._stores.get(_key(session))
        return store is not None and store.by_knowledge(knowledge) is not None

    async def follow(self, session: Session, knowledge: str) -> None:
        """Puts the state with this knowledge in force. Raises AdaptError, CodecError and OSError."""
        state = self._stores[_key(session)].by_knowledge(knowledge)
        if state is not None:
            await self.activate(session, state.id)
            log.info("session '%s': follows its source to state %s (%s)", session.name, state.id, state.method)

    # In the codec thread.

    def _swap(self, session: Session, tensors: Tensors) -> CodecDescription:
        if session.shared:
            session.codec = self._workshop.copy(session, self._role.half, live_parameters(session.codec))
            session.shared = False
        assert isinstance(session.codec, TensorHolder)  # only adaptable codecs have states
        session.codec.replace(tensors)
        return session.codec.describe()

    def _live(self, session: Session) -> Tensors:
        return live_parameters(session.codec) if self._role is Role.RX else self._workshop.state_of(session.codec)

    def _found(self, session: Session) -> StateStore | None:
        """The store of a session, opened if the folder has one."""
        folder = self.folder(session)
        if _key(session) in self._stores or (folder is not None and (folder / "states").exists()):
            return self._store(session)
        return None

    def _store(self, session: Session) -> StateStore:
        key = _key(session)
        if key not in self._stores:
            from edge.adapt.states import StateStore

            folder = self.folder(session)
            self._stores[key] = StateStore(None if folder is None else folder / "states")
        return self._stores[key]


def _origin(digest: str, method: str) -> Origin:
    from edge.adapt.states import Origin

    return Origin(digest, method)


def _key(session: Session) -> str:
    """A file name for a session and what its codec was opened as: another codec has other states."""
    opened = json.dumps([session.name, session.codec.name, sorted(session.options.items())])
    return hashlib.sha256(opened.encode()).hexdigest()[:16]
