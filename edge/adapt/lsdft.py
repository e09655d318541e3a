"""Decoder fine-tuning from latents alone (LSDFT; FTSC, section IV-B, eq. (7)).

The receiver holds a frozen copy of the encoder. What it decodes, encoded again, should be the latent that came:
MSE(z_q(x), z_e(y)) on the bottom map, over the decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edge.adapt import denoise, noise, slices
from edge.adapt.crops import Grid
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson, adaptable
from edge.adapt.settings import AdaptSettings
from edge.codecs.contract import Codec
from edge.codecs.tensors import Tensors


class LatentSpaceFineTuning:
    """Eq. (7) and its regulariser on a codec whose decoder is the deployed one (see Objective in tuner.py)."""

    def __init__(
        self, codec: Codec, lessons: Sequence[Lesson], settings: AdaptSettings, codebooks: Tensors | None
    ) -> None:
        """Raises AdaptError when there are new codebooks: LSDFT freezes them."""
        if codebooks:
            raise AdaptError("adapt.rounds: lsdft freezes the codebooks, but new ones were given; take dft")
        self._codec = adaptable(codec)
        self._settings = settings
        self._teaching, self._judging = slices.split(len(lessons), settings.validation, settings.seed)
        self._received = slices.received_maps(self._codec, lessons)
        self._labels = self._cleaned(codec)
        self._noise = [
            noise.measured(got, label, book)
            for got, label, book in zip(self._received, self._labels, self._books(), strict=True)
        ]
        self._guesses = slices.reconstructed(self._codec, self._labels)
        self._again = slices.quantized(self._codec, slices.encoded(self._codec, self._guesses))
        height, width = self._guesses.shape[-2:]
        self._grid = Grid.over(height, width, self._labels, settings.crop)
        self.before = self.judge()

    def loss(self, generator: torch.Generator) -> Tensor:
        """Eq. (7) of one batch of crops, and proximity times the regulariser on the same crops."""
        received, labels, again, guesses = self._batch(generator)
        compared = self._codec.compared_map
        loss = nn.functional.mse_loss(
            self._codec.features(self._codec.reconstruct(received))[compared], labels[compared]
        )
        if self._settings.proximity > 0:
            noisy = [one.on(clean, book, generator) for one, clean, book in self._with_noise(again)]
            pull = nn.functional.mse_loss(self._codec.reconstruct(noisy), guesses)
            loss = loss + self._settings.proximity * pull
        return loss

    def judge(self) -> float:
        """Mean PSNR in dB of the validation slice's guesses, sent once more, against themselves."""
        generator = torch.Generator().manual_seed(self._settings.seed)
        inputs = [
            one.on(clean, book, generator)
            for one, clean, book in self._with_noise([one[self._judging] for one in self._again])
        ]
        return slices.mean_psnr_db(slices.reconstructed(self._codec, inputs), self._guesses[self._judging])

    def _batch(self, generator: torch.Generator) -> tuple[slices.Maps, slices.Maps, slices.Maps, Tensor]:
        """Crops: what arrived, its labels, the guesses' own latents, and the guesses."""
        rows: list[tuple[slices.Maps, slices.Maps, slices.Maps]] = []
        pictures = []
        for pick in torch.randint(len(self._teaching), (self._settings.batch,), generator=generator).tolist():
            i, corner = self._teaching[pick], self._grid.draw(generator)
            received, labels, again = (
                self._grid.of_maps([one[i] for one in maps], *corner)
                for maps in (self._received, self._labels, self._again)
            )
            rows.append((received, labels, again))
            pictures.append(self._grid.of_picture(self._guesses[i], *corner))
        received, labels, again = (
            [torch.stack(of_map) for of_map in zip(*(row[kind] for row in rows), strict=True)] for kind in range(3)
        )
        return received, labels, again, torch.stack(pictures)

    def _cleaned(self, codec: Codec) -> slices.Maps:
        """The labels: what arrived, or what the denoisers make of it."""
        if not self._settings.denoise:
            return self._received
        description = codec.describe()
        return denoise.denoised(denoise.load(denoise.shipped_path(description), description), self._received)

    def _books(self) -> list[Tensor | None]:
        """The codebook of each map; None for each of a continuous codec."""
        return [*self._codec.codebook_tensors().values()] or [None] * len(self._received)

    def _with_noise(self, maps: slices.Maps) -> list[tuple[noise.MapNoise, Tensor, Tensor | None]]:
        return list(zip(self._noise, maps, self._books(), strict=True))
