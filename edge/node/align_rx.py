"""What an rx does when transmitters ask it to align (SLF): one at a time, the others wait and are told so.

    ask -> [waits] -> the decoder goes down -> offer and pieces come up -> commit: checked whole, kept, put in force

The codec in service is only read until the commit, and then swapped between two messages. Whatever is wrong with an
upload is answered with FAILED and a sentence, and the old decoder stays. With a folder, who was agreed with and what of
the upload has come survive the process; who waits asks again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.adapt.errors import AdaptError
from edge.codecs.tensors import TensorHolder, Tensors
from edge.node.adapt_messages import LessonError
from edge.node.align_messages import (
    FIRST_PIECE,
    PILOTS,
    Ask,
    Commit,
    Leave,
    Notice,
    Offer,
    read_piece,
    read_word,
)
from edge.node.align_shelf import RxRecord, RxShelf, finite
from edge.node.align_terms import Terms
from edge.node.align_tools import AlignTools
from edge.node.codec_thread import CodecThread
from edge.node.parameters import TensorFile, read_tensors
from edge.node.sessions import ConfigurationError, MismatchError, Session, SessionTable, way_back
from edge.node.state_keeper import StateKeeper
from edge.node.transfer import CLASSIFIER, CODEBOOK, Courier, Crossed, decoder_digest, decoder_part, offer_of
from edge.node.transmitter import Transmitter
from edge.node.way_back import open_way_back
from edge.node.workshop import live_parameters
from edge.segment import Kind, Segment
from edge.v1 import packet_pb2
from edge.wire.reassembly import ReceivedMessage

if TYPE_CHECKING:
    from edge.adapt.slf_settings import SlfSettings

log = logging.getLogger(__name__)

MAX_WAITING = 8  # transmitters that wait for their turn
METHOD = "slf"

FAILED = packet_pb2.RECEIPT_STATUS_FAILED


@dataclass(eq=False)
class _Turn:
    """One transmitter's alignment. ask: its latest; None after a restart, until it asks again. delivered: pieces of
    file `file` that arrived since. told: whom it was told to wait for. hindrance: why nothing can be sent to it; it is
    told when it asks again. touched_s: when it was last heard of."""

    session: Session
    settings: SlfSettings
    shelf: RxShelf
    ask: Ask | None = None
    file: str = ""
    delivered: set[int] = field(default_factory=set)
    sending: asyncio.Task[None] | None = None
    told: str = ""
    hindrance: str = ""
    touched_s: float = field(default_factory=time.monotonic)

    @property
    def number(self) -> int:
        return self.shelf.record.number


class AlignDesk:
    """The alignments of one receiver. Belongs to the event loop; messages come one after another."""

    def __init__(
        self,
        table: SessionTable,
        transmitter: Transmitter,
        thread: CodecThread,
        keeper: StateKeeper,
        tools: AlignTools,
        opened: Callable[[Session], None],
        terms: Terms,
    ) -> None:
        """thread: where codecs in service are used. opened: told of the sessions that are opened here."""
        self._table = table
        self._transmitter = transmitter
        self._thread = thread
        self._keeper = keeper
        self._tools = tools
        self._opened = opened
        self._terms = terms
        self._current: _Turn | None = None
        self._waiting: deque[_Turn] = deque()
        self._free_ns = 0  # model time at which the last alignment had ended
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None

    async def take(self, session: Session, message: ReceivedMessage) -> None:
        """Returns when the message may be answered. Raises with one sentence when it is to be answered with FAILED."""
        met = Crossed.of(message.transit)
        if message.purpose == packet_pb2.MESSAGE_PURPOSE_PARAMETERS:
            await self._piece(session, message.message_id, read_piece(message.segments), met)
            return
        if message.purpose != packet_pb2.MESSAGE_PURPOSE_ALIGN:
            raise LessonError(f"message purpose {message.purpose} has no place here; use one version on both ends")
        match read_word(message.segments):
            case Ask() as ask:
                await self._asked(session, ask, met)
            case Offer() as offer:
                turn = self._mine(session, offer.alignment)
                await asyncio.to_thread(turn.shelf.upload.begin, offer, met)
            case Commit() as commit:
                await self._commit(session, commit, met)
            case Leave() as leave:
                await self._left(session, leave)
            case word:
                raise LessonError(f"word: '{word.word}' has no place here; use one version on both ends")

    async def restore(self, session: Session) -> None:
        """Goes on with an alignment that this node had agreed to when it was last alive."""
        shelf = await asyncio.to_thread(RxShelf.found, self._folder(session))
        if shelf is None or shelf.record.over or self._turn(session.name) is not None:
            return
        try:
            turn = _Turn(session, self._tools.settings_of(shelf.record.settings), shelf)
        except AdaptError as error:  # another version wrote it
            log.warning("session '%s': its alignment is left out: %s", session.name, error)
            return
        if self._current is None:
            self._current = turn
        else:
            self._waiting.append(turn)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Whose turn it is.

    async def _asked(self, session: Session, ask: Ask, met: Crossed) -> None:
        """Raises AdaptError when this node will not align with the source of this session."""
        settings = await self._agreeable(session, ask)
        turn = self._turn(session.name)
        if turn is not None and turn.number != ask.alignment:
            await self._end(turn, f"{session.source} began another")
            turn = None
        if turn is not None and turn.hindrance:
            await self._end(turn, turn.hindrance)
            raise AdaptError(turn.hindrance)
        if turn is None:
            if len(self._waiting) >= MAX_WAITING:
                names = ", ".join(each.session.source for each in self._waiting)
                raise AdaptError(f"{self._node}: {MAX_WAITING} wait to be aligned already ({names}); ask again later")
            record = RxRecord(ask.alignment, ask.settings, met.received_ns)
            shelf = await asyncio.to_thread(RxShelf.begin, self._folder(session), record)
            turn = _Turn(session, settings, shelf)
            self._waiting.append(turn)
        if turn.ask is None or turn.ask.life != ask.life:
            turn.ask, turn.delivered, turn.told = ask, set(), ""
        elif turn.sending is None or turn.sending.done():
            turn.ask = ask
        turn.session, turn.touched_s = session, time.monotonic()
        await self._give_turns()

    async def _agreeable(self, session: Session, ask: Ask) -> SlfSettings:
        """The settings of what is asked. Raises AdaptError when it cannot be."""
        if not self._terms.allowed:
            raise AdaptError(f"{self._node} lets nobody change its decoder (--no-align); start it with --align")
        if len(session.destinations) != 1:
            raise AdaptError(
                f"session '{session.name}': has {len(session.destinations)} receivers, and one decoder is aligned at a "
                "time; open a session for each"
            )
        self._tools.check_codec(session.codec, await self._live(session))
        side = session.description.options.get("side", str(ask.side))
        if side != str(ask.side):
            raise AdaptError(f"side: {self._node} has pictures of {side} pixels, got {ask.side}; use one codec")
        return self._tools.settings_of(ask.settings)

    async def _give_turns(self) -> None:
        """The first that waits comes on when nobody is at it; the others are told to wait."""
        self._watch_silence()
        if self._current is None and self._waiting:
            turn = self._current = self._waiting.popleft()
            turn.touched_s = time.monotonic()
            offered_ns = max(turn.shelf.record.offered_ns, self._free_ns)
            await self._note(turn, lambda: turn.shelf.note(offered_ns=offered_ns))
        current = self._current
        if current is None:
            return
        if current.ask is not None and (current.sending is None or current.sending.done()):
            current.sending = self._spawn(self._serve(current), current)
        for turn in self._waiting:
            if turn.ask is not None and turn.told != current.session.source:
                turn.told = current.session.source
                reason = f"queued: {self._node} aligns with {turn.told} first"
                self._spawn(self._tell(turn, reason, over=False), turn)

    def _watch_silence(self) -> None:
        if self._waiting and (self._watch is None or self._watch.done()):
            self._watch = self._spawn(self._evict_the_silent(), None)

    async def _evict_the_silent(self) -> None:
        """While somebody waits: whoever has the turn and is not heard of loses it."""
        while self._waiting and self._current is not None:
            turn = self._current
            left_s = turn.touched_s + self._terms.patience_s - time.monotonic()
            if left_s > 0:
                await asyncio.sleep(left_s)
                continue
            reason = (
                f"{self._node} heard nothing of {turn.session.source} for {self._terms.patience_s:g} s and went on "
                f"with {self._waiting[0].session.source}; align again"
            )
            log.warning("session '%s': %s", turn.session.name, reason)
            await self._end(turn, reason)
            if turn.ask is not None:
                self._spawn(self._tell(turn, reason, over=True), turn)

    async def _left(self, session: Session, leave: Leave) -> None:
        turn = self._turn(session.name)
        if turn is not None and turn.number == leave.alignment:
            await self._end(turn, leave.reason)

    async def _end(self, turn: _Turn, reason: str) -> None:
        """A turn is over, and the next one comes on. reason: empty when the new decoder is in force."""
        if turn.sending is not None:
            turn.sending.cancel()
        if turn is self._current:
            self._current = None
        elif turn in self._waiting:
            self._waiting.remove(turn)
        await self._note(turn, lambda: turn.shelf.end(reason))
        await self._give_turns()

    def _turn(self, session: str) -> _Turn | None:
        """The turn of a session, at hand or waiting."""
        at_hand = [self._current] if self._current is not None else []
        return next((turn for turn in [*at_hand, *self._waiting] if turn.session.name == session), None)

    def _mine(self, session: Session, number: int) -> _Turn:
        """The turn at hand. Raises AdaptError unless it is that of this session and number."""
        turn = self._current
        if turn is None or turn.session.name != session.name or turn.number != number:
            now = "nobody" if turn is None else f"{turn.session.source} (alignment {turn.number})"
            raise AdaptError(
                f"{self._node} did not agree to alignment {number} with {session.source}, it aligns with {now}; "
                "ask it first"
            )
        turn.session, turn.touched_s = session, time.monotonic()
        return turn

    # Down.

    async def _serve(self, turn: _Turn) -> None:
        """Sends what the tx lacks, until that is what it last asked for."""
        ask = None
        try:
            while ask is not turn.ask:
                ask = turn.ask
                assert ask is not None  # nobody is served before it asks
                await self._send_missing(turn, ask)
                turn.touched_s = time.monotonic()
        except (ConfigurationError, MismatchError) as error:
            turn.hindrance = f"{self._node} cannot send its decoder: {error}"
        except AdaptError as error:  # what there is cannot be sent
            turn.sending = None
            await self._end(turn, str(error))
            await self._tell(turn, str(error), over=True)

    async def _send_missing(self, turn: _Turn, ask: Ask) -> None:
        live = await self._live(turn.session)
        file, decoder = await asyncio.to_thread(_file_of, live, turn.settings.classifier)
        offer = offer_of(turn.number, file, decoder)
        if turn.file != file.digest:
            turn.file, turn.delivered = file.digest, set()
        known = ask.digest == file.digest
        wanted = [n for n in (ask.missing if known else range(offer.pieces)) if n not in turn.delivered]
        courier, at_ns = self._courier(turn), turn.shelf.record.offered_ns
        if ask.pilots:
            pilots = await asyncio.to_thread(self._pilots, turn, live[CODEBOOK].shape[0])
            await courier.one(PILOTS, [pilots], packet_pb2.MESSAGE_PURPOSE_PILOTS, at_ns)
        if wanted or not known:
            await courier.word(offer, at_ns)
        async for piece, receipt in courier.pieces(file.data, offer, [n for n in wanted if n < offer.pieces], at_ns):
            turn.touched_s = time.monotonic()
            if receipt.status != FAILED:
                turn.delivered.add(piece)

    def _pilots(self, turn: _Turn, alphabet: int) -> Segment:
        key = pilot_key(turn.session.name, turn.number)
        values = self._tools.pilots(alphabet, turn.settings.pilots, key).astype("uint16")
        return Segment(Kind.INDICES, values, alphabet=alphabet)

    async def _tell(self, turn: _Turn, reason: str, over: bool) -> None:
        await self._courier(turn).word(Notice(turn.number, reason, over), turn.shelf.record.offered_ns)

    def _courier(self, turn: _Turn) -> Courier:
        open_way_back(self._table, turn.session, self._opened)
        return Courier(self._transmitter, way_back(turn.session.name), turn.number)

    # Up.

    async def _piece(self, session: Session, message_id: int, data: bytes, met: Crossed) -> None:
        turn = self._turn(session.name)
        number = message_id if turn is None else turn.number
        shelf = self._mine(session, number).shelf
        await asyncio.to_thread(shelf.upload.put, message_id - number - FIRST_PIECE, data, met)

    async def _commit(self, session: Session, commit: Commit, met: Crossed) -> None:
        """Puts an upload in force. Raises AdaptError and TensorError, with the old decoder kept, when it cannot be."""
        live = await self._live(session)
        before = await asyncio.to_thread(decoder_digest, live)
        turn = self._turn(session.name)
        if before == commit.after:  # also when it comes again, from a tx that was killed before the receipt came
            if turn is not None and turn.number == commit.alignment:
                await self._done(turn, met)
            return
        turn = self._mine(session, commit.alignment)
        try:
            if before != commit.before:
                raise AdaptError(
                    f"the decoder of {self._node} has changed since it was downloaded: it is {before} now, not "
                    f"'{commit.before}'; align again"
                )
            decoder = await asyncio.to_thread(self._merged, turn, commit, live)
            for other in [each for each in self._sharing(turn) if each is not session]:
                await self._replace(other, decoder)
            await self._replace(session, decoder)  # last: when it has the new one, so have all
        except Exception as error:
            await self._end(turn, str(error) or type(error).__name__)
            raise
        await self._done(turn, met)

    def _merged(self, turn: _Turn, commit: Commit, live: Tensors) -> Tensors:
        """The whole new decoder. Raises AdaptError and TensorError."""
        upload, held = turn.shelf.upload, decoder_part(live)
        offered: Tensors = {}
        if commit.upload:
            offered = read_tensors(upload.file())
            if upload.offer is None or upload.offer.digest != commit.upload:
                raise AdaptError(f"upload: '{commit.upload}' is not the file that was sent; send it again")
        self._tools.check_upload(offered, held, turn.settings.freeze)
        finite(offered)
        decoder = {**held, **offered}
        after = decoder_digest(decoder)
        if after != commit.after:
            raise AdaptError(f"after: the decoder would be {after}, not '{commit.after}'; use one version on both ends")
        return decoder

    async def _replace(self, session: Session, decoder: Tensors) -> None:
        """Keeps what is in force, and puts the new decoder there."""
        from edge.adapt.states import Origin

        live = await self._live(session)
        if decoder_digest(live) != decoder_digest(decoder):
            if not self._keeper.lasting:
                log.warning("session '%s': its decoders are kept in memory only; --state keeps them", session.name)
            state = await self._keeper.add(session, decoder, Origin(session.description.knowledge, METHOD))
            try:
                await self._keeper.activate(session, state.id)
            except OSError:  # swapped, but not noted: a restart would bring the old one back
                await self._thread.run(_put_back, session, live)
                raise

    def _sharing(self, turn: _Turn) -> list[Session]:
        """The sessions that are to get the new decoder."""
        mine = turn.session
        if not turn.settings.shared:
            return [mine]
        return [
            each for each in self._table if self._node in each.destinations and each.description == mine.description
        ]

    async def _done(self, turn: _Turn, met: Crossed) -> None:
        self._free_ns = max(self._free_ns, met.received_ns)
        log.info("session '%s': aligned with %s", turn.session.name, turn.session.source)
        await self._end(turn, "")

    # Small things.

    @property
    def _node(self) -> str:
        return self._table.node

    async def _live(self, session: Session) -> Tensors:
        return await self._thread.run(lambda: live_parameters(session.codec))

    async def _note(self, turn: _Turn, note: Callable[[], None]) -> None:
        """Notes on the disk what has happened, which a full disk does not undo."""
        try:
            await asyncio.to_thread(note)
        except OSError as error:
            log.error("session '%s': --state cannot be written (%s); make room", turn.session.name, error.strerror)

    def _folder(self, session: Session) -> Path | None:
        folder = self._keeper.folder(session)
        return None if folder is None else folder / "align"

    def _spawn(self, work: Coroutine[Any, Any, None], turn: _Turn | None) -> asyncio.Task[None]:
        """Work beside the messages. What it raises is said, and ends nothing else."""
        task = asyncio.create_task(work, name="align")
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                name = "" if turn is None else f"session '{turn.session.name}': "
                log.warning("%sthe alignment does not get on: %s", name, error or type(error).__name__)

        task.add_done_callback(ended)
        return task


def _put_back(session: Session, tensors: Tensors) -> None:
    assert isinstance(session.codec, TensorHolder)  # it was aligned
    session.codec.replace(tensors)


def pilot_key(session: str, number: int) -> str:
    """What the known indices of an alignment are drawn with, at both ends."""
    return f"{session}#{number}"


def _file_of(live: Tensors, classifier: bool) -> tuple[TensorFile, str]:
    """What goes down, and the decoder's digest."""
    chosen = decoder_part(live)
    if classifier:
        chosen |= {name: tensor for name, tensor in live.items() if name.startswith(CLASSIFIER)}
    return TensorFile.of(chosen), decoder_digest(live)
