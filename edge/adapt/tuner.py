"""One fine-tuning of a decoder at a receiver, with its checkpoints. What is minimised, and how the result is judged, is
the method's (dft.py, lsdft.py), the loop is in descent.py. Not thread-safe: it runs in one thread, on its own codec.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from edge.adapt.descent import Descent, Objective, TunerProgress, Verdict
from edge.adapt.dft import DecoderFineTuning
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson, adaptable
from edge.adapt.lsdft import LatentSpaceFineTuning
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Codec, CodecError
from edge.codecs.tensors import Tensors


class Tuner:
    """`advance` until `finished`, then `verdict` and `tensors`."""

    def __init__(
        self,
        codec: Codec,
        lessons: Sequence[Lesson],
        settings: AdaptSettings,
        start: Tensors,
        codebooks: Tensors | None = None,
    ) -> None:
        """codec: opened with Half.BOTH for this tuner alone. start: what the deployed decoder holds (`parameters()`),
        where that differs from what was opened. codebooks: those of the last round of eq. (5), when there were rounds.

        Raises AdaptError for a codec, lessons or tensors that cannot be used."""
        self._codec = adaptable(codec)
        self._settings = settings
        method = DecoderFineTuning if settings.method == "dft" else LatentSpaceFineTuning
        try:
            held = set(self._codec.parameters())
            deployed = {name: tensor for name, tensor in start.items() if name in held}
            if deployed:
                self._codec.replace(deployed)
            decoder = self._codec.decoder_tensors()
            self._objective: Objective = method(codec, lessons, settings, codebooks)
        except CodecError as error:
            raise AdaptError(str(error)) from error
        self.unit = self._objective.unit
        self._descent = Descent(
            decoder,
            self._objective,
            learning_rate=settings.learning_rate,
            steps=settings.steps,
            judge_steps=settings.checkpoint_steps,
            seed=settings.seed,
        )
        self._identity = self._identified(lessons, start)

    @property
    def step(self) -> int:
        return self._descent.step

    @property
    def steps(self) -> int:
        return self._descent.steps

    @property
    def finished(self) -> bool:
        return self._descent.finished

    def advance(self, count: int) -> TunerProgress:
        """At most `count` more steps. A loss that is not finite ends the run; the best decoder so far is kept."""
        return self._descent.advance(count)

    def verdict(self) -> Verdict:
        """Of the best decoder so far; final once `finished`."""
        return self._descent.verdict()

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The best validated decoder and the codebooks it goes with, named as in the codec's `parameters()`. Copies."""
        books = {name: book.detach() for name, book in self._codec.codebook_tensors().items()}
        return {name: tensor.contiguous().numpy().copy() for name, tensor in (self._descent.best | books).items()}

    def save(self, path: Path) -> None:
        """Writes a checkpoint, whole or not at all."""
        state = {"identity": self._identity, **self._descent.state()}
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on where `save` was called, exactly. Raises AdaptError, and changes nothing, when the file is no whole
        checkpoint or belongs to another fine-tuning."""
        if not zipfile.is_zipfile(path):  # torch.load would try older formats, and fail in many ways
            raise AdaptError(f"{path.name}: not a whole checkpoint; remove it and start again")
        try:
            state = torch.load(path, weights_only=True)
        except (RuntimeError, ValueError, KeyError, EOFError, OSError) as error:
            raise AdaptError(f"{path.name}: not a readable checkpoint ({error}); remove it and start again") from error
        if not isinstance(state, dict) or state.get("identity") != self._identity:
            raise AdaptError(f"{path.name}: belongs to a fine-tuning with other settings; remove it and start again")
        self._descent.put_state(state)

    def _identified(self, lessons: Sequence[Lesson], start: Tensors) -> str:
        """What a checkpoint must share with the run that resumes it."""
        digest = hashlib.sha256(self._settings.to_json().encode())
        for lesson in lessons:
            for segment in lesson.segments:
                digest.update(segment.values.tobytes())
        for name, tensor in sorted(start.items()):
            digest.update(name.encode() + tensor.tobytes())
        for name, book in sorted(self._codec.codebook_tensors().items()):
            digest.update(name.encode() + book.detach().contiguous().numpy().tobytes())
        return digest.hexdigest()


def tuner_for(
    codec: Codec, lessons: Sequence[Lesson], settings: AdaptSettings, start: Tensors, codebooks: Tensors | None = None
) -> Tuner:
    """The tuner for the settings' method; what a node uses. See Tuner."""
    return Tuner(codec, lessons, settings, start, codebooks)
