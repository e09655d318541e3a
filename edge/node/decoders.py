"""The decoders that a base station has for its receivers: what they cost, the files to send, and their improvement.

Everything here is slow but `offers`: call it in a thread that may be busy. What a distillation made better is kept here
for that receiver, in memory: the weight files stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.adapt.errors import AdaptError
from edge.codecs.contract import Codec, Half
from edge.codecs.tensors import TensorHolder, Tensors
from edge.codecs.variants import Cost, HasVariants
from edge.images import Picture
from edge.node.codec_thread import keep_torch_to_one_thread
from edge.node.parameters import PAIRING, TensorFile
from edge.node.sessions import Session

if TYPE_CHECKING:
    from edge.adapt.distilling import Distilling, DistillSettings

SNR_DB = "snr_db"  # option of the codec: what its decoder is told
DECODER = "decoder"  # option of the codec: which it opens


@dataclass(frozen=True)
class Lesson:
    """What is to be improved: one receiver's decoder, over its own channel. teacher: empty for the strongest."""

    receiver: str
    decoder: str
    teacher: str
    snr_db: float
    pictures: Sequence[Picture]
    settings: DistillSettings


class Decoders:
    """Of one tx."""

    def __init__(self, load_codec: Callable[[str], type[Codec]]) -> None:
        self._load_codec = load_codec
        self._improved: dict[tuple[str, str, str], Tensors] = {}  # by session, receiver and decoder

    def offers(self, session: Session, height: int, width: int) -> dict[str, Cost]:
        """Every decoder for this session's symbols, strongest first, with its cost for a picture. Raises AdaptError
        for a codec that has one decoder only."""
        codec = several(session)
        return {name: codec.cost(name, height, width) for name in codec.decoders}

    def file(self, session: Session, receiver: str, decoder: str) -> TensorFile:
        """A decoder for a receiver. Raises AdaptError and CodecError."""
        tensors = self._tensors(session, receiver, decoder)
        metadata = {PAIRING: session.description.knowledge, "architecture": session.codec.name, DECODER: decoder}
        return TensorFile.of(tensors, metadata)

    def distilling(self, session: Session, lesson: Lesson) -> tuple[Distilling, str]:
        """A distillation that is ready to begin, and its teacher. Raises AdaptError and CodecError."""
        from edge.adapt.distilling import Decoders as Taught
        from edge.adapt.distilling import Distilling

        teacher = lesson.teacher or several(session).decoders[0]
        if teacher == lesson.decoder:
            raise AdaptError(
                f"teacher: '{teacher}' is the decoder that {lesson.receiver} runs already; give it a weaker one, or "
                "name another teacher"
            )
        told = {SNR_DB: f"{lesson.snr_db:g}"}
        student = self._open(session, lesson.decoder, told)
        if (live := self._improved.get((session.name, lesson.receiver, lesson.decoder))) is not None:
            assert isinstance(student, TensorHolder)  # it has variants
            student.replace(live)
        sender = self._load_codec(session.codec.name).open(session.options, Half.ENCODER)
        taught = Taught(sender, student, self._open(session, teacher, told), lesson.decoder, teacher)
        keep_torch_to_one_thread()
        return Distilling(taught, lesson.pictures, lesson.settings, lesson.snr_db), teacher

    def keep(self, session: Session, receiver: str, decoder: str, tensors: Tensors) -> None:
        """An improved decoder: what `file` and a further distillation take for this receiver."""
        self._improved[session.name, receiver, decoder] = tensors

    def _tensors(self, session: Session, receiver: str, decoder: str) -> Tensors:
        improved = self._improved.get((session.name, receiver, decoder))
        if improved is not None:
            return improved
        opened = self._open(session, decoder, {})
        assert isinstance(opened, TensorHolder)  # it has variants
        return opened.parameters()

    def _open(self, session: Session, decoder: str, options: dict[str, str]) -> Codec:
        """A decoder of the session's weights. Raises AdaptError when they have none of that name."""
        known = several(session).decoders
        if decoder not in known:
            raise AdaptError(f"decoder: session '{session.name}' has {', '.join(known)}, not '{decoder}'")
        codec = self._load_codec(session.codec.name)
        return codec.open({**session.options, DECODER: decoder, **options}, Half.DECODER)


def several(session: Session) -> HasVariants:
    """The session's codec, which has several decoders. Raises AdaptError."""
    if not isinstance(session.codec, HasVariants):
        raise AdaptError(
            f"session '{session.name}': codec {session.codec.name} has one decoder only; use one that has several, "
            "such as swin"
        )
    return session.codec
