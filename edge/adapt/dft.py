"""Decoder fine-tuning with originals (DFT; FTSC, section IV-A, eq. (6)).

The encoder is frozen; the codebooks were updated before, at both ends (codebook_rounds.py), so what is left of eq. (6)
is MSE(x, y) over the decoder. The receiver encodes the originals itself, with the new codebooks. When the latents that
came with them show noise, every step meets fresh noise of the strength that was measured, not the same errors again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from edge.adapt import noise, slices
from edge.adapt.crops import Grid, masked_mse
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson, adaptable, check_pictures
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Codec
from edge.codecs.tensors import Tensors
from edge.images import Picture


class DecoderFineTuning:
    """Eq. (6) on a codec whose decoder is the deployed one (see Objective in tuner.py)."""

    unit = "dB"

    def __init__(
        self, codec: Codec, lessons: Sequence[Lesson], settings: AdaptSettings, codebooks: Tensors | None
    ) -> None:
        """Puts `codebooks` in force on the codec, after `before` was judged with those it had."""
        self._codec = adaptable(codec)
        originals = _originals(lessons)
        check_pictures(codec, originals)
        self._pictures = torch.from_numpy(np.stack(originals)).permute(0, 3, 1, 2)
        self._teaching, self._judging = slices.split(len(lessons), settings.validation, settings.seed)
        self._settings = settings
        features = slices.encoded(self._codec, self._pictures)
        clean = slices.quantized(self._codec, features)
        received = slices.received_maps(self._codec, lessons)
        if [one.shape for one in received] != [one.shape for one in clean]:
            raise AdaptError("lessons: the latents are not of the originals' size; send both of the same images")
        self._noise = self._measured(received, clean)
        self.before = self._judged(clean)
        if codebooks:
            self._codec.replace(codebooks)
            clean = slices.quantized(self._codec, features)
        self._maps = clean
        height, width = originals[0].shape[:2]
        self._grid = Grid.over(height, width, clean, settings.crop)

    def loss(self, generator: torch.Generator) -> Tensor:
        """MSE of one batch of crops."""
        pictures, inputs, counted = [], [], []
        for pick in torch.randint(len(self._teaching), (self._settings.batch,), generator=generator).tolist():
            i = self._teaching[pick]
            corner = self._grid.draw(generator)
            pictures.append(slices.as_floats(self._grid.of_picture(self._pictures[i], *corner)))
            counted.append(self._grid.counted(*corner))
            inputs.append(self._grid.of_maps([one[i] for one in self._maps], *corner))
        batch = [torch.stack(of_map) for of_map in zip(*inputs, strict=True)]
        return masked_mse(
            self._codec.reconstruct(self._noisy(batch, generator)), torch.stack(pictures), torch.stack(counted)
        )

    def judge(self) -> float:
        """Mean PSNR in dB against the originals of the validation slice."""
        return self._judged(self._maps)

    def _judged(self, maps: slices.Maps) -> float:
        generator = torch.Generator().manual_seed(self._settings.seed)
        inputs = self._noisy([one[self._judging] for one in maps], generator)
        references = slices.as_floats(self._pictures[self._judging])
        return slices.mean_psnr_db(slices.reconstructed(self._codec, inputs), references)

    def _measured(self, received: slices.Maps, clean: slices.Maps) -> list[noise.MapNoise]:
        return [
            noise.measured(got, sent, book) for got, sent, book in zip(received, clean, self._books(clean), strict=True)
        ]

    def _noisy(self, maps: slices.Maps, generator: torch.Generator) -> slices.Maps:
        return [
            one.on(clean, book, generator)
            for one, clean, book in zip(self._noise, maps, self._books(maps), strict=True)
        ]

    def _books(self, maps: slices.Maps) -> list[Tensor | None]:
        """The codebook of each map; None for each of a continuous codec."""
        return [*self._codec.codebook_tensors().values()] or [None] * len(maps)


def _originals(lessons: Sequence[Lesson]) -> list[Picture]:
    originals = []
    for i, lesson in enumerate(lessons):
        if lesson.original is None:
            raise AdaptError(f"lessons[{i}]: came without its original, which dft needs; send it or take lsdft")
        originals.append(lesson.original)
    return originals
