"""Where a node gets the codecs and the tools of fine-tuning: the one place that knows edge.adapt's heavy parts.

They are imported when an adaptation begins: a node that only serves never loads an optimizer or a second codec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from edge.adapt.errors import AdaptError
from edge.adapt.settings import AdaptSettings
from edge.codecs.adaptable import Adaptable
from edge.codecs.contract import Codec, Half
from edge.codecs.tensors import TensorHolder, Tensors
from edge.images import Picture
from edge.node.codec_thread import keep_torch_to_one_thread
from edge.node.sessions import Session

if TYPE_CHECKING:
    from edge.adapt.lessons import Lesson


class RoundDone(Protocol):
    """As edge.adapt.codebook_rounds.RoundResult."""

    @property
    def round(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def quantization_loss(self) -> float: ...


class Rounds(Protocol):
    """As edge.adapt.codebook_rounds.CodebookRounds."""

    def run_round(self) -> RoundDone: ...
    def quantization_loss(self) -> float: ...
    def codebooks(self) -> Tensors: ...


class Progress(Protocol):
    """As edge.adapt.tuner.TunerProgress."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def loss(self) -> float: ...
    @property
    def validation(self) -> float: ...
    @property
    def validation_before(self) -> float: ...
    @property
    def unit(self) -> str: ...


class Verdict(Protocol):
    """As edge.adapt.tuner.Verdict."""

    @property
    def better(self) -> bool: ...
    @property
    def before(self) -> float: ...
    @property
    def after(self) -> float: ...
    @property
    def unit(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Tuning(Protocol):
    """As edge.adapt.tuner.Tuner: one fine-tuning, in one thread."""

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def finished(self) -> bool: ...
    def advance(self, count: int, /) -> Progress: ...
    def save(self, path: Path, /) -> None: ...
    def resume(self, path: Path, /) -> None: ...
    def verdict(self) -> Verdict: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...


class Workshop:
    """Opens codecs and makes tools. Everything here is slow: call it in the thread that will do the work."""

    def __init__(self, load_codec: Callable[[str], type[Codec]]) -> None:
        self._load_codec = load_codec

    def copy(self, session: Session, half: Half, live: Tensors) -> Codec:
        """The session's codec once more, from its own weight file, with the parameters that are in force.

        Raises AdaptError when the codec has no parameters, CodecError when the half cannot be opened.
        """
        codec = self._load_codec(session.codec.name).open(session.options, half)
        keep_torch_to_one_thread()
        if not isinstance(codec, TensorHolder):
            raise AdaptError(f"codec {codec.name}: has no parameters to change; choose another codec")
        held = codec.parameters()
        codec.replace({name: tensor for name, tensor in live.items() if name in held})
        return codec

    def codebook_names(self, codec: Codec) -> list[str]:
        """Names of the codec's codebooks among its parameters. Raises AdaptError when it cannot be fine-tuned."""
        from edge.adapt.lessons import adaptable

        return list(adaptable(codec).codebook_tensors())

    def state_of(self, codec: Codec) -> Tensors:
        """What adaptation may change at a tx: the codebooks of a codec that can be fine-tuned (its encoder stays), all
        parameters of another, which may be aligned."""
        live = live_parameters(codec)
        if not isinstance(codec, Adaptable):
            return live
        return {name: live[name] for name in codec.codebook_tensors()}

    def check_lesson(self, codec: Codec, lesson: Lesson) -> None:
        """Raises CodecError when the codec can make nothing of the lesson's segments."""
        from edge.adapt.lessons import adaptable

        adaptable(codec).inputs_from_segments(lesson.segments)

    def rounds(self, codec: Codec, originals: Sequence[Picture], settings: AdaptSettings) -> Rounds:
        """The codebook rounds of DFT. Raises AdaptError."""
        from edge.adapt.codebook_rounds import CodebookRounds

        return CodebookRounds(codec, originals, settings)

    def tuner(
        self,
        codec: Codec,
        lessons: Sequence[Lesson],
        settings: AdaptSettings,
        start: Tensors,
        codebooks: Tensors | None,
    ) -> Tuning:
        """The decoder's training. Raises AdaptError."""
        from edge.adapt.tuner import tuner_for

        return tuner_for(codec, lessons, settings, start, codebooks)


def live_parameters(codec: Codec) -> Tensors:
    """Every tensor of a codec that is in service; to be called in the codec thread. Empty for a codec without any."""
    return codec.parameters() if isinstance(codec, TensorHolder) else {}
