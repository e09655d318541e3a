"""Decoder fine-tuning from latents alone (LSDFT; FTSC, section IV-B, eq. (7)).

The receiver holds a frozen copy of the encoder. What it decodes, encoded again, should be the latent that came:
MSE(z_q(x), z_e(y)) on the bottom map, over the decoder.

On our codecs eq. (7) alone makes pictures worse: the deployed decoder already meets it to about a third of L_q, the
distance that the true picture has, so going on fits the quantisation error. So a second term is added, which needs no
originals either. Whatever the true pictures are, moved and mirrored they are pictures of the same kind, and the whole
transceiver should carry these as well (the idea of equivariant imaging; Chen, Tachella and Davies 2021): the deployed
decoder's own pictures, mirrored and shifted against the grid of the latents, are encoded, sent in thought, decoded, and
compared with themselves. Its weight against eq. (7) is `equivariance`.

PSNR in dB on 8 evaluation pictures of 256x256 after 60 steps on 32 latents, scale 4, no noise, one seed; deployed /
equivariance 0, which is eq. (7) alone / 10, the default / 100 / DFT: X-ray 38.14 / 36.37 / 38.35 / 38.38 / 39.31,
CamVid 34.13 / 32.47 / 34.24 / 34.24 / 34.75, anime 37.00 / 31.65 / 37.15 / 37.07 / 38.13, Fashion-MNIST 42.81 / 40.14 /
43.88 / 44.04 / 48.49. By eq. (7) alone the objective on held-out latents fell by 41 to 58 % while PSNR lost 1.7 to
5.3 dB, so with equivariance 0 the verdict means nothing. `python -m tools.ftsc.ablations` measures it (docs/ftsc.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge.adapt import denoise, noise, slices
from edge.adapt.crops import Grid, masked_mse
from edge.adapt.errors import AdaptError
from edge.adapt.lessons import Lesson, adaptable
from edge.adapt.settings import AdaptSettings
from edge.codecs import requantize
from edge.codecs.contract import Codec
from edge.codecs.tensors import Tensors


@dataclass(frozen=True)
class Batch:
    """Crops. received: what arrived; labels: what eq. (7) compares with; guesses: the deployed decoder's pictures;
    counted: [B, 1, rows, columns], see Grid."""

    received: slices.Maps
    labels: slices.Maps
    guesses: Tensor
    counted: Tensor


class LatentSpaceFineTuning:
    """Eq. (7) and its regulariser on a codec whose decoder is the deployed one (see Objective in tuner.py)."""

    unit = "loss"

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
        height, width = self._guesses.shape[-2:]
        self._grid = Grid.over(height, width, self._labels, settings.crop)
        self.before = self.judge()

    def loss(self, generator: torch.Generator) -> Tensor:
        """Eq. (7) of one batch of crops, and equivariance times the second term on the same crops."""
        return self._objective(self._batch(generator), generator)

    @torch.no_grad()
    def judge(self) -> float:
        """The same on the latents held out, whole pictures; less is better."""
        generator = torch.Generator().manual_seed(self._settings.seed)
        losses = [float(self._objective(self._whole(i), generator)) for i in self._judging]
        return sum(losses) / len(losses)

    def _objective(self, batch: Batch, generator: torch.Generator) -> Tensor:
        found = self._codec.features(self._codec.reconstruct(batch.received))[self._codec.compared_map]
        wanted = batch.labels[self._codec.compared_map]
        height, width = wanted.shape[-2:]
        loss = masked_mse(found, wanted, nn.functional.adaptive_avg_pool2d(batch.counted, (height, width)))
        if self._settings.equivariance > 0:
            loss = loss + self._settings.equivariance * self._carried(batch.guesses, generator)
        return loss

    def _carried(self, guesses: Tensor, generator: torch.Generator) -> Tensor:
        """MSE of pictures, moved and mirrored, after another journey through encoder, noise and decoder."""
        moved = self._grid.moved(guesses, generator)
        with torch.no_grad():
            sent = self._codec.quantize(self._codec.features(moved))
            arrived = [
                one.on(clean, book, generator)
                for one, clean, book in zip(self._noise, sent, self._books(), strict=True)
            ]
        return nn.functional.mse_loss(self._codec.reconstruct(arrived), moved)

    def _whole(self, i: int) -> Batch:
        received, labels = ([one[i : i + 1] for one in maps] for maps in (self._received, self._labels))
        guess = self._guesses[i : i + 1]
        return Batch(received, labels, guess, torch.ones_like(guess[:, :1]))

    def _batch(self, generator: torch.Generator) -> Batch:
        rows = []
        for pick in torch.randint(len(self._teaching), (self._settings.batch,), generator=generator).tolist():
            i, corner = self._teaching[pick], self._grid.draw(generator)
            parts = [self._grid.of_maps([one[i] for one in maps], *corner) for maps in (self._received, self._labels)]
            rows.append((*parts, self._grid.of_picture(self._guesses[i], *corner), self._grid.counted(*corner)))
        received, labels, guesses, counted = zip(*rows, strict=True)
        return Batch(stacked(received), stacked(labels), torch.stack(guesses), torch.stack(counted))

    def _cleaned(self, codec: Codec) -> slices.Maps:
        """The labels: the likely codebook vectors (what arrived, when there was no noise), denoised when asked for."""
        likely = [
            one if book is None else requantize.cleaned(one, book)
            for one, book in zip(self._received, self._books(), strict=True)
        ]
        if not self._settings.denoise:
            return likely
        description = codec.describe()
        return denoise.denoised(denoise.load(denoise.shipped_path(description), description), likely)

    def _books(self) -> list[Tensor | None]:
        """The codebook of each map; None for each of a continuous codec."""
        return [*self._codec.codebook_tensors().values()] or [None] * len(self._received)


def stacked(rows: Sequence[slices.Maps]) -> slices.Maps:
    """The maps of several pictures, each [D, h, w] -> one [B, D, h, w] a map."""
    return [torch.stack(of_map) for of_map in zip(*rows, strict=True)]
